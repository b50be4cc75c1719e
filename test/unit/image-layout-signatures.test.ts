// What is found in an OCI image layout as attached to an artifact, within bounds, and whatever else
// lies there.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ImageLayout, parseLayoutReference } from '../../src/image-layout/index.ts';
import { LayoutFolder } from '../../src/image-layout/layout-folder.ts';
import type { SearchLimits } from '../../src/image-layout/limits.ts';
import { ReferrerSearch } from '../../src/image-layout/search.ts';
import { storedSignatures } from '../../src/pull/signatures.ts';
import { type Digest, parseReferrers, type Referrers } from '../../src/registry/index.ts';
import { workFolder } from '../integration/cli.ts';
import { type Entry, LayoutWriter } from '../registry/layout.ts';
import { titled } from '../registry/push.ts';

const { signal } = new AbortController();
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';

class Signed {
  readonly layout = new LayoutWriter(join(workFolder(), 'layout'));
  readonly artifact = this.layout.list(this.layout.manifest([titled('a', 'content')]), 'v1');
  readonly digest = this.artifact.digest as Digest;

  /** A manifest with a bundle; it is listed nowhere. */
  bundle(text: string, subject: Entry = this.artifact, artifactType = BUNDLE): Entry {
    const { mediaType, digest, size } = subject;
    const layers = [{ mediaType: BUNDLE, bytes: Buffer.from(text) }];
    return this.layout.manifest(layers, { artifactType, subject: { mediaType, digest, size } });
  }

  /** A manifest with a signature of the older form. */
  signature(text: string): Entry {
    return this.layout.manifest([{ mediaType: PAYLOAD, bytes: Buffer.from(text) }]);
  }

  /** What is found, as text, and why there may be more. */
  async found(digest: Digest = this.digest): Promise<{ texts: string[]; unread: string[] }> {
    this.layout.finish();
    return found(this.layout.path, digest);
  }
}

async function found(path: string, digest: Digest): Promise<{ texts: string[]; unread: string[] }> {
  const source = new ImageLayout(parseLayoutReference(`oci-layout://${path}`));
  try {
    const { layers, unread } = await storedSignatures(source, digest, signal);
    const texts = layers.map(({ bytes }) => Buffer.from(bytes).toString()).sort();
    return { texts, unread: unread.map(({ failure }) => `${failure.code} ${failure.file}: ${failure.message}`) };
  } finally {
    await source.close();
  }
}

/** A search with bounds of its own. */
async function searchIn(
  folder: LayoutFolder,
  digest: Digest,
  limits: SearchLimits,
  entries: readonly unknown[] = [],
): Promise<Referrers> {
  const { descriptors } = parseReferrers(Buffer.from(JSON.stringify({ manifests: entries })));
  try {
    return await new ReferrerSearch(folder, digest, signal, limits).run(descriptors, undefined);
  } finally {
    folder.close();
  }
}

describe('15.24: signatures in a layout', () => {
  it('are found where nobody lists them (cosign 3 save)', async () => {
    const signed = new Signed();
    signed.bundle('one');
    signed.bundle('two');
    assert.deepEqual(await signed.found(), { texts: ['one', 'two'], unread: [] });
  });

  it('are found as entries of the index (oras copy), and once each', async () => {
    const signed = new Signed();
    signed.layout.list(signed.bundle('one'));
    signed.layout.list(signed.bundle('one'), 'again');
    assert.deepEqual(await signed.found(), { texts: ['one'], unread: [] });
  });

  it('are found under the tag of a registry without referrers (skopeo copy)', async () => {
    const signed = new Signed();
    const list = signed.layout.index([signed.bundle('one')]);
    signed.layout.list(list, signed.digest.replace(':', '-'));
    assert.deepEqual(await signed.found(), { texts: ['one'], unread: [] });
  });

  it('are found as cosign 2 marks or names them', async () => {
    const signed = new Signed();
    const tag = signed.digest.replace(':', '-');
    for (const kind of ['sigs', 'atts'])
      signed.layout.entries.push({
        ...signed.signature(kind),
        annotations: { kind: `dev.cosignproject.cosign/${kind}` },
      });
    signed.layout.list(signed.signature('sig'), `${tag}.sig`);
    signed.layout.list(signed.signature('att'), `example.com/models/m:${tag}.att`);
    signed.layout.list(signed.signature('other'), `sha256-${'0'.repeat(64)}.sig`);
    signed.layout.list(signed.signature('no name'));
    assert.deepEqual(await signed.found(), { texts: ['att', 'atts', 'sig', 'sigs'], unread: [] });
  });

  it('of another artifact are left alone (S21)', async () => {
    const signed = new Signed();
    const other = signed.layout.list(signed.layout.manifest([titled('b', 'other')]), 'v2');
    const bundle = signed.bundle('of the other', other);
    // Nobody's word is taken for what a manifest refers to.
    signed.layout.list(signed.layout.index([bundle]), signed.digest.replace(':', '-'));
    assert.deepEqual(await signed.found(), { texts: [], unread: [] });
    assert.deepEqual((await signed.found(other.digest as Digest)).texts, ['of the other']);
  });

  it('are not hidden by what cannot be read beside them, and that is told', async () => {
    const signed = new Signed();
    const { path } = signed.layout;
    signed.bundle('good');
    const changed = signed.bundle('changed');
    const [gone, linked, folder] = ['gone', 'linked', 'folder'].map((text) => signed.layout.list(signed.bundle(text)));
    writeFileSync(signed.layout.pathOf(changed.digest), ` ${JSON.stringify({ subject: signed.artifact })}`);
    for (const entry of [gone, linked, folder]) unlinkSync(signed.layout.pathOf(entry?.digest ?? ''));
    symlinkSync('/dev/zero', signed.layout.pathOf(linked?.digest ?? ''));
    mkdirSync(signed.layout.pathOf(folder?.digest ?? ''));
    // What is no blob at all is nobody's business.
    symlinkSync('/', join(path, 'blobs/sha256/elsewhere'));
    writeFileSync(join(path, `blobs/sha256/${'A'.repeat(64)}`), '{}');
    writeFileSync(join(path, `blobs/sha256/${'0'.repeat(64)}.tmp`), '{}');
    const { texts, unread } = await signed.found();
    assert.deepEqual(texts, ['good']);
    const hexes = { changed, gone, linked, folder };
    const codes = { changed: 'DIGEST_MISMATCH', gone: 'FILE_MISSING', linked: 'UNSAFE_ENTRY', folder: 'UNSAFE_ENTRY' };
    for (const [name, code] of Object.entries(codes)) {
      const hex = hexes[name as keyof typeof hexes]?.digest.slice('sha256:'.length);
      assert.ok(
        unread.some((text) => text.startsWith(`${code} blobs/sha256/${hex}: OCI image layout ${path}`)),
        name,
      );
    }
    assert.equal(unread.length, 4, unread.join('\n'));
  });

  it('are not hidden by entries of the index that cannot be used', async () => {
    const signed = new Signed();
    signed.bundle('good');
    signed.layout.entries.push({ mediaType: 'x/y', digest: `sha512:${'a'.repeat(128)}`, size: 3 });
    const { texts, unread } = await signed.found();
    assert.deepEqual(texts, ['good']);
    assert.match(unread.join('\n'), /^UNSAFE_ENTRY index\.json: .*no digest of the form/);
  });

  it('whose own blob is missing, too large or another one are told', async () => {
    for (const [code, make] of [
      ['FILE_MISSING', (path: string) => unlinkSync(path)],
      ['DIGEST_MISMATCH', (path: string) => writeFileSync(path, 'Payload')],
      ['DIGEST_MISMATCH', (path: string) => writeFileSync(path, 'payload and more')],
      ['LIMIT_EXCEEDED', (path: string) => truncateSync(path, 1e12)],
    ] as const) {
      const signed = new Signed();
      signed.bundle('payload');
      make(signed.layout.pathOf(signed.layout.blob('payload')));
      const { texts, unread } = await signed.found();
      assert.deepEqual(texts, []);
      assert.equal(unread.length, 1);
      assert.match(unread[0] ?? '', new RegExp(`^${code} blobs/sha256/`));
    }
  });

  it('are looked for in no large blob, and in no more bytes than there are bounds for', async () => {
    const signed = new Signed();
    const { path } = signed.layout;
    signed.bundle('good');
    // What an entry says of its size spends nothing.
    signed.layout.entries.push({ ...signed.layout.manifest([titled('b', 'other')]), size: 2 ** 50 });
    const junk = (i: number) => join(path, `blobs/sha256/${String(i).padStart(64, '0')}`);
    const sparse = (i: number, size: number) => {
      writeFileSync(junk(i), '');
      truncateSync(junk(i), size);
    };
    sparse(0, 1e12);
    assert.deepEqual(await signed.found(), { texts: ['good'], unread: [] });
    for (let i = 1; i <= 40; i++) sparse(i, 1 << 20);
    let read = 0;
    const folder = new LayoutFolder(path);
    const { read: original } = folder;
    folder.read = async (...words) => {
      const bytes = await original.apply(folder, words);
      read += bytes.length;
      return bytes;
    };
    const { descriptors, faults } = await searchIn(folder, signed.digest, { blobs: 1000, bytes: 3 << 20 });
    // The smallest come first: what is junk hides nothing.
    assert.equal(descriptors.length, 1);
    assert.ok(read <= 4 << 20, String(read));
    assert.deepEqual(
      faults.map(({ code, message }) => [code, message]),
      [['LIMIT_EXCEEDED', `OCI image layout ${path}: more manifests than are looked at`]],
    );
  });

  it('count what is read of blobs that are not what they should be', async () => {
    const signed = new Signed();
    const { path } = signed.layout;
    for (let i = 0; i < 10; i++) {
      const { digest } = signed.layout.list(signed.layout.manifest([titled('x', `${i}`)]));
      writeFileSync(signed.layout.pathOf(digest), 'x'.repeat(1 << 20));
    }
    signed.layout.finish();
    const folder = new LayoutFolder(path);
    const { entries } = signed.layout;
    const { faults } = await searchIn(folder, signed.digest, { blobs: 1000, bytes: 3 << 20 }, entries);
    const codes = faults.map(({ code }) => code);
    assert.deepEqual(codes, ['DIGEST_MISMATCH', 'DIGEST_MISMATCH', 'DIGEST_MISMATCH', 'LIMIT_EXCEEDED']);
  });

  it('are looked for in no more blobs than there are bounds for', async () => {
    const signed = new Signed();
    const { path } = signed.layout;
    const bundle = signed.bundle('listed');
    signed.layout.finish();
    for (let i = 0; i < 50; i++) writeFileSync(join(path, `blobs/sha256/${i}`), '');
    let looks = 0;
    const folder = new LayoutFolder(path, () => {
      looks += 1;
    });
    const entries = [bundle];
    const { descriptors, faults } = await searchIn(folder, signed.digest, { blobs: 30, bytes: 3 << 20 }, entries);
    assert.equal(descriptors.length, 1);
    // The others are neither blobs nor looked at any closer.
    assert.ok(looks <= 31 + 5, String(looks));
    assert.deepEqual(
      faults.map(({ code, message }) => [code, message]),
      [['LIMIT_EXCEEDED', `OCI image layout ${path}: more blobs than are looked at`]],
    );
  });

  it('are not parsed where they cannot be of this artifact', async () => {
    const signed = new Signed();
    signed.bundle('good');
    const hex = signed.digest.slice('sha256:'.length);
    for (const text of [
      hex,
      `"${hex}"`,
      `{"subject":"${hex}"}`,
      `{"subject":{"digest":"sha512:${hex}"}}`,
      `{"subject":[{"digest":"sha256:${hex}"}]}`,
      `{"annotations":{"subject":{"digest":"sha256:${hex}"}}}`,
      `${'['.repeat(100_000)}${hex}`,
    ])
      signed.layout.blob(text);
    assert.deepEqual(await signed.found(), { texts: ['good'], unread: [] });
  });
});
