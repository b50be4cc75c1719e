import { closeSync, readSync } from 'node:fs';
import type { Failure } from '../error/index.ts';
import {
  entryText,
  type FileTable,
  nameAt,
  openFileBeneath,
  openFolder,
  type PathBytes,
  statOpen,
} from '../fs/index.ts';
import { MAX_POINTER_BYTES, pointedAt } from '../store/index.ts';

/** Small files looked at where nobody knows which one differs. */
const MOST_LOOKS = 50;

/**
 * Says so where content differs because it is a pointer of Git LFS: the repository was cloned, or a
 * file downloaded, without what the pointer stands for. Whatever the file says, it is refused; only
 * the words change.
 *
 * @param folder - that the files were measured in
 */
export function namePointers(failures: readonly Failure[], folder: string, files: FileTable): readonly Failure[] {
  const different = failures.filter(({ code }) => code === 'DIGEST_MISMATCH').map(({ file }) => file);
  if (different.length === 0) return failures;
  const isWanted = (name: PathBytes) => different.some((file) => file === undefined || file === entryText(name));
  const pointers = new Map<string, string>();
  for (let i = 0, looks = 0; i < files.count && looks < MOST_LOOKS; i++) {
    const size = files.size[i] ?? 0;
    const name = nameAt(files, i);
    if (size === 0 || size >= MAX_POINTER_BYTES || !isWanted(name)) continue;
    looks += 1;
    const oid = pointerAt(folder, name);
    if (oid !== undefined) pointers.set(entryText(name), oid);
  }
  return pointers.size === 0 ? failures : failures.map((failure) => named(failure, pointers));
}

function named(failure: Failure, pointers: ReadonlyMap<string, string>): Failure {
  if (failure.code !== 'DIGEST_MISMATCH') return failure;
  const [first] = pointers;
  const oid = failure.file === undefined ? first?.[1] : pointers.get(failure.file);
  if (oid === undefined) return failure;
  const what =
    failure.file === undefined && pointers.size > 1
      ? `${pointers.size} files are Git LFS pointers`
      : 'this is a Git LFS pointer';
  const fits = failure.expected === oid ? ', to the content that is expected' : '';
  return {
    ...failure,
    message: `${failure.message}; ${what}${fits}, not the content`,
    remedy: 'fetch what the pointer stands for: git lfs pull in the repository, or the address of the file itself',
  };
}

/** The SHA-256 that a pointer names; undefined for anything else, and for what cannot be read. */
function pointerAt(folder: string, name: PathBytes): string | undefined {
  const open: number[] = [];
  try {
    const root = openFolder(folder);
    open.push(root);
    const descriptor = openFileBeneath(root, name);
    open.push(descriptor);
    if (!statOpen(descriptor).isFile()) return undefined;
    const buffer = Buffer.alloc(MAX_POINTER_BYTES);
    return pointedAt(buffer.subarray(0, readSync(descriptor, buffer, 0, MAX_POINTER_BYTES, 0)));
  } catch {
    return undefined;
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}
