// OCI image layouts as real tools write them on this machine: Debian's skopeo, buildah and podman,
// and cosign where there is one.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';
import { passed, refused, run, runProcess } from '../integration/cli.ts';
import { LayoutWriter } from '../registry/layout.ts';
import { Pusher, sha256, titled } from '../registry/push.ts';
import { startRegistry } from './registry.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-layout-'));
after(() => rmSync(work, { recursive: true, force: true }));
// Others than root look into it.
chmodSync(work, 0o755);

const call = (program: string, ...words: string[]) =>
  execFileSync(program, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, COSIGN_PASSWORD: 'system' },
  }).trim();
const has = (program: string) => spawnSync('which', [program], { stdio: 'ignore' }).status === 0;

/** A folder for a model that is not there yet. */
const destination = () => join(mkdtempSync(join(work, 'at-')), 'm');

describe('15.24: a layout by the tools of this machine', () => {
  it('skopeo: an artifact by tag and digest; a blob that nobody may read is no open question', async () => {
    const registry = await startRegistry(5075);
    const pusher = new Pusher(registry.origin);
    const weights = Buffer.alloc(5 << 20, 'w');
    const { digest } = await pusher.artifact('models/m', 'v1', [titled('weights.bin', weights)]);
    const layout = join(work, 'skopeo');
    call('skopeo', 'copy', '--src-tls-verify=false', 'docker://127.0.0.1:5075/models/m:v1', `oci:${layout}:v1`);
    const source = `oci-layout://${layout}:v1`;
    assert.equal((await run(['digest', source])).stdout, `${digest}\n`);
    const at = destination();
    passed(await run(['verify', `${source}@${digest}`, at]));
    assert.ok(readFileSync(join(at, 'weights.bin')).equals(weights));
    chmodSync(join(layout, 'blobs', sha256(weights).replace(':', '/')), 0);
    const elsewhere = destination();
    chmodSync(join(elsewhere, '..'), 0o777);
    const words = ['verify', `${source}@${digest}`, elsewhere, '--failure-policy=Ignore'];
    refused(await run(words, { uid: 65532 }), 'ACCESS_DENIED', /OCI image layout/);
  });

  it('buildah and podman: an image, and an index for several platforms', async () => {
    const models = join(work, 'models');
    mkdirSync(models, { recursive: true });
    const images: string[] = [];
    // A run that was killed leaves its images: a name of its own for each run.
    const name = `localhost/weighlock-layout-${process.pid}`;
    for (const arch of ['amd64', 'arm64']) {
      writeFileSync(join(models, 'weights.bin'), `for ${arch}`);
      const container = call('buildah', 'from', '--arch', arch, 'scratch');
      call('buildah', 'copy', container, models, '/models');
      call('buildah', 'config', '--os', 'linux', '--arch', arch, container);
      call('buildah', 'commit', '--rm', container, `${name}:${arch}`);
      images.push(`${name}:${arch}`);
    }
    try {
      call('buildah', 'manifest', 'create', `${name}:all`, ...images);
      call('buildah', 'manifest', 'push', '--all', `${name}:all`, `oci:${join(work, 'buildah')}:all`);
      call('podman', 'save', '--format', 'oci-dir', '-o', join(work, 'podman'), images[0] ?? '');
    } finally {
      spawnSync('buildah', ['rmi', `${name}:all`, ...images], { stdio: 'ignore' });
    }
    for (const [layout, arch] of [
      ['buildah', 'arm64'],
      ['buildah', 'amd64'],
      ['podman', 'amd64'],
    ] as const) {
      const source = `oci-layout://${join(work, layout)}`;
      const digest = (await run(['digest', source, `--platform=linux/${arch}`])).stdout.trim();
      const at = destination();
      passed(await run(['verify', `${source}@${digest}`, at, `--platform=linux/${arch}`]));
      assert.equal(readFileSync(join(at, 'weights.bin'), 'utf8'), `for ${arch}`);
    }
  });

  for (const program of ['cosign', 'cosign2', 'cosign3']) {
    it(`${program}: what it signed and saved`, { skip: !has(program) }, async () => {
      const port = { cosign: 5076, cosign2: 5077, cosign3: 5078 }[program] ?? 0;
      const registry = await startRegistry(port);
      const { digest } = await new Pusher(registry.origin).artifact('models/m', 'v1', [titled('weights.bin', 'w')]);
      const key = join(work, program);
      call(program, 'generate-key-pair', '--output-key-prefix', key);
      const reference = `127.0.0.1:${port}/models/m@${digest}`;
      call(program, 'sign', '--key', `${key}.key`, ...withoutLog(program), '--yes', reference);
      const layout = join(work, `${program}-saved`);
      call(program, 'save', '--dir', layout, reference);
      const flags = ['--key', `${key}.pub`, '--insecure-ignore-tlog'];
      const at = destination();
      passed(await run(['verify', `oci-layout://${layout}`, at, ...flags]));
      assert.deepEqual(readdirSync(at), ['weights.bin']);
      const other = join(work, `${program}-other`);
      call(program, 'generate-key-pair', '--output-key-prefix', other);
      const wrong = ['--key', `${other}.pub`, '--insecure-ignore-tlog'];
      refused(await run(['verify', `oci-layout://${layout}`, destination(), ...wrong]), 'SIGNATURE_INVALID');
    });
  }
});

describe('15.24: a layout on storage with quirks', { skip: whyNoFuse() }, () => {
  const backing = mkdtempSync(join(work, 'backing-'));
  const content = 'w'.repeat(300_000);
  let source = '';
  let layer = '';
  let mount: FieldMount;

  before(async () => {
    const writer = new LayoutWriter(backing);
    const { digest } = writer.list(writer.manifest([titled('weights.bin', content)]), 'v1');
    writer.finish();
    layer = `blobs/${sha256(content).replace(':', '/')}`;
    mount = await FieldMount.open(backing);
    source = `oci-layout://${mount.path}:v1@${digest}`;
  });

  after(() => mount.unmount());

  for (const [what, rules, status, code] of [
    ['without a quirk', '', 0, ''],
    ['that gives a few bytes at a time', '* direct_io most=1000', 0, ''],
    ['whose times move when files are opened and read', '* opened.mtime=+1 opened.ctime=+1 read.mtime=+1', 0, ''],
    ['of other inode numbers at each look', '* ino=looks', 0, ''],
    ['with a layer of another size', 'LAYER direct_io size=299999', 65, 'DIGEST_MISMATCH'],
    ['with a layer that says 0 and gives all', 'LAYER direct_io size=0', 65, 'DIGEST_MISMATCH'],
    ['with a layer that nobody may open', 'LAYER open=EACCES', 65, 'ACCESS_DENIED'],
    ['with a link loop for a layer', 'LAYER open=ELOOP', 65, 'UNSAFE_ENTRY'],
    ['with an index that nobody may open', 'index.json open=EPERM', 65, 'ACCESS_DENIED'],
    ['that cannot read a layer', 'LAYER direct_io read=EIO', 75, 'SOURCE_UNAVAILABLE'],
    ['that loses a file that is still there', 'LAYER getattr-open=ESTALE', 75, 'SOURCE_UNAVAILABLE'],
  ] as const) {
    it(`${what} ends with ${status}`, async () => {
      mount.rules(rules.replace('LAYER', layer));
      const result = await runProcess(['verify', source, destination()]);
      assert.deepEqual([result.status, result.codes.join()], [status, code], result.stdout);
      if (status === 75) assert.match(result.stdout, /EIO|ESTALE/);
    });
  }

  it('with a layer that has more to read than it says is refused', async () => {
    appendFileSync(join(backing, layer), 'more');
    mount.rules(`${layer} direct_io size=300000`);
    refused(await runProcess(['verify', source, destination()]), 'SOURCE_CHANGED', /changed while it was read/);
  });
});

/** How a version of cosign is told that there is no log here. */
function withoutLog(program: string): string[] {
  if (/GitVersion:\s*v?2\./.test(call(program, 'version'))) return ['--tlog-upload=false'];
  const selector = { selector: 'ANY' };
  const config = join(work, 'signing-config.json');
  writeFileSync(
    config,
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [],
      oidcUrls: [],
      rekorTlogUrls: [],
      tsaUrls: [],
      rekorTlogConfig: selector,
      tsaConfig: selector,
    }),
  );
  return ['--signing-config', config];
}
