import { nodeCrypto } from '../library/index.ts';
import type { HashName } from '../trust/index.ts';

/** Digests of one file, hex, by hash; as many as are known. */
export type Digests = ReadonlyMap<HashName, string>;

const HASHES: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/** Digests of something small, by every hash that signatures are made over. */
export function digestsOf(bytes: string | Uint8Array): Digests {
  return new Map(HASHES.map((hash) => [hash, nodeCrypto().createHash(hash).update(bytes).digest('hex')]));
}

/** The same of what comes in pieces. */
export class ManyHashes {
  readonly #hashes = HASHES.map((hash) => [hash, nodeCrypto().createHash(hash)] as const);

  update(piece: Uint8Array): void {
    for (const [, hash] of this.#hashes) hash.update(piece);
  }

  digests(): Digests {
    return new Map(this.#hashes.map(([name, hash]) => [name, hash.digest('hex')]));
  }
}
