import type { Failure } from '../error/index.ts';
import { entryText, type FileTable, type Listing, nameAt, type PathBytes } from '../fs/index.ts';
import type { Leaf } from '../plan/index.ts';
import { type Evidence, isSignature, judge } from './judge.ts';
import type { SignatureEvidence } from './judged.ts';

/**
 * What names alone can prove wrong. Anything else that a judgement without digests says is for lack
 * of them.
 */
const OF_NAMES = new Set<Failure['code']>(['FILE_MISSING', 'FILE_UNEXPECTED', 'UNSAFE_ENTRY']);

/**
 * What a listing proves wrong before anything of it is hashed: names that are missing or not
 * expected, and sizes that differ where the evidence says sizes. Hashing a file of terabytes that
 * nobody listed would end in a time-out, which is an unanswered question and not the refusal that
 * it should be.
 */
export function judgeListing(
  leaf: Leaf,
  { kind, files, failures }: Pick<Listing, 'kind' | 'files' | 'failures'>,
  evidence: Evidence,
): Failure[] {
  const unknown = failures.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const unhashed = { ...files, hashed: new Uint8Array(files.count) };
  const judged = judge([leaf], { kind, files: unhashed, unknown }, evidence, new Map());
  const itself = filesOf(evidence);
  const ofNames = judged.failures.filter(({ code, file }) => OF_NAMES.has(code) && !itself.has(file ?? ''));
  if (ofNames.length > 0 || !isSignature(leaf)) return ofNames;
  const found = evidence.get(leaf);
  return found !== undefined && 'proofs' in found ? sizesOfShards(found, { kind, files }) : [];
}

/**
 * Evidence that lies in the artifact may be there for its bytes, which nobody has hashed yet: it is
 * judged with them.
 */
function filesOf(evidence: Evidence): ReadonlySet<string> {
  return new Set([...evidence.values()].flatMap(({ files }) => files.map(({ name }) => entryText(name))));
}

/**
 * A signature over shards says where the last one of each file ends. Refused is what differs from
 * every signature.
 */
function sizesOfShards({ proofs }: SignatureEvidence, listing: Pick<Listing, 'kind' | 'files'>): Failure[] {
  const differences = proofs.map(({ binding }) => {
    if (binding.kind !== 'model' || binding.manifest.method !== 'shards') return [];
    // A single file may be signed under another name.
    if (listing.kind === 'file') return [];
    const sizes = new Map<PathBytes, number>();
    for (const { path, end = 0 } of binding.manifest.files.resources())
      sizes.set(path, Math.max(sizes.get(path) ?? 0, end));
    return sizeDifferences(listing.files, sizes);
  });
  return differences.every((list) => list.length > 0) ? (differences[0] ?? []) : [];
}

/**
 * Files that are not as large as they are said to be.
 *
 * @param sizes - bytes, by name; others are not looked at
 */
export function sizeDifferences(files: FileTable, sizes: ReadonlyMap<PathBytes, number>): Failure[] {
  const failures: Failure[] = [];
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const [expected, found] = [sizes.get(name), files.size[i]];
    if (expected === undefined || expected === found) continue;
    failures.push({
      code: 'DIGEST_MISMATCH',
      message: 'the content differs: it is of another size',
      file: entryText(name),
      expected: `${expected} bytes`,
      found: `${found} bytes`,
      remedy: 'do not use this content: restore the file from its source',
    });
  }
  return failures;
}
