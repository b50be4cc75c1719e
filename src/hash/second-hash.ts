import type { IHasher } from 'hash-wasm';

/** Hashes beside SHA-256 that a signature may list a file with. */
export type SecondHashName = 'sha256' | 'sha384' | 'sha512' | 'blake2b' | 'blake3';

/** How a signature hashed the files, where that is not SHA-256 of each whole file. */
export interface SecondHash {
  readonly name: SecondHashName;
  /** Bytes of one shard; undefined hashes each file whole. */
  readonly shardBytes?: number;
}

/** Loaded only for a signature that asks for one. */
const MAKERS: Readonly<Record<SecondHashName, () => Promise<IHasher>>> = {
  sha256: async () => (await import('hash-wasm/dist/sha256.umd.min.js')).default.createSHA256(),
  sha384: async () => (await import('hash-wasm/dist/sha384.umd.min.js')).default.createSHA384(),
  sha512: async () => (await import('hash-wasm/dist/sha512.umd.min.js')).default.createSHA512(),
  blake2b: async () => (await import('hash-wasm/dist/blake2b.umd.min.js')).default.createBLAKE2b(512),
  blake3: async () => (await import('hash-wasm/dist/blake3.umd.min.js')).default.createBLAKE3(256),
};

/** Digests of one file, in hex: one for each shard, or one for all of it. */
export class SecondHasher {
  readonly #hasher: IHasher;
  readonly #shardBytes: number;
  readonly #isWhole: boolean;
  #left = 0;
  #digests: string[] = [];

  private constructor(hasher: IHasher, { shardBytes }: SecondHash) {
    this.#hasher = hasher;
    this.#isWhole = shardBytes === undefined;
    this.#shardBytes = shardBytes ?? Number.POSITIVE_INFINITY;
  }

  static async create(how: SecondHash): Promise<SecondHasher> {
    return new SecondHasher(await MAKERS[how.name](), how);
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
