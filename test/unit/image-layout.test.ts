// OCI image layouts: what is read of them, and that nothing in them is believed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type ErrorCode, WeighlockError } from '../../src/error/index.ts';
import { ImageLayout, layoutReferenceText, parseLayoutReference } from '../../src/image-layout/index.ts';
import { childOf, type Descriptor, type Digest } from '../../src/registry/index.ts';
import { workFolder } from '../integration/cli.ts';
import { type Entry, LayoutWriter } from '../registry/layout.ts';
import { sha256, titled } from '../registry/push.ts';

const { signal } = new AbortController();
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** A layout of its own with one artifact, listed as `v1`. */
function simple(name = 'v1'): { layout: LayoutWriter; entry: Entry; layer: Descriptor } {
  const layout = new LayoutWriter(join(workFolder(), 'layout'));
  const entry = layout.list(layout.manifest([titled('a', 'content')]), name);
  layout.finish();
  const layer = { mediaType: 'x/y', digest: sha256('content') as Digest, size: 7, annotations: {} };
  return { layout, entry, layer };
}

function opened(text: string): ImageLayout {
  return new ImageLayout(parseLayoutReference(text));
}

async function top(text: string): Promise<string> {
  const source = opened(text);
  try {
    return (await source.top(signal)).digest;
  } finally {
    await source.close();
  }
}

/** Reads a blob whole, as a pull does. */
async function blobOf(path: string, descriptor: Descriptor, onChunk: () => void = () => {}): Promise<string> {
  const source = opened(`oci-layout://${path}`);
  let text = '';
  const sink = (chunk: Buffer) => {
    onChunk();
    text += chunk;
    assert.ok(text.length <= descriptor.size, 'more was handed on than there is to be');
  };
  try {
    await source.blob(descriptor, { offset: () => 0, sink, restart: () => {} }, signal);
    if (sha256(text) !== descriptor.digest)
      throw source.wrongContent({ digest: descriptor.digest, expected: descriptor.digest, found: sha256(text) });
    return text;
  } finally {
    await source.close();
  }
}

/**
 * It is refused with this code, for what is wrong with this file; and it exits with 65, whatever it
 * was.
 */
async function refused(
  action: Promise<unknown>,
  code: ErrorCode,
  file: string | RegExp | undefined,
  message = /OCI image layout \//,
): Promise<WeighlockError> {
  const error = await action.then(
    () => assert.fail('it was not refused'),
    (thrown) => thrown,
  );
  assert.ok(error instanceof WeighlockError, String(error?.stack));
  assert.equal(error.code, code, error.message);
  assert.equal(error.exitCode, 65);
  if (file instanceof RegExp) assert.match(error.file ?? '', file);
  else assert.equal(error.file, file);
  assert.match(error.message, message);
  assert.doesNotMatch(`${error.message} ${error.remedy}`, /registry/);
  return error;
}

const NONE = /^OCI image layout .*: the index has nothing for linux\/s390x/;
const blobFile = (digest: string) => `blobs/${digest.replace(':', '/')}`;

describe('15.24: a reference of a layout', () => {
  const hex = 'a'.repeat(64);
  const cases: readonly [text: string, path: string, tag?: string | undefined, digest?: string][] = [
    ['oci-layout:///data/m', '/data/m'],
    ['OCI-Layout:///data/m', '/data/m'],
    ['oci-layout:///data/m:v1', '/data/m', 'v1'],
    ['oci-layout:///data/m/:v1', '/data/m', 'v1'],
    [`oci-layout:///data/m@sha256:${hex}`, '/data/m', undefined, `sha256:${hex}`],
    [`oci-layout:///data/m:v1@sha256:${hex}`, '/data/m', 'v1', `sha256:${hex}`],
    ['oci-layout:///da:ta/m', '/da:ta/m'],
    ['oci-layout:///da@ta/m:v1', '/da@ta/m', 'v1'],
    ['oci-layout:///data/m:v1/', '/data/m:v1'],
    ['oci-layout:///data/m@home/', '/data/m@home'],
    ['oci-layout:///data/a%20b', '/data/a%20b'],
    ['oci-layout:///data/../m/./x//y', '/m/x/y'],
    ['oci-layout:///', '/'],
  ];
  for (const [text, path, tag, digest] of cases) {
    it(`is read: ${text}`, () => {
      const read = parseLayoutReference(text);
      assert.deepEqual({ ...read }, { path, ...(tag && { tag }), ...(digest && { digest }) });
      assert.deepEqual(parseLayoutReference(layoutReferenceText(read)), read);
    });
  }

  for (const text of [
    'oci-layout://',
    'oci-layout://:v1',
    'oci-layout:///m:',
    'oci-layout:///m:v 1',
    'oci-layout:///m:../x:',
    'oci-layout:///m@sha256:abc',
    `oci-layout:///m@sha256:${hex.toUpperCase()}`,
    `oci-layout:///m@sha512:${hex}${hex}`,
    `oci-layout:///m@${hex}`,
    'oci-layout:///m\0',
    `oci-layout:///m:${'v'.repeat(129)}`,
  ]) {
    it(`is refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseLayoutReference(text), { code: 'CONFIG_INVALID' });
    });
  }
});

describe('15.24: the artifact of a layout', () => {
  it('is the one with the tag, by its own name or at the end of a whole reference', async () => {
    const { layout, entry } = simple();
    const other = layout.list(layout.manifest([titled('b', 'other')]), 'registry.example.com:5000/models/m:v2');
    layout.finish();
    assert.equal(await top(`oci-layout://${layout.path}:v1`), entry.digest);
    assert.equal(await top(`oci-layout://${layout.path}:v2`), other.digest);
    assert.equal(await top(`oci-layout://${layout.path}:v1@${other.digest}`), other.digest);
    // The port is no tag.
    await refused(
      top(`oci-layout://${layout.path}:5000`),
      'FILE_MISSING',
      'index.json',
      /no artifact with the tag 5000/,
    );
  });

  it('is the only one, whatever is attached to it', async () => {
    const { layout, entry } = simple('');
    const { mediaType, digest, size } = entry;
    layout.list(layout.manifest([titled('sig', 's')], { subject: { mediaType, digest, size } }));
    layout.list(layout.index([]), digest.replace(':', '-'));
    layout.list(layout.manifest([titled('sig', 'old')]), `${digest.replace(':', '-')}.sig`);
    layout.entries.push({
      ...layout.manifest([titled('sig', 'old 2')]),
      annotations: { kind: 'dev.cosignproject.cosign/sigs' },
    });
    layout.finish();
    assert.equal(await top(`oci-layout://${layout.path}`), digest);
  });

  it('is not guessed: several with a tag, or without one, are named', async () => {
    const { layout, entry } = simple();
    const other = layout.list(layout.manifest([titled('b', 'other')]), 'v1');
    layout.finish();
    for (const text of [`oci-layout://${layout.path}:v1`, `oci-layout://${layout.path}`]) {
      const { found } = await refused(top(text), 'UNSAFE_ENTRY', 'index.json', /more than one artifact/);
      for (const { digest } of [entry, other]) assert.ok(found?.includes(`v1 (${digest})`), String(found));
    }
    await refused(top(`oci-layout://${layout.path}:v2`), 'FILE_MISSING', 'index.json', /no artifact with the tag v2/);
  });

  it('may be listed twice', async () => {
    const { layout, entry } = simple();
    layout.list(entry, 'v1');
    layout.list(entry, 'latest');
    layout.finish();
    assert.equal(await top(`oci-layout://${layout.path}`), entry.digest);
    assert.equal(await top(`oci-layout://${layout.path}:v1`), entry.digest);
  });

  it('need not be listed when it is named by its digest', async () => {
    const { layout } = simple();
    const { digest } = layout.manifest([titled('b', 'hidden')]);
    assert.equal(await top(`oci-layout://${layout.path}@${digest}`), digest);
    const absent = sha256('absent');
    await refused(top(`oci-layout://${layout.path}@${absent}`), 'FILE_MISSING', blobFile(absent), /a blob is missing/);
  });

  it('is chosen by platform out of an index, no deeper than one', async () => {
    const { layout, entry } = simple();
    const platform = { os: 'linux', architecture: 'amd64' };
    const index = layout.index([{ ...entry, platform }]);
    const nested = layout.index([index]);
    const source = opened(`oci-layout://${layout.path}@${index.digest}`);
    const { document } = await source.top(signal);
    assert.ok(document.kind === 'index');
    const fetched = { digest: index.digest as Digest, size: index.size, document };
    assert.equal((await childOf(source, fetched, platform, signal)).digest, entry.digest);
    const elsewhere = { os: 'linux', architecture: 's390x' };
    await refused(childOf(source, fetched, elsewhere, signal), 'FILE_MISSING', blobFile(index.digest), NONE);
    const outer = await source.manifest(nested.digest, signal);
    assert.ok(outer.document.kind === 'index');
    const nesting = { ...outer, document: outer.document };
    const inner = childOf(source, nesting, platform, signal);
    await refused(inner, 'UNSAFE_ENTRY', blobFile(index.digest), /^OCI image layout .*: an index inside an index/);
    const lying = await source.manifest(layout.index([{ ...entry, size: 3 }]).digest, signal);
    assert.ok(lying.document.kind === 'index');
    const other = childOf(source, { ...lying, document: lying.document }, platform, signal);
    await refused(other, 'DIGEST_MISMATCH', blobFile(entry.digest));
    await source.close();
  });
});

describe('15.24: a layout that somebody else writes', () => {
  const evil: readonly [
    what: string,
    make: (l: LayoutWriter) => void,
    code: ErrorCode,
    file: string,
    message?: RegExp,
  ][] = [
    ['no marker', (l) => unlinkSync(join(l.path, 'oci-layout')), 'FILE_MISSING', 'oci-layout', /no file oci-layout/],
    ['no index', (l) => unlinkSync(join(l.path, 'index.json')), 'FILE_MISSING', 'index.json', /no file index.json/],
    ['another version', (l) => l.finish({ imageLayoutVersion: '2.0.0' }), 'UNSAFE_ENTRY', 'oci-layout', /version/],
    ['a version that is no text', (l) => l.finish({ imageLayoutVersion: 1 }), 'UNSAFE_ENTRY', 'oci-layout'],
    ['a marker that is none', (l) => l.finish([]), 'UNSAFE_ENTRY', 'oci-layout'],
    [
      'a marker that is too large',
      (l) => truncateSync(join(l.path, 'oci-layout'), 4097),
      'LIMIT_EXCEEDED',
      'oci-layout',
    ],
    [
      'an index that is too large',
      (l) => truncateSync(join(l.path, 'index.json'), (4 << 20) + 1),
      'LIMIT_EXCEEDED',
      'index.json',
    ],
    ['an index that is none', (l) => writeFileSync(join(l.path, 'index.json'), '{}'), 'UNSAFE_ENTRY', 'index.json'],
    ['an index of junk', (l) => writeFileSync(join(l.path, 'index.json'), '{"manifests'), 'UNSAFE_ENTRY', 'index.json'],
    [
      'an index that is deep',
      (l) => writeFileSync(join(l.path, 'index.json'), `{"manifests":${'['.repeat(1000)}`),
      'UNSAFE_ENTRY',
      'index.json',
    ],
    [
      'an index that is long',
      (l) => {
        for (let i = 0; i < 1001; i++) l.list(l.entries[0] as Entry);
        l.finish();
      },
      'LIMIT_EXCEEDED',
      'index.json',
    ],
    [
      'entries of other algorithms only',
      (l) => {
        l.entries.splice(0, 1, { mediaType: INDEX, digest: `sha512:${'a'.repeat(128)}`, size: 3 });
        l.finish();
      },
      'UNSAFE_ENTRY',
      'index.json',
      /no digest of the form/,
    ],
    [
      'entries whose digest is a path',
      (l) => {
        l.entries.splice(0, 1, { mediaType: INDEX, digest: `sha256:${'../'.repeat(20)}etc`, size: 3 });
        l.finish();
      },
      'UNSAFE_ENTRY',
      'index.json',
    ],
    ['no blobs', (l) => rmSync(join(l.path, 'blobs'), { recursive: true }), 'FILE_MISSING', 'MANIFEST'],
    [
      'a manifest of another size than it is listed with',
      (l) => {
        l.entries[0] = { ...(l.entries[0] as Entry), size: 3 };
        l.finish();
      },
      'DIGEST_MISMATCH',
      'MANIFEST',
    ],
    [
      'a manifest that is listed as an index',
      (l) => {
        l.entries[0] = { ...(l.entries[0] as Entry), mediaType: INDEX };
        l.finish();
      },
      'UNSAFE_ENTRY',
      'MANIFEST',
      /sent as|media type/,
    ],
  ];
  for (const [what, make, code, file, message] of evil) {
    it(`with ${what} is refused`, async () => {
      const { layout, entry } = simple();
      make(layout);
      await refused(
        top(`oci-layout://${layout.path}:v1`),
        code,
        file === 'MANIFEST' ? blobFile(entry.digest) : file,
        message,
      );
    });
  }

  /** What can be done to a file, whichever it is. */
  const deeds: readonly [what: string, make: (path: string) => void, code: ErrorCode, found: string][] = [
    ['missing', (path) => unlinkSync(path), 'FILE_MISSING', 'nothing'],
    ['a link', (path) => moved(path, (there) => symlinkSync(there, path)), 'UNSAFE_ENTRY', 'symbolic link'],
    [
      'a link to a device',
      (path) => moved(path, () => symlinkSync('/dev/zero', path)),
      'UNSAFE_ENTRY',
      'symbolic link',
    ],
    ['a link to nothing', (path) => moved(path, () => symlinkSync('nowhere', path)), 'UNSAFE_ENTRY', 'symbolic link'],
    ['a folder', (path) => moved(path, () => mkdirSync(path)), 'UNSAFE_ENTRY', 'folder'],
    ['a FIFO', (path) => moved(path, () => execFileSync('mkfifo', [path])), 'UNSAFE_ENTRY', 'FIFO'],
  ];
  const places = ['oci-layout', 'index.json', 'manifest', 'layer'] as const;
  for (const place of places) {
    for (const [what, make, code, kind] of deeds) {
      it(`where the ${place} is ${what} is refused`, async () => {
        const { layout, entry, layer } = simple();
        const digest = place === 'manifest' ? entry.digest : layer.digest;
        const file = place === 'manifest' || place === 'layer' ? blobFile(digest) : place;
        make(join(layout.path, file));
        const action = place === 'layer' ? blobOf(layout.path, layer) : top(`oci-layout://${layout.path}:v1`);
        const { found } = await refused(action, code, file);
        assert.equal(found, kind);
      });
    }
  }

  for (const folder of ['blobs', 'blobs/sha256', '']) {
    for (const [what, put, code] of [
      ['a link', (path: string, there: string) => symlinkSync(there, path), 'UNSAFE_ENTRY'],
      ['a file', (path: string) => writeFileSync(path, ''), 'UNSAFE_ENTRY'],
      ['missing', () => {}, 'FILE_MISSING'],
    ] as const) {
      it(`where ${folder === '' ? 'the folder itself' : folder} is ${what} is refused`, async () => {
        const { layout, entry } = simple();
        const path = join(layout.path, folder);
        moved(path, (there) => put(path, there));
        await refused(top(`oci-layout://${layout.path}:v1`), code, folder === '' ? undefined : blobFile(entry.digest));
      });
    }
  }

  it('with other bytes under the digest of a manifest is refused before they are parsed', async () => {
    const { layout, entry } = simple();
    writeFileSync(layout.pathOf(entry.digest), 'x'.repeat(entry.size));
    await refused(top(`oci-layout://${layout.path}:v1`), 'DIGEST_MISMATCH', blobFile(entry.digest));
  });

  it('with a layer of another size, or other bytes, is refused', async () => {
    for (const content of ['conten', 'content ', 'Content', '']) {
      const { layout, layer } = simple();
      writeFileSync(layout.pathOf(layer.digest), content);
      await refused(blobOf(layout.path, layer), 'DIGEST_MISMATCH', blobFile(layer.digest));
    }
  });

  it('that changes while it is read is refused as such', async () => {
    const content = 'x'.repeat(3 << 20);
    const changes: [what: string, change: (path: string) => void, code?: ErrorCode][] = [
      ['it grows', (path) => appendFileSync(path, 'more'), 'SOURCE_CHANGED'],
      ['it shrinks', (path) => truncateSync(path, 5), 'SOURCE_CHANGED'],
      ['its end is another', (path) => writeFileSync(path, `${content.slice(1)}y`), 'SOURCE_CHANGED'],
      // What was read of it was right.
      ['its beginning is another', (path) => writeFileSync(path, `y${content.slice(1)}`)],
      ['it is replaced', (path) => moved(path, () => writeFileSync(path, 'evil'))],
    ];
    for (const [what, change, code] of changes) {
      const layout = new LayoutWriter(join(workFolder(), 'layout')).finish();
      const layer = { mediaType: 'x/y', digest: layout.blob(content) as Digest, size: content.length, annotations: {} };
      let isFirst = true;
      const reading = blobOf(layout.path, layer, () => {
        if (isFirst) change(layout.pathOf(layer.digest));
        isFirst = false;
      });
      if (code === undefined) assert.equal(await reading, content, what);
      else await refused(reading, code, blobFile(layer.digest));
    }
  });

  it('is not blamed for the place that its bytes go to', async () => {
    const { layout, layer } = simple();
    const source = opened(`oci-layout://${layout.path}`);
    const sink = () => writeFileSync(join(layout.path, 'nowhere/x'), '');
    const reading = source.blob(layer, { offset: () => 0, sink, restart: () => {} }, signal);
    await assert.rejects(reading, (error: NodeJS.ErrnoException) => error.code === 'ENOENT');
    await source.close();
  });

  it('that ends before its size is refused before its digest is known', async () => {
    const layout = new LayoutWriter(join(workFolder(), 'layout')).finish();
    const content = Buffer.alloc(2 << 20);
    const layer = { mediaType: 'x/y', digest: layout.blob(content) as Digest, size: content.length, annotations: {} };
    const source = opened(`oci-layout://${layout.path}`);
    const sink = () => truncateSync(layout.pathOf(layer.digest), 5);
    const reading = source.blob(layer, { offset: () => 0, sink, restart: () => {} }, signal);
    await refused(reading, 'SOURCE_CHANGED', blobFile(layer.digest));
    await source.close();
  });

  it('whose files cannot be read is refused, and no open question', { skip: process.getuid?.() === 0 }, async () => {
    const { layout, layer } = simple();
    chmodSync(layout.pathOf(layer.digest), 0);
    await refused(blobOf(layout.path, layer), 'ACCESS_DENIED', blobFile(layer.digest));
  });

  it('leaves no descriptor open', async () => {
    const openNow = () => readdirSync('/proc/self/fd').length;
    const { layout, layer } = simple();
    await blobOf(layout.path, layer);
    const before = openNow();
    await blobOf(layout.path, layer);
    unlinkSync(layout.pathOf(layer.digest));
    await refused(blobOf(layout.path, layer), 'FILE_MISSING', blobFile(layer.digest));
    await top(`oci-layout://${layout.path}`);
    assert.equal(openNow(), before);
  });
});

/** Moves something away, and puts something else in its place. */
function moved(path: string, put: (there: string) => void): void {
  const there = `${path.replace(/\/$/, '')}.moved`;
  renameSync(path, there);
  put(there);
}
