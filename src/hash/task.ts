import type { ContentShare, ContentTable } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import type { Listing } from '../fs/index.ts';
import type { AdditionalHash } from './additional-hash.ts';
import type { EngineName } from './engine.ts';
import type { KernelChoice } from './lanes/index.ts';
import type { RingBuffer } from './ring-buffer.ts';
import type { ShardTable } from './shards.ts';

/** The files of one artifact to be hashed, and where they are copied to meanwhile, if anywhere. */
export interface HashTask {
  readonly listing: Pick<Listing, 'root' | 'files'>;
  /** Folder that already has every subfolder; each file is created in it, never overwritten. */
  readonly copyTo?: string;
  /** Another hash of the same bytes, in the same pass. */
  readonly second?: AdditionalHash;
  /** Instead of whole files their shards are hashed, each by itself, and nothing is copied. */
  readonly shards?: ShardTable;
  /** Where it is taken down what each file is, by the bytes that are hashed. */
  readonly content?: ContentTable;
  /** These were read before, and are once more: copies of them may be there. */
  readonly isAgain?: boolean;
  /**
   * Files whose bytes are those of another one, by numbers in the listing: it is read, and they get
   * its digest.
   */
  readonly twins?: ReadonlyMap<number, number>;
  /** These files and no others, by their numbers in the listing. */
  readonly only?: ReadonlySet<number>;
  /** 1 for each file, or shard, that another part hashes. */
  readonly others?: Uint8Array;
}

export interface HashRequest {
  readonly kind: 'hash';
  readonly engine: EngineName;
  readonly tasks: readonly HashTask[];
  /**
   * Positions of all files, or shards, over all tasks (the second task's begin where the first
   * one's end), in hashing order.
   */
  readonly order: Uint32Array;
  /** Files that one worker hashes at once, where its engine can. */
  readonly lanes: number;
  /** The fastest kernel, where there is enough to hash to find out; otherwise four lanes. */
  readonly kernel?: KernelChoice;
  /** A file with more bytes than this is hashed by itself. */
  readonly aloneBytes: number;
  /** One large file: another thread hashes what this one reads. */
  readonly ring?: RingBuffer;
}

/** What an engine is behind its name: one of the multi-buffer kernels, or the library. */
export type Kernel = 'multi-buffer' | 'multi-buffer-avx2' | 'hash-wasm' | 'openssl';

/** What is wrong with one file. */
export interface FileFailure {
  readonly task: number;
  readonly failure: Failure;
  /**
   * Its number in the listing, where nothing but its times had changed and it may be read once
   * more.
   */
  readonly again?: number;
}

/** Failures of one worker's share. */
export interface HashReply {
  /** What computed the SHA-256s. */
  readonly kernel?: Kernel;
  readonly failures: readonly FileFailure[];
  readonly second: readonly AdditionalDigests[];
  /** What the files are, for the tasks that ask for it. */
  readonly content: readonly TaskContent[];
}

/** What one worker found of the files of a task. */
export interface TaskContent {
  readonly task: number;
  readonly share: ContentShare;
}

/** What the second hash of one file came to. */
export interface AdditionalDigests {
  readonly task: number;
  /** Of the file in the listing. */
  readonly index: number;
  readonly digests: readonly string[];
}
