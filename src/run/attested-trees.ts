import { type Engine, treeDigestWithout } from '../hash/index.ts';
import type { Leaf, SignatureRequirement } from '../plan/index.ts';
import { type AttestedTree, type Evidence, exemptFiles, isSignature, type Measured } from '../verdict/index.ts';

/**
 * What a folder is without the attestations that lie in it: each is about the others. Whoever
 * attested first knew nothing of what came later, and whoever attested last may have taken the
 * first for a part; so both are tried.
 *
 * @param measured - of a folder, every file of which was hashed
 */
export async function attestedTrees(
  leaves: readonly Leaf[],
  { kind, files, digest }: Measured,
  evidence: Evidence,
  engine: () => Promise<Engine>,
): Promise<Pick<Measured, 'attested'>> {
  const asked = leaves.filter((leaf): leaf is SignatureRequirement => isSignature(leaf) && leaf.kind === 'attestation');
  if (asked.length === 0 || kind !== 'folder' || digest === undefined) return {};
  const all = [...evidence.values()].flatMap((one) => one.files);
  const known = new Map<string, string>();
  const attested = new Map<Leaf, readonly AttestedTree[]>();
  for (const leaf of asked) {
    const own = evidence.get(leaf)?.files ?? [];
    const sets = [own, all].map((some) => exemptFiles(files, some, leaf.ignorePaths));
    const trees: AttestedTree[] = [];
    for (const exempt of sets) {
      const without = new Set(exempt.keys());
      const key = [...without].join();
      if (without.size === 0) continue;
      const tree = known.get(key) ?? Buffer.from(treeDigestWithout(files, without, await engine())).toString('hex');
      known.set(key, tree);
      trees.push({ digest: tree, unlisted: [...exempt.values()] });
    }
    attested.set(leaf, trees);
  }
  return { attested };
}
