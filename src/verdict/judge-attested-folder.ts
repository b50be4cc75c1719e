import type { Binding, ModelManifest } from '../evidence/index.ts';
import type { SignatureRequirement } from '../plan/index.ts';
import { type Comparison, notCompared } from './compare.ts';
import type { Measured } from './outcome.ts';

/** Digests shown of those that an attestation is about. */
const MOST_SHOWN = 3;

/**
 * Holds a folder against an attestation. Its subject is the folder's tree digest, or the root
 * digest of a list of its files that somebody signed who is trusted (OMS section 6.5.1): a root
 * alone says nothing of names, and a file that was given another name would be let pass by it.
 *
 * @param models - the lists
 * @param compareModel - holds the folder against one of them
 */
export function folderDifferences(
  { hash, digests }: Binding & { readonly kind: 'file' },
  requirement: SignatureRequirement,
  measured: Measured,
  models: readonly ModelManifest[],
  compareModel: (manifest: ModelManifest) => Comparison,
): Comparison {
  const isComplete = measured.unknown.length === 0 && measured.files.hashed.every((done) => done !== 0);
  // Of what could not be read there is a failure already.
  if (measured.digest === undefined) return { failures: isComplete ? [notCompared()] : [], unlisted: [] };
  const whole = { digest: measured.digest, unlisted: [] };
  const trees = [whole, ...(measured.attested?.get(requirement) ?? [])];
  const isSubject = (digest: string) => hash === 'sha256' && digests.includes(digest);
  const tree = trees.find(({ digest }) => isSubject(digest));
  if (tree !== undefined) return { failures: [], unlisted: tree.unlisted };
  const model = models.find(({ root }) => isSubject(root));
  if (model !== undefined) return compareModel(model);
  return {
    failures: [
      {
        code: 'DIGEST_MISMATCH',
        message: 'the attestation is about another folder, or this one was changed',
        expected: digests.slice(0, MOST_SHOWN).join(' or '),
        found: `tree digest ${trees.map(({ digest }) => digest).join(', without its evidence ')}`,
        remedy:
          'attest to the tree digest (weighlock attest FOLDER); the root digest of a model signature counts beside that signature, which has the names: require it too, or have the same people sign',
      },
    ],
    unlisted: [],
  };
}
