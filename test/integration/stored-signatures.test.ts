// Signatures that a registry stores of models: as referrers, and as layers of the artifact; what
// they say beside.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Draft, hex, ISSUER, keyBundle, modelStatement, SUBJECT, World } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import type { Layer } from '../registry/push.ts';
import { answering, when } from '../registry/quirks.ts';
import { passed, refused, run, workFolder } from './cli.ts';
import { verifyOci } from './verify-oci.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const oms = (name: string) => fileURLToPath(new URL(`../fixtures/model-signing/${name}`, import.meta.url));
const work = workFolder();
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const save = (name: string, content: string | Buffer) => {
  writeFileSync(join(work, name), content);
  return join(work, name);
};
const keyFile = save('key.pub', pemOf(publicKey));
const KEY = ['--key', keyFile, '--insecure-ignore-tlog'];
const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa' };

const layer = (title: string, bytes: string | Buffer): Layer => ({
  mediaType: 'application/octet-stream',
  bytes: Buffer.from(bytes),
  annotations: { 'org.opencontainers.image.title': title },
});
const layersOf = (files: Readonly<Record<string, string | Buffer>>) =>
  Object.entries(files).map(([name, bytes]) => layer(name, bytes));

/** Attaches bundles to a manifest, as `oras attach` does; the registry has no referrers API. */
function attach(registry: FakeRegistry, digest: string, bundles: readonly (string | Draft)[], artifactType = BUNDLE) {
  const size = registry.manifests.get(digest)?.bytes.length;
  const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size };
  const manifests = bundles.map((bundle) => {
    const bytes = Buffer.from(typeof bundle === 'string' ? bundle : JSON.stringify(bundle));
    const referrer = registry.add([{ mediaType: BUNDLE, bytes }], `ref-${hex(bytes)}`, { artifactType, subject });
    const { length } = registry.manifests.get(referrer)?.bytes ?? Buffer.alloc(0);
    return { mediaType: subject.mediaType, digest: referrer, size: length, artifactType };
  });
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
  registry.addManifest(index, digest.replace(':', '-'), INDEX);
}

const pull = (registry: FakeRegistry, flags: readonly string[], reference = ':v1') =>
  verifyOci(registry, reference, flags);

/** Every file of the fixture, by name. */
function fixtureFiles(folder = oms('model')): Record<string, Buffer> {
  const files: Record<string, Buffer> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (statSync(path).isFile()) files[relative(folder, path)] = readFileSync(path);
  }
  return files;
}

describe('a model signature in a registry', () => {
  it('as a referrer is held against the files that come', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add(layersOf(FILES));
    refused(await pull(registry, KEY), 'SIGNATURE_MISSING');
    attach(registry, digest, [keyBundle(modelStatement(FILES), privateKey)]);
    passed(await pull(registry, KEY));
    passed(await pull(registry, KEY, `@${digest}`));
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    refused(await pull(registry, ['--key', save('other.pub', pemOf(other.publicKey))]), 'SIGNATURE_INVALID');
    // What is attached to this artifact may be of others.
    for (const files of [{ ...FILES, 'config.json': '{ }' }, { 'config.json': '{}' }, { ...FILES, more: 'x' }]) {
      attach(registry, digest, [keyBundle(modelStatement(files), privateKey)]);
      const result = await pull(registry, KEY);
      refused(
        result,
        /more/.test(JSON.stringify(files))
          ? 'FILE_MISSING'
          : result.codes.includes('FILE_UNEXPECTED')
            ? 'FILE_UNEXPECTED'
            : 'DIGEST_MISMATCH',
      );
    }
    attach(registry, digest, [keyBundle(modelStatement(FILES), privateKey)], 'application/vnd.example.model-signature');
    passed(await pull(registry, KEY));
  });

  it('that is no model signature counts for the manifest only (S7)', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add(layersOf(FILES));
    const sbom = { ...modelStatement(FILES), predicateType: 'https://spdx.dev/Document', predicate: {} };
    attach(registry, digest, [keyBundle(sbom, privateKey)]);
    refused(await pull(registry, KEY), 'SIGNATURE_MISSING', /of the type/);
  });

  it('as a layer is fetched first, and is no part of the model', async () => {
    const registry = await FakeRegistry.start();
    const bundle = JSON.stringify(keyBundle(modelStatement(FILES), privateKey));
    registry.add([...layersOf(FILES), layer('model.sig', bundle)]);
    passed(await pull(registry, KEY));
    registry.add([...layersOf({ ...FILES, 'hook.py': 'evil' }), layer('model.sig', bundle)], 'evil');
    refused(await pull(registry, KEY, ':evil'), 'FILE_UNEXPECTED', /hook\.py/);
    registry.add([...layersOf(FILES), layer('model.sig', bundle.replace(/"sig":"..../, '"sig":"AAAA'))], 'broken');
    const before = registry.requests.length;
    refused(await pull(registry, KEY, ':broken'), 'SIGNATURE_INVALID');
    const weights = `sha256:${hex(FILES['weights/a.bin'])}`;
    const asked = registry.requests.slice(before).filter(({ line }) => line.includes(weights));
    if (asked.length > 0) throw new Error('the weights were fetched');
  });

  it('is found by the name that a policy gives', async () => {
    const registry = await FakeRegistry.start();
    const bundle = JSON.stringify(keyBundle(modelStatement(FILES), privateKey));
    registry.add([...layersOf(FILES), layer('release.sig', bundle)]);
    const ask = (file: string) => {
      const destination = join(workFolder(), 'm');
      const policy = save(
        'layer.yaml',
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: layer}
spec:
  attestors: [{name: release, cosign: {key: {file: key.pub}, ctlog: {insecureIgnoreTlog: true}}}]
  artifacts:
    - name: model
      source: oci://${registry.host}/models/m:v1
      path: ${destination}
      require: [{signature: {attestors: [release], file: ${file}}}]
`,
      );
      const twice = async () => {
        const first = await run(['verify', '--policy', policy, '--plain-http', registry.host]);
        return first.status === 0 ? run(['verify', '--policy', policy, '--plain-http', registry.host]) : first;
      };
      return twice();
    };
    passed(await ask('release.sig'));
    refused(await ask('nothing.sig'), 'SIGNATURE_MISSING', /no such layer/);
  });

  it('with other hashes, or in shards, is held against what came', async () => {
    const files = fixtureFiles();
    for (const name of ['files-blake2', 'files-blake3', 'shards-sha256', 'shards-blake2', 'prime256v1']) {
      // Shards of the reference implementation leave out empty files.
      const ignored = name.startsWith('shards') ? ['--ignore-paths', 'empty'] : [];
      const key = ['--key', oms('keys/prime256v1.pub'), '--insecure-ignore-tlog', ...ignored];
      const registry = await FakeRegistry.start();
      const digest = registry.add(layersOf(files));
      attach(registry, digest, [readFileSync(oms(`${name}.sig`), 'utf8')]);
      passed(await pull(registry, key));
      const weights = Buffer.from(files['weights/w.bin'] ?? '');
      weights.writeUInt8(255, 77);
      const changed = registry.add(layersOf({ ...files, 'weights/w.bin': weights }), 'changed');
      attach(registry, changed, [readFileSync(oms(`${name}.sig`), 'utf8')]);
      refused(await pull(registry, key, ':changed'), 'DIGEST_MISMATCH', /w\.bin/);
    }
  });
});

describe('15.20: signatures at several places', () => {
  it('are judged by what was found; what could not be read counts only when that is not enough', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add(layersOf(FILES));
    attach(registry, digest, [keyBundle(modelStatement(FILES), privateKey)]);
    const sig = new RegExp(`${digest.slice(7)}\\.(sig|att)`);
    for (const status of [401, 403, 501]) {
      registry.handler = when(sig, answering(status));
      passed(await pull(registry, KEY));
    }
    // The place that has it is the one that does not answer: nobody can say that it is not signed.
    const list = new RegExp(`manifests/sha256-${digest.slice(7)}$`);
    registry.handler = when(list, answering(403));
    refused(await pull(registry, KEY), 'SOURCE_UNAVAILABLE', /not every place could be looked at.*403/, 75);
    // It answers, with something that is no signature: 65, whatever another place does.
    registry.handler = when(/manifests\/sha256-/, (request, response, next) =>
      list.test(request.url ?? '')
        ? answering(200, { 'content-type': INDEX }, '{"manifests":5}')(request, response, next)
        : answering(403)(request, response, next),
    );
    refused(await pull(registry, KEY), 'SIGNATURE_MISSING', /could not be read/);
  });
});

describe('what a signature says beside', () => {
  const simple = (digest: string, optional: object | null) =>
    Buffer.from(
      JSON.stringify({
        critical: {
          identity: { 'docker-reference': '' },
          image: { 'docker-manifest-digest': digest },
          type: 'cosign container image signature',
        },
        optional,
      }),
    );

  it('is what --annotations asks for, in every form that has a place for it (S26)', async () => {
    for (const form of ['old', 'new'] as const) {
      const registry = await FakeRegistry.start();
      const digest = registry.add(layersOf(FILES));
      const annotations = { env: 'prod', team: 'ml' };
      if (form === 'old') {
        const bytes = simple(digest, annotations);
        const signature = sign('sha256', bytes, privateKey).toString('base64');
        const type = 'application/vnd.dev.cosign.simplesigning.v1+json';
        registry.add(
          [{ mediaType: type, bytes, annotations: { 'dev.cosignproject.cosign/signature': signature } }],
          `${digest.replace(':', '-')}.sig`,
        );
      } else {
        const subject = [{ digest: { sha256: digest.slice(7) }, annotations }];
        const predicateType = 'https://sigstore.dev/cosign/sign/v1';
        const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} };
        attach(registry, digest, [keyBundle(statement, privateKey)]);
      }
      passed(await pull(registry, KEY));
      passed(await pull(registry, [...KEY, '--annotations', 'env=prod', '--annotations', 'team=ml']));
      refused(await pull(registry, [...KEY, '--annotations', 'env=dev']), 'CONDITION_FAILED', /says prod as env/);
      refused(await pull(registry, [...KEY, '--annotations', 'who=me']), 'CONDITION_FAILED', /says nothing as who/);
      refused(await pull(registry, [...KEY, '--annotations', 'toString=x']), 'CONDITION_FAILED', /nothing as toString/);
    }
  });

  it('is not there in a signature of bytes or of a model (S26)', async () => {
    const data = save('data.bin', 'a dataset');
    save('data.bin.sig', sign('sha256', readFileSync(data), privateKey).toString('base64'));
    const ask = ['verify', data, ...KEY, '--signature', join(work, 'data.bin.sig')];
    passed(await run(ask));
    refused(await run([...ask, '--annotations', 'env=prod']), 'CONDITION_FAILED', /has no annotations/);
    const registry = await FakeRegistry.start();
    attach(registry, registry.add(layersOf(FILES)), [keyBundle(modelStatement(FILES), privateKey)]);
    refused(await pull(registry, [...KEY, '--annotations', 'env=prod']), 'CONDITION_FAILED', /has no annotations/);
    refused(await run([...ask, '--annotations', 'env']), 'USAGE', /KEY=VALUE/, 64);
  });
});

describe('a tag that moves between two runs (S20)', () => {
  it('is asked for again: no verdict is kept by its name', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add(layersOf(FILES));
    attach(registry, digest, [keyBundle(modelStatement(FILES), privateKey)]);
    const destination = join(workFolder(), 'm');
    const reference = `oci://${registry.host}/models/m:v1`;
    const again = () => run(['verify', reference, destination, '--plain-http', registry.host, ...KEY]);
    passed(await again());
    passed(await again());
    registry.add(layersOf({ ...FILES, 'weights/a.bin': 'evil' }));
    refused(await again(), 'SIGNATURE_MISSING');
    refused(await pull(registry, KEY), 'SIGNATURE_MISSING');
    passed(await pull(registry, KEY, `@${digest}`));
  });
});

describe('an old artifact under a new tag (S22)', () => {
  let world: World;
  before(async () => {
    world = await World.create();
  });

  it('passes by its signature, and not by a digest or an age', async () => {
    const registry = await FakeRegistry.start();
    const signed = async (files: Record<string, string>, tag: string) => {
      const digest = registry.add(layersOf(files), tag);
      const subject = [{ digest: { sha256: digest.slice(7) } }];
      const predicateType = 'https://sigstore.dev/cosign/sign/v1';
      const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} };
      attach(registry, digest, [await world.attest(statement)]);
      return digest;
    };
    const old = await signed({ 'w.bin': 'vulnerable' }, 'v1');
    const current = await signed({ 'w.bin': 'mended' }, 'v2');
    const moved = registry.manifests.get(old);
    if (moved !== undefined) registry.manifests.set('v2', moved);
    const root = save('s22-root.json', world.root);
    const flags = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, '--trusted-root', root];
    passed(await pull(registry, flags, ':v2'));
    refused(await pull(registry, [...flags, '--max-age=1ms'], ':v2'), 'CONDITION_FAILED', /too long ago/);
    passed(await pull(registry, [...flags, '--max-age=1h'], `@${current}`));
    const destination = join(workFolder(), 'm');
    const path = `oci://${registry.host}/models/m:v2@${current}`;
    passed(await run(['verify', path, destination, '--plain-http', registry.host, ...flags]));
    if (readFileSync(join(destination, 'w.bin'), 'utf8') !== 'mended') throw new Error('the tag decided');
  });
});
