// OCI image layouts, which somebody else may write: which files are opened, how much of them is
// read, and what they must be.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const READING = ['test/unit/image-layout.test.ts'];
const SIGNATURES = ['test/unit/image-layout-signatures.test.ts'];
const RUNS = ['test/integration/image-layout.test.ts'];

const one =
  (tests: readonly string[]) =>
  (id: string, file: string, from: string, to: string, name = '15\\.24'): Mutation => ({
    id: `15.24-layout-${id}`,
    file: `src/${file}`,
    from,
    to,
    tests,
    name,
  });
const reading = one(READING);
const signatures = one(SIGNATURES);
const runs = one(RUNS);

export default [
  reading('file', 'fs/read-beneath.ts', 'if (!seen.isFile()) throw', 'if (false) throw'),
  reading(
    'folders',
    'fs/read-beneath.ts',
    'openFolderBeneath(folder, fromText(name))',
    "openFolderBeneath(root, fromText(names.join('/')))",
  ),
  reading(
    'to-the-end',
    'fs/read-beneath.ts',
    'if (length === 0) return',
    'if (length === 0 || at >= Number(before.size)) return',
  ),
  reading('sink-errors', 'fs/read-beneath.ts', 'if (isTaking) throw error;', ''),
  reading('closed', 'fs/read-beneath.ts', 'for (const descriptor of opened) close(descriptor);', ''),
  reading('changed', 'fs/read-beneath.ts', 'changed: isChanged(before, statOpen(descriptor))', 'changed: false'),
  reading('more', 'image-layout/layout-folder.ts', 'if (at > size) throw', 'if (false) throw'),
  reading('fewer', 'image-layout/layout-folder.ts', 'if (at !== size) throw', 'if (false) throw'),
  reading(
    'blob-size',
    'image-layout/layout-folder.ts',
    'accept: (found) => this.requireSize(digest, size, found)',
    'accept: () => {}',
  ),
  reading('manifest-digest', 'image-layout/layout-folder.ts', '    this.requireDigest(digest, bytes);\n', ''),
  reading(
    'small-bound',
    'image-layout/layout-folder.ts',
    'if (bytes > mostBytes) throw',
    'if (bytes > 1e13) throw',
    'too large',
  ),
  reading(
    'root-link',
    'image-layout/layout-folder.ts',
    "openFolderBeneath(parent, fromText(basename(this.#path) || '.'))",
    'openFolder(`${this.#path}/.`)',
  ),
  reading('version', 'image-layout/image-layout.ts', "if (version !== '1.0.0')", 'if (version === undefined)'),
  reading(
    'listed-size',
    'image-layout/image-layout.ts',
    'for (const { size } of listed) this.#folder.requireSize(digest, size, bytes.length);',
    '',
  ),
  reading(
    'listed-type',
    'image-layout/image-layout.ts',
    '[undefined, ...listed.map(({ mediaType }) => mediaType)]',
    '[undefined]',
  ),
  reading('several', 'image-layout/choose.ts', ' && more.length === 0', ''),
  reading('attached-kind', 'image-layout/choose.ts', '!isCosignAttachment(entry) && ', ''),
  reading('attached-name', 'image-layout/choose.ts', "&& !ATTACHED_NAME.test(tagOf(entry) ?? '')", ''),
  reading('attached-subject', 'image-layout/choose.ts', 'if (!(await isReferrer(digest))) kept', 'if (true) kept'),
  reading('nothing-passed-over', 'image-layout/image-layout.ts', 'throw fault ?? error;', 'throw error;'),
  reading(
    'missing-is-65',
    'image-layout/faults.ts',
    "const { code, message, remedy = SAVE_AGAIN } = ioFailure(error, 'read a file', file);",
    "const { message, remedy = SAVE_AGAIN } = ioFailure(error, 'read a file', file);\n    const code = 'SOURCE_UNAVAILABLE';",
  ),
  signatures(
    'subject',
    'image-layout/search.ts',
    '.digest !== this.#subject) return;',
    '.digest === undefined) return;',
  ),
  signatures('search-bytes', 'image-layout/search.ts', 'if (this.#bytes >= this.#limits.bytes) {', 'if (false) {'),
  signatures('search-counts', 'image-layout/search.ts', 'this.#signal, count);', 'this.#signal);'),
  signatures('search-blobs', 'image-layout/layout-folder.ts', 'if (seen++ === most) break;', 'seen++;'),
  signatures('search-size', 'image-layout/layout-folder.ts', ' && stat.size <= mostBytes', ''),
  signatures('search-told', 'image-layout/search.ts', 'if (!isAll) this.#faults.push', 'if (false) this.#faults.push'),
  signatures('search-digest', 'image-layout/search.ts', '    this.#folder.requireDigest(digest, bytes);\n', ''),
  signatures(
    'search-faults',
    'image-layout/search.ts',
    'if (this.#faults.length < MAX_REFERRERS) this.#faults.push(error);',
    '',
  ),
  signatures('index-fault', 'image-layout/search.ts', 'if (fault !== undefined) this.#faults.push(fault);', ''),
  runs(
    'reading-time',
    'run/remote.ts',
    'isLayoutReference(reference) ? this.#hashing.read(work) : work()',
    'work()',
    'takes longer',
  ),
  runs(
    'key-inside',
    'plan/require-artifact.ts',
    "source.kind === 'oci' ? source.layout : undefined",
    'undefined',
    'does not have the key',
  ),
  runs(
    'place',
    'source/signature-repository.ts',
    'if (tag === undefined && digest === undefined) return',
    'if (true) return',
    'other way round',
  ),
  runs(
    'place-absolute',
    'source/signature-repository.ts',
    'if (!isLayoutReference(text)) return text;',
    'if (text !== "") return text;',
    'other way round',
  ),
] satisfies Mutation[];
