// OCI image layouts as a source: those that real tools wrote (test/fixtures/oci-layout), and what
// is made of them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { FakeRegistry } from '../registry/fake.ts';
import { LayoutWriter } from '../registry/layout.ts';
import { sha256, titled } from '../registry/push.ts';
import { file, tar } from '../registry/tar.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/oci-layout/${name}`, import.meta.url));
const KEY_FILE = fileURLToPath(new URL('../fixtures/cosign/cosign.pub', import.meta.url));
const KEY = ['--key', KEY_FILE, '--insecure-ignore-tlog'];
const NEW = 'sha256:83250d2f3a3244ff5da3bdaf93a3726b38619e12168af3c843242e1080779bf8';
const OLD = 'sha256:3f893baf4e35a213c24e9c0aee696fc8e77d05ac40f72a243dd19b34e1c326d7';
const FILES = ['config.json', 'weights.bin'];

async function verify(
  source: string,
  flags: readonly string[] = [],
  destination = join(workFolder(), 'm'),
): Promise<Finished> {
  const result = await run(['verify', source, destination, ...flags]);
  assert.equal(existsSync(destination), result.status === 0);
  return result;
}

/** A copy of a fixture, to be changed. */
function copied(name: string): string {
  const path = join(workFolder(), 'layout');
  cpSync(fixture(name), path, { recursive: true });
  return path;
}

/** Blobs of a layout whose content matches. */
function blobsOf(path: string, pattern: RegExp): string[] {
  const names = readdirSync(join(path, 'blobs/sha256')).map((name) => join(path, 'blobs/sha256', name));
  return names.filter((name) => pattern.test(readFileSync(name, 'utf8')));
}

describe('15.24: a layout that a tool wrote', () => {
  const layouts: readonly [name: string, digest: string, tag?: string][] = [
    ['saved-new', NEW],
    ['saved-old', OLD],
    ['skopeo', NEW, 'v1'],
    ['oras', NEW, 'v1'],
    ['crane', NEW, 'v1'],
  ];
  for (const [name, digest, tag] of layouts) {
    it(`passes with the signatures and attestations in it (${name})`, async () => {
      const source = `oci-layout://${fixture(name)}${tag === undefined ? '' : `:${tag}`}`;
      const destination = join(workFolder(), 'm');
      passed(await verify(source, KEY, destination));
      assert.deepEqual(readdirSync(destination).sort(), FILES);
      const { status, stdout } = await run(['digest', source]);
      assert.deepEqual([status, stdout], [0, `${digest}\n`]);
      const card = ['--type', 'modelcard', '--condition', "predicate.builder.id == 'https://ci.example/1'"];
      passed(await verify(`oci-layout://${fixture(name)}@${digest}`, [...KEY, ...card]));
    });

    it(`does not pass with another artifact in the place of the one that was signed (${name})`, async () => {
      const path = copied(name);
      const writer = new LayoutWriter(path);
      const evil = writer.manifest([titled('weights.bin', 'evil')]);
      const index = join(path, 'index.json');
      const size = /"size":( ?)631/;
      const text = readFileSync(index, 'utf8').replaceAll(digest, evil.digest).replace(size, `"size":$1${evil.size}`);
      writeFileSync(index, text);
      const result = await verify(`oci-layout://${path}${tag === undefined ? '' : `:${tag}`}`, KEY);
      refused(result, name === 'saved-old' ? 'SIGNATURE_INVALID' : 'SIGNATURE_MISSING');
    });
  }

  it('does not pass without what is asked for', async () => {
    const source = `oci-layout://${fixture('oras')}`;
    refused(await verify(source, [...KEY, '--type', 'spdx']), 'ATTESTATION_MISSING');
    refused(await verify(`${source}:v9`, KEY), 'FILE_MISSING', /no artifact with the tag v9/);
  });

  it('as an image for several platforms is what its index names', async () => {
    const source = `oci-layout://${fixture('buildah')}:v2`;
    const digest = (await run(['digest', source])).stdout.trim();
    for (const arch of ['amd64', 'arm64']) {
      const destination = join(workFolder(), 'm');
      passed(await verify(`${source}@${digest}`, [`--platform=linux/${arch}`], destination));
      assert.equal(readFileSync(join(destination, 'weights.bin'), 'utf8'), `weights for ${arch}\n`);
    }
    const result = await verify(`${source}@${digest}`, ['--platform=linux/s390x']);
    refused(result, 'FILE_MISSING', /nothing for linux\/s390x/);
  });

  it('without its signatures, or with others, does not pass', async () => {
    const path = copied('saved-new');
    for (const blob of blobsOf(path, /"subject"/)) unlinkSync(blob);
    refused(await verify(`oci-layout://${path}`, KEY), 'SIGNATURE_MISSING');
    const damaged = copied('saved-new');
    for (const blob of blobsOf(damaged, /^\{"mediaType":"application\/vnd\.dev\.sigstore\.bundle/))
      writeFileSync(blob, readFileSync(blob).fill(0x20, 100, 120));
    refused(await verify(`oci-layout://${damaged}`, KEY), 'SIGNATURE_MISSING', /could not be read.*not what its name/);
  });
});

describe('15.24: an artifact of a layout', () => {
  const weights = randomBytes((3 << 20) + 17);
  const packed = gzipSync(tar([file('in/a.txt', 'packed')]));

  /** A layout with a large file and an archive, and its digest. */
  function large(): { path: string; source: string; weightsPath: string } {
    const writer = new LayoutWriter(join(workFolder(), 'layout'));
    const unpack = { 'io.deis.oras.content.unpack': 'true', 'org.opencontainers.image.title': 'in' };
    const archive = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', bytes: packed, annotations: unpack };
    const { digest } = writer.list(writer.manifest([titled('w/model.bin', weights), archive]), 'v1');
    writer.finish();
    const weightsPath = writer.pathOf(sha256(weights));
    return { path: writer.path, source: `oci-layout://${writer.path}@${digest}`, weightsPath };
  }

  it('is published whole, and held against the layout again where it lies', async () => {
    const { source, path, weightsPath } = large();
    const volume = workFolder();
    const destination = join(volume, 'm');
    passed(await verify(source, [], destination));
    assert.ok(readFileSync(join(destination, 'w/model.bin')).equals(weights));
    assert.equal(readFileSync(join(destination, 'in/a.txt'), 'utf8'), 'packed');
    assert.deepEqual(
      readdirSync(volume).filter((name) => !name.startsWith('.')),
      ['m'],
    );
    passed(await run(['verify', source, destination]));
    writeFileSync(join(destination, 'w/model.bin'), 'evil');
    refused(await run(['verify', source, destination]), 'DIGEST_MISMATCH', /w\/model\.bin/);
    passed(await run(['verify', source, destination, '--replace']));
    assert.ok(readFileSync(join(destination, 'w/model.bin')).equals(weights));
    // With the layout gone there is nothing to hold it against.
    rmSync(weightsPath);
    passed(await run(['verify', source, destination]));
    rmSync(path, { recursive: true });
    refused(await run(['verify', source, destination]), 'FILE_MISSING', /no such folder/);
  });

  it('of which a blob is missing, short, long or another leaves nothing at the destination', async () => {
    const deeds: readonly [code: string, make: (path: string) => void, message?: RegExp][] = [
      ['FILE_MISSING', (path) => unlinkSync(path), /a blob is missing/],
      ['DIGEST_MISMATCH', (path) => truncateSync(path, 5), /5 bytes/],
      ['DIGEST_MISMATCH', (path) => appendFileSync(path, 'x')],
      ['DIGEST_MISMATCH', (path) => writeFileSync(path, Buffer.from(weights).fill(1, 2 << 20))],
    ];
    for (const [code, make, message] of deeds) {
      const { source, path, weightsPath } = large();
      make(weightsPath);
      const volume = workFolder();
      const result = await verify(source, ['--failure-policy=Ignore'], join(volume, 'm'));
      refused(result, code, message);
      const [failure] = result.events.filter(({ event }) => event === 'failure');
      assert.equal(failure?.['file'], weightsPath.slice(path.length + 1));
      assert.ok(String(failure?.['message']).startsWith(`OCI image layout ${path}: `), String(failure?.['message']));
      assert.doesNotMatch(result.stdout, /registry/);
      assert.deepEqual(readdirSync(volume), []);
    }
  });

  it('of which an archive is another leaves nothing at the destination', async () => {
    const { source, path } = large();
    const blob = join(path, 'blobs', sha256(packed).replace(':', '/'));
    const other = gzipSync(tar([file('in/a.txt', 'Packed')]));
    assert.equal(other.length, packed.length);
    writeFileSync(blob, other);
    refused(await verify(source), 'DIGEST_MISMATCH', /OCI image layout/);
  });

  it('goes on where an earlier run was broken off', async () => {
    const { source, weightsPath } = large();
    const volume = workFolder();
    const destination = join(volume, 'm');
    const staged = () => readdirSync(volume).map((name) => join(volume, name, 'content/w/model.bin'));
    const stopped = await run(['verify', source, destination, '--io-rate=1M'], {
      during: (child) => {
        const timer = setInterval(() => {
          if (!staged().some((path) => existsSync(path) && statSync(path).size >= 1 << 20)) return;
          child.kill('SIGKILL');
          clearInterval(timer);
        }, 20);
        timer.unref();
      },
    });
    assert.equal(stopped.signal, 'SIGKILL');
    const [left = ''] = staged();
    const { ino } = statSync(left);
    passed(await run(['verify', source, destination]));
    assert.equal(statSync(join(destination, 'w/model.bin')).ino, ino);
    assert.ok(readFileSync(join(destination, 'w/model.bin')).equals(weights));
    assert.ok(readFileSync(weightsPath).equals(weights));
  });

  it('is read no faster than --io-rate, and is no larger than --max-bytes', async () => {
    const { source } = large();
    const result = await verify(source, ['--io-rate=2M']);
    passed(result);
    assert.ok(result.milliseconds > 1300, String(result.milliseconds));
    refused(await verify(source, ['--max-bytes=3M']), 'LIMIT_EXCEEDED', /--max-bytes/);
    passed(await verify(source, ['--max-bytes=4M']));
  });

  it('that takes longer than there is time for is no open question: whoever writes it decides how large it is', async () => {
    const writer = new LayoutWriter(join(workFolder(), 'layout'));
    const { digest } = writer.list(writer.manifest([titled('x', Buffer.alloc(12 << 20))]));
    const source = `oci-layout://${writer.finish().path}@${digest}`;
    const result = await verify(source, ['--io-rate=1M', '--timeout=5s', '--failure-policy=Ignore']);
    refused(result, 'LIMIT_EXCEEDED', /not finished within 5 s/);
  });

  it('without a place to put it is a configuration error', async () => {
    refused(await run(['verify', large().source]), 'CONFIG_INVALID', /no place to put/, 78);
  });
});

describe('15.24: a layout', () => {
  it('is the source of a dataset or model of the environment, by pin or by signature', async () => {
    const work = workFolder();
    const pinned = { DATASET_SOURCE_URL: `oci-layout://${fixture('saved-old')}@${OLD}`, DATASET_PATH: join(work, 'd') };
    passed(await run(['verify'], { environment: pinned }));
    assert.deepEqual(readdirSync(join(work, 'd')).sort(), FILES);
    const tree = (await run(['digest', join(work, 'd')])).stdout.trim();
    const model = { MODEL_SOURCE_URL: `oci-layout://${fixture('skopeo')}:v1`, MODEL_PATH: join(work, 'm') };
    refused(await run(['verify'], { environment: { ...model, MODEL_SHA256: tree } }), 'DIGEST_MISMATCH');
    assert.equal(existsSync(join(work, 'm')), false);
    passed(await run(['verify', ...KEY], { environment: model }));
  });

  it('is the source of an artifact in a policy, and a place of its signatures', async () => {
    const work = workFolder();
    const policy = (source: string, repository: string | undefined) => {
      const place = repository === undefined ? '' : `\n        source: {repository: '${repository}'}`;
      const file = join(work, 'policy.yaml');
      writeFileSync(
        file,
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: layouts}
spec:
  attestors:
    - name: release
      cosign:
        key: {file: ${KEY_FILE}}
        ctlog: {insecureIgnoreTlog: true}${place}
  artifacts:
    - name: weights
      source: ${source}
      path: ${join(work, 'm')}
      require:
        - signature: {attestors: [release]}
`,
      );
      return file;
    };
    const file = policy(`oci-layout://${fixture('saved-new')}`, undefined);
    passed(await run(['verify', '--policy', file]));
    rmSync(join(work, 'm'), { recursive: true });
    const bare = copied('saved-new');
    for (const blob of blobsOf(bare, /"subject"/)) unlinkSync(blob);
    refused(await run(['verify', '--policy', policy(`oci-layout://${bare}`, undefined)]), 'SIGNATURE_MISSING');
    const elsewhere = policy(`oci-layout://${bare}`, `oci-layout://${fixture('oras')}`);
    passed(await run(['verify', '--policy', elsewhere]));
    const tagged = policy(`oci-layout://${bare}`, `oci-layout://${fixture('oras')}:v1`);
    refused(await run(['verify', '--policy', tagged]), 'CONFIG_INVALID', /no tag and no digest/, 78);
  });

  it('has the signatures of an artifact in a registry, and the other way round', async () => {
    const path = fixture('saved-new');
    const registry = await FakeRegistry.start();
    const manifest = readFileSync(join(path, 'blobs', NEW.replace(':', '/')));
    registry.addManifest(manifest, 'v1');
    for (const name of readdirSync(join(path, 'blobs/sha256')))
      registry.blobs.set(`sha256:${name}`, readFileSync(join(path, 'blobs/sha256', name)));
    const source = `oci://${registry.host}/models/m:v1`;
    const plain = ['--plain-http', registry.host];
    refused(await verify(source, [...plain, ...KEY]), 'SIGNATURE_MISSING');
    passed(await verify(source, [...plain, ...KEY, '--signature-repository', `oci-layout://${path}`]));
    const relative = `oci-layout://${path.slice(process.cwd().length + 1)}`;
    passed(await verify(source, [...plain, ...KEY, '--signature-repository', relative]));
    const missing = [...KEY, '--signature-repository', `oci-layout://${path}/nowhere`];
    refused(await verify(source, [...plain, ...missing]), 'SIGNATURE_MISSING', /no such folder/);
    for (const place of [`oci-layout://${path}:v1`, `oci-layout://${path}@${NEW}`])
      refused(await verify(source, [...KEY, '--signature-repository', place]), 'CONFIG_INVALID', /no tag and no/, 78);
  });

  it('does not have the key that it is held against', async () => {
    const path = copied('saved-new');
    cpSync(KEY_FILE, join(path, 'cosign.pub'));
    const flags = ['--key', join(path, 'cosign.pub'), '--insecure-ignore-tlog'];
    refused(await verify(`oci-layout://${path}`, flags), 'CONFIG_INVALID', /lies inside the artifact/, 78);
  });

  it('is proposed where it was meant', async () => {
    const path = fixture('saved-new');
    const proposal = new RegExp(`oci-layout://${path}`);
    for (const source of [path, `file://${path}`])
      refused(await run(['verify', source, ...KEY]), 'SIGNATURE_MISSING', proposal);
    refused(await run(['verify', path, '--sha256', NEW.slice(7)]), 'DIGEST_MISMATCH', proposal);
    for (const scheme of ['oci:', 'oci-layout:', 'OCI:'])
      refused(await verify(`${scheme}${path}`, KEY), 'USAGE', proposal, 64);
    refused(await verify(`oci-archive:${path}.tar`, KEY), 'USAGE', /unpack it/, 64);
    refused(await verify(`oci://${path}`, KEY), 'CONFIG_INVALID', proposal, 78);
    // Of a folder that is none nothing is said.
    const { stdout } = await run(['verify', workFolder(), '--sha256', NEW.slice(7)]);
    assert.doesNotMatch(stdout, /oci-layout/);
  });
});
