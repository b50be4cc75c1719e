import type { ModelManifest, Proof } from '../evidence/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { distinctSigners } from './distinct-signers.ts';

/**
 * Lists of files that as many people signed as are asked for: where two must agree, one of them
 * does not say by himself which file has which name.
 *
 * @param threshold - different signers of one and the same list
 */
export function agreedLists(proofs: readonly Proof[], threshold: number): ModelManifest[] {
  const lists = proofs.flatMap(({ binding, signer }) =>
    binding.kind === 'model' ? [{ manifest: binding.manifest, signer }] : [],
  );
  if (threshold <= 1) return lists.map(({ manifest }) => manifest);
  const same = Map.groupBy(lists, ({ manifest }) => digestOf(manifest));
  return [...same.values()].flatMap(([first, ...more]) => {
    if (first === undefined) return [];
    const signers = [first, ...more].map(({ signer }) => signer);
    return distinctSigners(signers) >= threshold ? [first.manifest] : [];
  });
}

/** The same for two lists that say the same. */
function digestOf({ hash, method, shardBytes, files, ignored, root }: ModelManifest): string {
  const said = [hash, method, shardBytes, root, [...ignored].sort(), files.digest];
  return nodeCrypto().createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
