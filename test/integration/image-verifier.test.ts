// What containerd is told about an image that a node is about to pull: by its arguments, its
// standard input, an exit code and one line of reason.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { keyBundle, modelStatement } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { type Layer, sha256 } from '../registry/push.ts';
import { answering, when } from '../registry/quirks.ts';
import { signatureTag, simpleSigning } from '../registry/sign-image.ts';
import { run, runProcess, workFolder } from './cli.ts';
import { command, type Ended } from './in-process.ts';

const DESCRIPTOR = 'application/vnd.oci.descriptor.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const work = workFolder();
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const release = pair();
const security = pair();
const stranger = pair();
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const attestor = (name: string, key: KeyObject) => ({
  name,
  cosign: { key: { data: pemOf(key) }, ctlog: { insecureIgnoreTlog: true } },
});
const MODELS = {
  name: 'models',
  match: ['**/models/**'],
  require: [{ signature: { attestors: ['release'] } }],
};

const registry = await FakeRegistry.start();
const image = registry.add([{ mediaType: 'application/vnd.oci.image.layer.v1.tar', bytes: Buffer.from('signed') }]);
registry.add([simpleSigning(image, release.privateKey)], signatureTag(image));

describe('17: weighlock image-verifier', () => {
  let count = 0;

  function signed(digest: string, key: KeyObject, about = digest): void {
    registry.add([simpleSigning(about, key)], signatureTag(digest));
  }

  /** An image that nobody signed yet. */
  function fresh(): string {
    return registry.add([{ mediaType: 'application/octet-stream', bytes: Buffer.from(`${count++}`) }], `t${count}`);
  }

  function policy(change: Record<string, unknown> = {}): string {
    const file = join(work, `policy-${count++}.yaml`);
    const spec = {
      attestors: [attestor('release', release.publicKey), attestor('security', security.publicKey)],
      registries: { plainHttp: [registry.host] },
      images: [MODELS],
      ...change,
    };
    const top = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'NodeImagePolicy', metadata: { name: 'node' }, spec };
    writeFileSync(file, stringify(top, { aliasDuplicateObjects: false }));
    return file;
  }

  interface Question {
    readonly name?: string;
    readonly digest?: string;
    readonly type?: string;
    readonly stdin?: string | Readable;
    readonly policy?: string;
    readonly more?: readonly string[];
  }

  /** Asks as containerd does. */
  function ask(question: Question = {}): Promise<Ended> {
    const { digest = image, type = DESCRIPTOR, more = [] } = question;
    const { name = `${registry.host}/models/m:v1`, policy: file = policy() } = question;
    const descriptor = JSON.stringify({ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 3 });
    const { stdin = `${descriptor}\n` } = question;
    const words = ['-name', name, '-digest', digest, '-stdin-media-type', type, ...more];
    const input = typeof stdin === 'string' ? Readable.from([Buffer.from(stdin)]) : stdin;
    return command(['image-verifier', `--policy=${file}`, ...words], {}, input);
  }

  const told = (ended: Ended) => ended.stdout + ended.stderr;
  function refused(ended: Ended, pattern: RegExp, status = 65): void {
    assert.equal(ended.status, status, told(ended));
    assert.match(told(ended), pattern);
    assert.ok(ended.stdout.length <= 701, `${ended.stdout.length}`);
  }
  function allowed(ended: Ended, pattern: RegExp): void {
    assert.equal(ended.status, 0, told(ended));
    assert.match(ended.stdout, pattern);
  }

  it('allows an image that was signed, by tag, by digest and by both, and asks for none of its content', async () => {
    registry.requests.length = 0;
    for (const suffix of [':v1', `@${image}`, `:v1@${image}`])
      allowed(await ask({ name: `${registry.host}/models/m${suffix}` }), /signed by release: key/);
    assert.deepEqual(registry.asked(new RegExp(sha256('signed'))), []);
  });

  it('allows an index that was signed, and no image of it that was not', async () => {
    const child = fresh();
    const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: child, size: 3 }];
    const index = registry.addManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })),
      'index',
      INDEX,
    );
    signed(index, release.privateKey);
    allowed(await ask({ digest: index }), /signed by/);
    refused(await ask({ digest: child }), /SIGNATURE_MISSING/);
  });

  it('refuses what is not signed, signed by others, about another image, or damaged', async () => {
    refused(await ask({ digest: fresh() }), /is refused: SIGNATURE_MISSING.*have the artifact signed/);
    const theirs = fresh();
    signed(theirs, stranger.privateKey);
    refused(await ask({ digest: theirs }), /SIGNATURE_INVALID/);
    const moved = fresh();
    signed(moved, release.privateKey, image);
    refused(await ask({ digest: moved }), /SIGNATURE_INVALID.*another artifact/);
    const damaged = fresh();
    const layer = simpleSigning(damaged, release.privateKey);
    registry.add([{ ...layer, bytes: Buffer.concat([layer.bytes, Buffer.from(' ')]) }], signatureTag(damaged));
    refused(await ask({ digest: damaged }), /SIGNATURE_INVALID/);
  });

  function attach(digest: string, layer: Layer): void {
    const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 3 };
    const referrer = registry.add([layer], `ref-${count++}`, { artifactType: BUNDLE, subject });
    const size = registry.manifests.get(referrer)?.bytes.length;
    const manifests = [{ mediaType: subject.mediaType, digest: referrer, size, artifactType: BUNDLE }];
    registry.addManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })),
      digest.replace(':', '-'),
      INDEX,
    );
  }
  const bundle = (statement: object): Layer => ({
    mediaType: BUNDLE,
    bytes: Buffer.from(JSON.stringify(keyBundle(statement, release.privateKey))),
  });

  it('takes no signature of files for one of the image, also where it is an alternative', async () => {
    const digest = fresh();
    attach(digest, bundle(modelStatement({ 'config.json': '{}' })));
    refused(await ask({ digest }), /files, which a node does not see/);
    const signature = { signature: { attestors: ['release'] } };
    const review = { attestation: { type: 'https://example.com/review', attestors: ['security'] } };
    const either = policy({ images: [{ ...MODELS, require: [{ anyOf: [signature, review] }] }] });
    refused(await ask({ digest, policy: either }), /files, which/);
  });

  it('asks for attestations and what they must say', async () => {
    const digest = fresh();
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'x', digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://example.com/scan/v1',
      predicate: { result: 'clean' },
    };
    attach(digest, bundle(statement));
    const asking = (condition: string) =>
      policy({
        images: [
          {
            ...MODELS,
            require: [
              { attestation: { type: statement.predicateType, attestors: ['release'], conditions: [condition] } },
            ],
          },
        ],
      });
    allowed(await ask({ digest, policy: asking("predicate.result == 'clean'") }), /signed by release/);
    refused(await ask({ digest, policy: asking("predicate.result == 'bad'") }), /CONDITION_FAILED/);
    refused(await ask({ digest }), /SIGNATURE_MISSING/);
  });

  it('adds up what all rules ask that match; a rule that allows takes nothing away', async () => {
    const all = { name: 'all', match: [`${registry.host}/**`], allow: true };
    const second = { ...MODELS, name: 'second', require: [{ signature: { attestors: ['security'] } }] };
    const listed = { name: 'listed', match: ['**'], digests: [image] };
    const digest = fresh();
    refused(await ask({ digest, policy: policy({ images: [all, MODELS] }) }), /SIGNATURE_MISSING/);
    refused(await ask({ digest, policy: policy({ images: [MODELS, all] }) }), /SIGNATURE_MISSING/);
    allowed(await ask({ digest, policy: policy({ images: [all] }) }), /allowed by rule all/);
    refused(await ask({ policy: policy({ images: [MODELS, second] }) }), /rule second|security/);
    signed(digest, release.privateKey);
    registry.add(
      [simpleSigning(digest, release.privateKey), simpleSigning(digest, security.privateKey)],
      signatureTag(digest),
    );
    allowed(await ask({ digest, policy: policy({ images: [MODELS, second] }) }), /release.*security/);
    refused(await ask({ digest, policy: policy({ images: [MODELS, listed] }) }), /DIGEST_MISMATCH.*rule listed/);
    allowed(await ask({ policy: policy({ images: [MODELS, listed] }) }), /signed by/);
    allowed(await ask({ name: 'other.test/x:1', policy: policy({ images: [listed] }) }), /allowed by rule listed/);
  });

  it('refuses what no rule speaks of, unless the policy allows it', async () => {
    const name = 'docker.io/library/busybox:1.37';
    refused(await ask({ name }), /no rule of policy node speaks of docker\.io\/library\/busybox/);
    allowed(await ask({ name, policy: policy({ unmatched: 'Allow' }) }), /no rule speaks of it/);
  });

  it('lets no other spelling of a name past a rule', async () => {
    const listed = { name: 'listed', match: ['registry.test/models/**', 'docker.io/acme/*'], digests: [image] };
    const file = policy({ images: [listed], unmatched: 'Allow' });
    for (const name of [
      'REGISTRY.test/models/m:v1',
      'registry.test:443/models/m:v1',
      'docker.io/acme/m:v1',
      'index.docker.io/acme/m:v1',
      'registry-1.docker.io/acme/m:v1',
      'acme/m:v1',
      'registry-1.docker.io:443/acme/m',
    ]) {
      refused(await ask({ name, digest: fresh(), policy: file }), /DIGEST_MISMATCH/);
    }
  });

  it('in Audit, says what it would refuse, and allows it; by failurePolicy, what cannot be found out', async () => {
    const digest = fresh();
    allowed(await ask({ digest, policy: policy({ mode: 'Audit' }) }), /UNVERIFIED.*SIGNATURE_MISSING/);
    const name = '127.0.0.1:1/models/m:v1';
    const down = { registries: { plainHttp: ['127.0.0.1:1'] }, timeout: '300ms' };
    refused(await ask({ name, policy: policy(down) }), /TIMEOUT|SOURCE_UNAVAILABLE/, 75);
    refused(await ask({ name, policy: policy({ ...down, mode: 'Audit' }) }), /TIMEOUT|SOURCE_UNAVAILABLE/, 75);
    allowed(await ask({ name, policy: policy({ ...down, failurePolicy: 'Ignore' }) }), /UNVERIFIED/);
    refused(await ask({ digest, policy: policy({ failurePolicy: 'Ignore' }) }), /SIGNATURE_MISSING/);
  });

  it('leaves it open whether an image was signed where a place of signatures cannot be read', async () => {
    const digest = fresh();
    registry.handler = when(/manifests\/sha256-\w+\.sig/, answering(403));
    try {
      refused(await ask({ digest }), /SOURCE_UNAVAILABLE.*not every place could be looked at/, 75);
      allowed(await ask({ digest, policy: policy({ failurePolicy: 'Ignore' }) }), /UNVERIFIED/);
    } finally {
      registry.handler = (_request, _response, next) => next();
    }
  });

  it('ends in the time of its policy when a registry accepts a connection and says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(silent.address() as { port: number }).port}`;
    const file = policy({ registries: { plainHttp: [host] }, timeout: '300ms' });
    try {
      refused(await ask({ name: `${host}/models/m:v1`, policy: file }), /TIMEOUT|SOURCE_UNAVAILABLE/, 75);
    } finally {
      silent.close();
    }
  });

  it('refuses arguments that are none of containerd, whatever they say', async () => {
    const words = (...more: string[]) =>
      command(['image-verifier', `--policy=${policy()}`, ...more], {}, Readable.from([]));
    const name = ['-name', `${registry.host}/models/m:v1`];
    const digest = ['-digest', image];
    const type = ['-stdin-media-type', DESCRIPTOR];
    for (const [more, status] of [
      [[], 64],
      [[...name, ...digest], 64],
      [[...name, ...type], 64],
      [[...digest, ...type], 64],
      [[...name, ...name, ...digest, ...type], 64],
      [[...name, ...digest, ...type, 'more'], 64],
      [[...name, ...digest, ...type, '-insecure'], 64],
      [['-name', '', ...digest, ...type], 64],
      [['-name'], 64],
      [[...name, '-digest', 'sha256:abc', ...type], 64],
      [[...name, '-digest', `sha512:${'a'.repeat(128)}`, ...type], 64],
      [[...name, ...digest, '-stdin-media-type', 'application/json'], 64],
      [['-name', '../../etc', ...digest, ...type], 78],
      [['-name', 'x'.repeat(100_000), ...digest, ...type], 78],
      [['-name', `${registry.host}/models/m@sha256:${'0'.repeat(64)}`, ...digest, ...type], 64],
    ] as const) {
      const { status: found, stdout, stderr } = await words(...more);
      assert.equal(found, status, `${more.join(' ').slice(0, 200)}: ${stdout}${stderr}`);
    }
  });

  it('refuses a standard input that is not the descriptor of that digest', async () => {
    const other = JSON.stringify({ digest: `sha256:${'0'.repeat(64)}` });
    for (const stdin of [
      '',
      'null',
      '[]',
      '{',
      '{}',
      '{"digest": 1}',
      '{"digest": "x"}',
      other,
      `{"digest":"${image}","digest":"${image}"}`,
      `{"digest":"${image}"}${' '.repeat(1 << 16)}`,
      `{"digest":"${image}","a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
      '\xff\xfe',
    ]) {
      const ended = await ask({ stdin });
      assert.notEqual(ended.status, 0, stdin.slice(0, 100));
    }
    const broken = Readable.from([]);
    broken.destroy(new Error('EIO'));
    assert.notEqual((await ask({ stdin: broken })).status, 0);
    const endless = new Readable({ read() {} });
    endless.push('{');
    refused(await ask({ stdin: endless, policy: policy({ timeout: '200ms' }) }), /TIMEOUT/, 75);
  });

  it('refuses by a policy that is not there, or not one', async () => {
    for (const file of [join(work, 'absent.yaml'), work]) refused(await ask({ policy: file }), /CONFIG_INVALID/, 78);
    refused(await ask({ policy: policy({ images: [], unmatched: 'Allow' }) }), /check nothing/, 78);
    refused(await ask({ policy: policy({ unmached: 'Allow' }) }), /did you mean unmatched/, 78);
    refused(await ask({ policy: policy({ images: [] }) }), /no rule of policy/);
  });

  it('puts nothing hidden into its reason', async () => {
    const { stdout } = await ask({ name: 'docker.io/library/busybox:1', policy: policy({ mode: 'Audit' }) });
    assert.match(stdout, /^[\x20-\x7e]+\n$/);
  });

  it('as a process of its own reads standard input, and gives every reason on standard output', async () => {
    const words = ['-name', `${registry.host}/models/m:v1`, '-digest', image, '-stdin-media-type', DESCRIPTOR];
    const file = policy();
    const piped = (input: string, ...more: string[]) =>
      runProcess(['image-verifier', ...words, ...more], {
        environment: { WEIGHLOCK_POLICY: file },
        stdio: ['pipe', 'pipe', 'pipe'],
        during: ({ stdin }) => void stdin?.end(input),
      });
    const good = await piped(JSON.stringify({ digest: image }));
    assert.equal(good.status, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /signed by release/);
    const bad = await piped('no', '-x');
    assert.equal(bad.status, 64);
    assert.match(bad.stdout, /Unknown argument/);
  });

  it('its policy is checked and explained by weighlock policy', async () => {
    const file = policy({ unmatched: 'Allow' });
    const checked = await run(['policy', 'check', file]);
    assert.equal(checked.status, 0, checked.stderr);
    const { stdout } = await run(['policy', 'explain', file]);
    assert.match(stdout, /models/);
    assert.match(stdout, /Allow|allowed/);
    const wrong = policy({ images: [{ ...MODELS, match: ['nothing'] }] });
    const { status, stderr } = await run(['policy', 'check', wrong]);
    assert.equal(status, 78);
    assert.match(stderr, /no pattern of registry and repository/);
  });
});
