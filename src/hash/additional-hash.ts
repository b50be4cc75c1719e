import type { IHasher } from 'hash-wasm';
import { library } from '../library/index.ts';

/** Hashes beside SHA-256 that a signature may list a file with. */
export type SecondHashName = 'sha256' | 'sha384' | 'sha512' | 'blake2b' | 'blake3';

/** How a signature hashed the files, where that is not SHA-256 of each whole file. */
export interface AdditionalHash {
  readonly name: SecondHashName;
  /** Bytes of one shard; undefined hashes each file whole. */
  readonly shardBytes?: number;
}

async function makeHasher(name: SecondHashName): Promise<IHasher> {
  const hashes = await library('hashes');
  if (name === 'blake2b') return hashes.createBLAKE2b(512);
  if (name === 'blake3') return hashes.createBLAKE3(256);
  return { sha256: hashes.createSHA256, sha384: hashes.createSHA384, sha512: hashes.createSHA512 }[name]();
}

/** Digests of one file, in hex: one for each shard, or one for all of it. */
export class AdditionalHasher {
  readonly #hasher: IHasher;
  readonly #shardBytes: number;
  readonly #isWhole: boolean;
  #left = 0;
  #digests: string[] = [];

  private constructor(hasher: IHasher, { shardBytes }: AdditionalHash) {
    this.#hasher = hasher;
    this.#isWhole = shardBytes === undefined;
    this.#shardBytes = shardBytes ?? Number.POSITIVE_INFINITY;
  }

  static async create(how: AdditionalHash): Promise<AdditionalHasher> {
    return new AdditionalHasher(await makeHasher(how.name), how);
  }

  init(): void {
    this.#digests = [];
    this.#left = this.#shardBytes;
    this.#hasher.init();
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(this.#left, chunk.length - at);
      this.#hasher.update(chunk.subarray(at, at + take));
      at += take;
      this.#left -= take;
      if (this.#left === 0) this.#next();
    }
  }

  /** All digests; none for an empty file in shards (OMS section 6.4). */
  finish(): readonly string[] {
    if (this.#isWhole || this.#left < this.#shardBytes) this.#digests.push(this.#hasher.digest('hex'));
    return this.#digests;
  }

  #next(): void {
    this.#digests.push(this.#hasher.digest('hex'));
    this.#hasher.init();
    this.#left = this.#shardBytes;
  }
}
