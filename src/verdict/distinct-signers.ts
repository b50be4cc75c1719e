import type { Signer } from '../evidence/index.ts';
import { countDistinct, nameLabel } from '../trust/index.ts';

/**
 * How many people signed. One is told by the attestor, by the key, and by every name that the
 * certificate has.
 */
export function distinctSigners(signers: readonly Signer[]): number {
  return countDistinct(
    signers.map(({ attestor, fingerprint, names = [], subject }) => [
      `attestor ${attestor}`,
      `key ${fingerprint}`,
      ...[...names, ...(subject === undefined ? [] : [subject])].map(nameLabel),
    ]),
  );
}
