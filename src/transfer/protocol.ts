import type { FileTable, Listing, StorageRules, TableBuffers } from '../fs/index.ts';
import type { Control, EngineName, HashRequest, HashTask, KernelChoice, RingBuffer } from '../hash/index.ts';

/** What a worker thread is started with. */
export interface WorkerSetup {
  readonly control: Control;
  /** The engine to get ready while there is nothing else to do yet. */
  readonly likelyEngine?: EngineName;
}

/** Answered by a listing; files that nobody has looked at are sent before: `UnseenPart`. */
export interface ListRequest {
  readonly kind: 'list';
  /** Absolute path. */
  readonly path: string;
  readonly allowSymlinks: boolean;
  readonly maxFiles: number;
  readonly storage?: StorageRules;
}

/** Files of which only the names are known, and the open folder that they are opened from. */
export interface Unseen {
  readonly root: number;
  readonly files: FileTable;
  /** The first of them; those before it are others. */
  readonly first: number;
}

/** Some files of a table that grows, as one thread tells another of them. */
export interface UnseenRange {
  readonly root: number;
  readonly first: number;
  /** Where they end. */
  readonly count: number;
  readonly targets: FileTable['targets'];
  /** Comes with the first of them: the table stays where it is. */
  readonly table?: TableBuffers;
}

/** Some of them, as the thread that lists sends them. */
export interface UnseenPart extends UnseenRange {
  /** Whether the folder lies on local storage. */
  readonly isLocal: boolean;
}

/**
 * Looks at files that nobody has looked at, hashes those that are small, and says in `hashed` what
 * is to be done with the others.
 */
export interface HashUnlistedRequest extends UnseenRange {
  readonly kind: 'hash-unlisted';
  /** Without one, none is opened or hashed. */
  readonly engine: EngineName | undefined;
  readonly kernel?: KernelChoice;
}

/** Lists what was not what it was to be when it was looked at. */
export interface RelistRequest extends Omit<Unseen, 'first'> {
  readonly kind: 'relist';
}

/** Looks at files again that had other times when they were read, and takes them down. */
export interface RefreshRequest {
  readonly kind: 'refresh';
  readonly files: readonly { readonly listing: HashTask['listing']; readonly index: number }[];
}

export interface RecheckRequest {
  readonly kind: 'recheck';
  readonly listing: Listing;
}

/** Hashes what another thread receives, until that closes the ring. */
export interface RingRequest {
  readonly kind: 'ring';
  readonly engine: EngineName;
  readonly ring: RingBuffer;
  readonly kernel?: KernelChoice;
}

export type Request =
  | ListRequest
  | HashUnlistedRequest
  | RelistRequest
  | RefreshRequest
  | HashRequest
  | RecheckRequest
  | RingRequest;
