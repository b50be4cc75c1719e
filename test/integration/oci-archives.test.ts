// Names in OCI artifacts, and archives in them: nothing leaves the destination.
import assert from 'node:assert/strict';
import { readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { FakeRegistry } from '../registry/fake.ts';
import { type Layer, sha256, titled } from '../registry/push.ts';
import { file, type Member, pax, tar } from '../registry/tar.ts';
import { run, workFolder } from './cli.ts';
import { type Pulled, published, pull, refused, simple, TAR } from './oci-pulls.ts';

describe('names in an artifact', () => {
  it('that leave it, or are two for one file, are refused before anything is fetched (S32, ghsa-fxhp-mv3v-67qp, kitops, modctl)', async () => {
    for (const title of [
      '/etc/passwd',
      '../../x',
      '..\\x',
      'a//b',
      '.',
      '',
      'x'.repeat(300),
      'a/',
      'a\u0001b',
      'C:\\x',
      'a\0b',
    ]) {
      const registry = await FakeRegistry.start();
      const digest = registry.add([titled('ok', 'x'), titled(title, 'evil')]);
      refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
      assert.equal(registry.asked(/blobs\/sha256/).length, 0, title);
    }
    for (const [a, b] of [
      ['same', 'same'],
      ['A', 'a'],
      ['\u00e9', 'e\u0301'],
      ['ß', 'ss'],
    ] as const) {
      const registry = await FakeRegistry.start();
      const digest = registry.add([titled(a, '1'), titled(b, '2')]);
      refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY', /same file/);
    }
  });

  it('of which one is a file and the other wants it to be a folder are refused', async () => {
    const registry = await FakeRegistry.start();
    const digest = registry.add([titled('a', '1'), titled('a/b', '2')]);
    refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
  });

  it('in a ModelPack filepath that leaves it are refused, which modctl does not do', async () => {
    const registry = await FakeRegistry.start();
    const layer = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: Buffer.from('x'),
      annotations: { 'org.cncf.model.filepath': '../../x' },
    };
    const digest = registry.add([layer], 'v1', { artifactType: 'application/vnd.cncf.model.manifest.v1+json' });
    refused(await pull(registry, `@${digest}`), 65, 'UNSAFE_ENTRY');
  });
});

describe('an archive in an artifact', () => {
  async function pullTar(
    members: readonly Member[],
    mediaType = TAR,
    pack: (tar: Buffer) => Buffer = (bytes) => bytes,
  ): Promise<Pulled> {
    const registry = await FakeRegistry.start();
    const layer: Layer = { mediaType, bytes: pack(tar(members)) };
    const digest = registry.add([layer], 'v1', { artifactType: 'application/vnd.cncf.model.manifest.v1+json' });
    return pull(registry, `@${digest}`);
  }

  it('is unpacked, packed in any way', async () => {
    const members = [{ name: 'd/', type: '5' }, file('d/a', 'A'), file('b', 'B')];
    published(await pullTar(members), { 'd/a': 'A', b: 'B' });
    published(await pullTar(members, `${TAR}+gzip`, (bytes) => gzipSync(bytes)), { 'd/a': 'A', b: 'B' });
    const frames = (bytes: Buffer) =>
      Buffer.concat([zstdCompressSync(bytes.subarray(0, 700)), zstdCompressSync(bytes.subarray(700))]);
    published(await pullTar(members, `${TAR}+zstd`, frames), { 'd/a': 'A', b: 'B' });
  });

  for (const [id, members] of [
    [
      'cve-2021-21272 ghsa-g5v4-5x39-vwhx: a link, then a file through it',
      [{ name: 'd', type: '2', linkname: '/tmp' }, file('d/x', 'evil')],
    ],
    [
      'ghsa-m37j-52j7-pjw7: a chain of links',
      [{ name: 'a', type: '2', linkname: '.' }, { name: 'b', type: '2', linkname: 'a/..' }, file('b', 'x')],
    ],
    ['cve-2026-50163 ghsa-fxhp-mv3v-67qp: a hard link', [{ name: 'x', type: '1', linkname: 'victim.secret' }]],
    ['cve-2026-23745 ghsa-8qq5-rm4j-mr97: an absolute link', [{ name: 'x', type: '2', linkname: '/etc/passwd' }]],
    ['cve-2026-24842 ghsa-34x7-hfp2-rc4v: a hard link with ..', [{ name: 'x', type: '1', linkname: '../../x' }]],
    ['cve-2026-29786: a drive letter', [file('C:../x', 'x')]],
    ['cve-2026-31802: two slashes', [file('//x', 'x')]],
    ['a path that leads out', [file('../x', 'x')]],
    ['an absolute path', [file('/tmp/x', 'x')]],
    ['ghsa-gvwx-54wh-qm9j: a NUL in a pax path', [pax({ path: 'a\0b' }), file('x', 'y')]],
    ['a device', [{ name: 'x', type: '3' }]],
    ['a FIFO', [{ name: 'x', type: '6' }]],
    ['a sparse file', [{ name: 'x', type: 'S' }]],
    ['cve-2026-23950: two names that collide', [file('A', '1'), file('a', '2')]],
    ['the same name twice', [file('a', '1'), file('a', '2')]],
    ['a file that becomes a folder', [file('a', '1'), file('a/b', '2')]],
    [
      'deeper than anybody needs',
      [file(`${'d/'.repeat(48)}x`.slice(0, 99), 'x'), pax({ path: `${'d/'.repeat(100)}x` }), file('y', 'y')],
    ],
  ] as const) {
    it(`is refused with ${id}`, async () => {
      const result = await pullTar(members);
      refused(result, 65, 'UNSAFE_ENTRY');
      assert.deepEqual(readdirSync(result.volume), []);
    });
  }

  it('with modes of its own gets ours (cve-2021-32760, ghsa-c72p-9xmj-rx3w)', async () => {
    const result = await pullTar([
      { name: 'd/', type: '5', mode: 0 },
      { ...file('d/suid', 'x'), mode: 0o4755 },
      { ...file('none', 'y'), mode: 0 },
    ]);
    published(result, { 'd/suid': 'x', none: 'y' });
    assert.deepEqual(
      ['d', 'd/suid', 'none'].map((name) => statSync(join(result.destination, name)).mode & 0o7777),
      [0o755, 0o644, 0o644],
    );
  });

  it('that is a bomb is stopped', async () => {
    const members = [file('zeros', '\0'.repeat(200 << 20))];
    refused(await pullTar(members, `${TAR}+gzip`, (bytes) => gzipSync(bytes, { level: 9 })), 65, 'LIMIT_EXCEEDED');
    refused(await pullTar(members, `${TAR}+zstd`, (bytes) => zstdCompressSync(bytes)), 65, 'LIMIT_EXCEEDED');
  });

  it('must have the digest that the configuration or an annotation promises for it unpacked', async () => {
    const bytes = tar([file('docs/a', 'A')]);
    const layer = (digest: string, title = 'docs'): Layer => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      bytes: gzipSync(bytes),
      annotations: {
        'org.opencontainers.image.title': title,
        'io.deis.oras.content.unpack': 'true',
        'io.deis.oras.content.digest': digest,
      },
    });
    const result = async (one: Layer) => {
      const registry = await FakeRegistry.start();
      return pull(registry, `@${registry.add([one])}`);
    };
    published(await result(layer(sha256(bytes))), { 'docs/a': 'A' });
    refused(await result(layer(`sha256:${'a'.repeat(64)}`)), 65, 'DIGEST_MISMATCH', /unpacked/);
    refused(await result(layer('nonsense')), 65, 'UNSAFE_ENTRY', /not a sha256 digest/);
    refused(await result(layer(sha256(bytes), 'other')), 65, 'UNSAFE_ENTRY', /outside of other/);
  });

  it('18: that is the folder oras was called in (title "."), is unpacked into the destination itself, and not beside it', async () => {
    const result = async (title: string, unpack: string, ...members: Parameters<typeof file>[]) => {
      const registry = await FakeRegistry.start();
      const bytes = gzipSync(tar(members.map((one) => file(...one))));
      const annotations = { 'org.opencontainers.image.title': title, 'io.deis.oras.content.unpack': unpack };
      return pull(registry, `@${registry.add([{ mediaType: `${TAR}+gzip`, bytes, annotations }])}`);
    };
    published(await result('.', 'true', ['a', 'A'], ['./b/c', 'C']), { a: 'A', 'b/c': 'C' });
    refused(await result('.', 'true', ['../a', 'A']), 65, 'UNSAFE_ENTRY');
    refused(await result('.', 'true', ['a', 'A'], ['A', 'B']), 65, 'UNSAFE_ENTRY');
    for (const title of ['..', './..', '/', '']) refused(await result(title, 'true', ['a', 'A']), 65, 'UNSAFE_ENTRY');
    refused(await result('.', 'false', ['a', 'A']), 65, 'UNSAFE_ENTRY');
  });

  it('with a volume that already has a link at the destination does not follow it (ghsa-8xwf-rjm4-xvhv)', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const outside = workFolder();
    symlinkSync(outside, join(volume, 'm'));
    const result = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--plain-http',
      registry.host,
    ]);
    assert.deepEqual([result.status, result.codes], [65, ['UNSAFE_ENTRY']]);
    assert.deepEqual(readdirSync(outside), []);
  });
});
