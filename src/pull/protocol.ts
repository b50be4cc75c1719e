import type { FileContent } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import type { Control, EngineName, RingBuffer } from '../hash/index.ts';
import type { Layout } from '../layout/index.ts';
import type { Descriptor, Digest, Platform, RegistrySettings, Room } from '../registry/index.ts';
import type { Inventory, StoredFile, StoreLocation, StoreSettings } from '../store/index.ts';
import type { RangeLimits } from '../transfer/index.ts';
import type { TufSource } from '../trust/index.ts';
import type { Budget } from './budget.ts';
import type { ArchiveRecord, KnownFiles } from './frames.ts';

/** What a pull thread is started with. */
export interface PullSetup {
  readonly control: Control;
  readonly settings: RegistrySettings;
  readonly stores: StoreSettings;
  readonly engine: EngineName;
  /**
   * What all pull threads together have of connections, and of memory for what came before its
   * turn.
   */
  readonly limits: RangeLimits;
  /** Part of each pause between two tries that is waited. */
  readonly pace: number;
}

/** Turns a reference into what is to be fetched. */
export interface ResolveRequest {
  readonly kind: 'resolve';
  readonly reference: string;
  readonly platform: Platform;
  readonly allowUnknownLayers: boolean;
}

export interface Resolved {
  /** Of the manifest or, for several platforms, of the index: what the tag or digest names. */
  readonly digest: Digest;
  /** Of the manifest whose layers are fetched. */
  readonly manifest: Digest;
  readonly layout: Layout;
  /** Bytes of all layers as they are sent. */
  readonly bytes: number;
}

/**
 * Fetches what a queue of work holds; every thread gets the same request and takes from the same
 * queue.
 */
export interface PullRequest {
  readonly kind: 'pull';
  readonly reference: string;
  readonly layout: Layout;
  /** Items in the order in which they are begun; an image is one piece of work. */
  readonly order: Uint32Array;
  /** How many threads have this request. */
  readonly threads: number;
  /** Where plain files are hashed by another thread meanwhile; each pull thread has its own. */
  readonly ring?: RingBuffer;
  /**
   * Folder to write to; without it the content is only hashed, to compare it with what lies
   * elsewhere.
   */
  readonly content?: string;
  /** What archives may come to: of all threads together. */
  readonly budget: Budget;
  /** Private folder that keeps, for each archive, what makes it again. */
  readonly records?: string;
  /** Says what each file is, by the bytes that are hashed. */
  readonly inspects?: boolean;
  /** A folder with files of an earlier run; its archives are fetched only if they are not there. */
  readonly known?: KnownFiles;
}

/** Fetches one file over HTTPS, or an archive as the files in it. */
export interface FetchRequest {
  readonly kind: 'fetch';
  readonly url: string;
  /** Path of the file to write. */
  readonly file?: string;
  readonly ring?: RingBuffer;
  /** Unpacks it into this folder; `null` only looks what is in it. */
  readonly unpackInto?: string | null;
  /** Says what each file is, by the bytes that are hashed. */
  readonly inspects?: boolean;
  /** What there is room for. */
  readonly room?: Room;
  /**
   * Somebody pinned the digest of what comes: it may come by ranges that nothing else tells to be
   * of one version.
   */
  readonly isPinned?: boolean;
  /**
   * Files of an earlier run that may be those of the archive with this digest; fetched only if they
   * are not.
   */
  readonly known?: KnownFiles & { readonly digest: Digest };
}

/** What came over HTTPS. */
export interface FetchReply {
  /** SHA-256 of the bytes as they came, as hex. */
  readonly sha256: string;
  readonly files: readonly PulledFile[];
  /** What makes the archive again, if it was an uncompressed one. */
  readonly record?: ArchiveRecord;
}

/** One file that was fetched, as its bytes were hashed on their way. */
export interface PulledFile {
  readonly path: PathBytes;
  readonly size: number;
  /** SHA-256, 64 lower-case hex digits. */
  readonly sha256: string;
  /** What it is, where that was asked for. */
  readonly content?: FileContent;
  /** What a store calls the version that was fetched. */
  readonly version?: string;
}

export interface PullReply {
  readonly files: readonly PulledFile[];
  readonly failures: readonly Failure[];
}

export type RemoteRequest =
  | ResolveRequest
  | PullRequest
  | FetchRequest
  | SignaturesRequest
  | BlobRequest
  | BlobRangeRequest
  | UrlRangeRequest
  | StoredRangeRequest
  | InventoryRequest
  | StoredRequest
  | SmallStoredRequest
  | TrustedRootRequest;

/** Lists what a URL of a store names. */
export interface InventoryRequest {
  readonly kind: 'inventory';
  readonly location: StoreLocation;
  /** Most files of one artifact. */
  readonly maxFiles: number;
}

/** Fetches files of a store; every thread gets the same request and takes from the same queue. */
export interface StoredRequest {
  readonly kind: 'stored';
  readonly location: StoreLocation;
  readonly inventory: Inventory;
  /** Numbers of files, in the order in which they are begun. */
  readonly order: Uint32Array;
  readonly threads: number;
  /** Files that one thread has under way. */
  readonly lanes: number;
  readonly ring?: RingBuffer;
  /** Folder to write to; without it the content is only hashed. */
  readonly content?: string;
  /** Looks what files are by their bytes. */
  readonly inspects?: boolean;
}

/** Fetches one small file of a store whole. */
export interface SmallStoredRequest {
  readonly kind: 'small-stored';
  readonly location: StoreLocation;
  readonly file: StoredFile;
  readonly revision?: string;
}

/** Fetches a part of a file of a store; nothing can be checked of it. */
export interface StoredRangeRequest {
  readonly kind: 'stored-range';
  readonly location: StoreLocation;
  readonly file: StoredFile;
  readonly revision?: string;
  readonly start: number;
  readonly length: number;
}

/** Asks a TUF repository for the keys of a Sigstore instance. */
export interface TrustedRootRequest {
  readonly kind: 'trusted-root';
  readonly source: TufSource;
}

/** Fetches one small blob whole. */
export interface BlobRequest {
  readonly kind: 'blob';
  readonly reference: string;
  readonly descriptor: Descriptor;
}

/** Fetches a part of a blob; its digest cannot be checked. */
export interface BlobRangeRequest {
  readonly kind: 'blob-range';
  readonly reference: string;
  readonly descriptor: Descriptor;
  readonly start: number;
  readonly length: number;
}

/** Fetches a part of a file over HTTPS. */
export interface UrlRangeRequest {
  readonly kind: 'url-range';
  readonly url: string;
  readonly start: number;
  readonly length: number;
  /** What an earlier answer said of it. */
  readonly file?: UrlFile;
}

/** What is known of a file on a server: every part has to be of it. */
export interface UrlFile {
  /** Bytes of the whole file. */
  readonly total: number;
  /** What the server says of its version, where it does. */
  readonly version?: string;
}

/** Fetches what is stored as signatures of a manifest. */
export interface SignaturesRequest {
  readonly kind: 'signatures';
  /** Repository that has them; often that of the artifact. */
  readonly reference: string;
  readonly digest: Digest;
}

export type StoredForm = 'bundle' | 'simplesigning' | 'envelope';

/** A layer that may be a signature; its digest was checked, nothing else. */
export interface StoredLayer {
  readonly form: StoredForm;
  readonly bytes: Uint8Array;
  readonly annotations: Readonly<Record<string, string>>;
  /** The manifest or tag that it was in. */
  readonly where: string;
}

/** A place that signatures may be in, and that could not be read. */
export interface UnreadPlace {
  readonly where: string;
  readonly failure: Failure;
}

/** What is stored as signatures of a manifest, as far as it could be read. */
export interface StoredSignatures {
  readonly layers: readonly StoredLayer[];
  readonly unread: readonly UnreadPlace[];
}

/** Sent at any time: something that a person should see. */
export interface NoticeMessage {
  readonly notice: string;
}
