import type { Failure } from '../error/index.ts';
import type { FileTable, Listing } from '../fs/index.ts';
import type { Control } from './control.ts';
import type { EngineName } from './engine.ts';
import type { KernelChoice } from './lanes/index.ts';
import type { Line } from './line.ts';
import type { SecondHash } from './second-hash.ts';
import type { ShardTable } from './shards.ts';

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly control: Control;
  /** The engine to get ready while there is nothing else to do yet. */
  readonly likelyEngine?: EngineName;
}

/** The files of one artifact to be hashed, and where they are copied to meanwhile, if anywhere. */
export interface HashTask {
  readonly listing: Pick<Listing, 'root' | 'files'>;
  /** Folder that already has every subfolder; each file is created in it, never overwritten. */
  readonly copyTo?: string;
  /** Another hash of the same bytes, in the same pass. */
  readonly second?: SecondHash;
  /** Instead of whole files their shards are hashed, each by itself, and nothing is copied. */
  readonly shards?: ShardTable;
  /** These were read before, and are once more: copies of them may be there. */
  readonly isAgain?: boolean;
  /** These files and no others, by their numbers in the listing. */
  readonly only?: ReadonlySet<number>;
}

export interface ListRequest {
  readonly kind: 'list';
  /** Absolute path. */
  readonly path: string;
  readonly allowSymlinks: boolean;
  readonly maxFiles: number;
  /** Sends files that nobody has looked at while it goes on: `UnseenPart`. */
  readonly sendsUnseen?: boolean;
}

/** Files of which only the names are known, and the open folder that they are opened from. */
export interface Unseen {
  readonly root: number;
  readonly files: FileTable;
}

/** Some of them, as the thread that lists sends them. */
export interface UnseenPart extends Unseen {
  /** Whether the folder lies on local storage. */
  readonly isLocal: boolean;
}

/** Looks at files that nobody has looked at, hashes those that are small, and says in `hashed` what is to be done with the others. */
export interface LookRequest extends Unseen {
  readonly kind: 'look';
  readonly engine: EngineName;
  readonly kernel?: KernelChoice;
}

/** Lists what was not what it was to be when it was looked at. */
export interface AgainRequest extends Unseen {
  readonly kind: 'again';
}

/** Looks at files again that had other times when they were read, and takes them down. */
export interface LookAgainRequest {
  readonly kind: 'look-again';
  readonly files: readonly { readonly listing: HashTask['listing']; readonly index: number }[];
}

export interface HashRequest {
  readonly kind: 'hash';
  readonly engine: EngineName;
  readonly tasks: readonly HashTask[];
  /** Positions of all files, or shards, over all tasks (the second task's begin where the first one's end), in hashing order. */
  readonly order: Uint32Array;
  /** Files that one worker hashes at once, where its engine can. */
  readonly lanes: number;
  /** The fastest kernel, where there is enough to hash to find out; otherwise four lanes. */
  readonly kernel?: KernelChoice;
  /** A file with more bytes than this is hashed by itself. */
  readonly aloneBytes: number;
  /** For one large file: another thread hashes it while this one reads ahead. */
  readonly line?: Line;
}

export interface RecheckRequest {
  readonly kind: 'recheck';
  readonly listing: Listing;
}

/** What an engine is behind its name: one of the multi-buffer kernels, or the library. */
export type Kernel = 'multi-buffer' | 'multi-buffer-avx2' | 'hash-wasm' | 'openssl';

/** Hashes what another thread receives, until that closes the line. */
export interface LineRequest {
  readonly kind: 'line';
  readonly engine: EngineName;
  readonly line: Line;
  readonly kernel?: KernelChoice;
}

export type Request =
  | ListRequest
  | LookRequest
  | AgainRequest
  | LookAgainRequest
  | HashRequest
  | RecheckRequest
  | LineRequest;

/** What is wrong with one file. */
export interface FileFailure {
  readonly task: number;
  readonly failure: Failure;
  /** Its number in the listing, where nothing but its times had changed and it may be read once more. */
  readonly again?: number;
}

/** Failures of one worker's share. */
export interface HashReply {
  /** What computed the SHA-256s. */
  readonly kernel?: Kernel;
  readonly failures: readonly FileFailure[];
  readonly second: readonly SecondDigests[];
}

/** What the second hash of one file came to. */
export interface SecondDigests {
  readonly task: number;
  /** Of the file in the listing. */
  readonly index: number;
  readonly digests: readonly string[];
}
