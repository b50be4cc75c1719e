import type { WeighlockError } from '../error/index.ts';
import type { Digest } from './digest.ts';
import type { Descriptor, Index, Manifest } from './manifest.ts';
import type { Download } from './move.ts';

/** A manifest as it was fetched, with the digest that its bytes have. */
export interface Fetched<T> {
  readonly digest: Digest;
  readonly size: number;
  readonly document: T;
}

/** What is known of something that is asked for. */
export interface Expectation {
  /** Another document names it: when it is not there yet, it is waited for. */
  readonly isExpected?: boolean;
  /** What it means when it is not there. */
  readonly missing?: 'FILE_MISSING' | 'SOURCE_UNAVAILABLE';
}

/** What refers to a digest, as far as it could be found out. */
export interface Referrers {
  readonly descriptors: readonly Descriptor[];
  /** Why there may be more. */
  readonly faults: readonly WeighlockError[];
}

/** Where a blob goes; `offset` says how many of its bytes are there already. */
export type BlobTask = Pick<Download, 'sink' | 'keptSink' | 'restart'> & { readonly offset: () => number };

/** A blob that is not what a manifest promises of it. */
export interface WrongContent {
  readonly digest: Digest;
  /** The file of the artifact that it is. */
  readonly file?: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Where the manifests and blobs of one artifact come from: a repository of a registry, or a folder.
 */
export interface ArtifactSource {
  /** True when content may come from somebody else than the source itself. */
  readonly hasMirrors: boolean;
  /** What it is that an index has nothing for a platform. */
  readonly missingPlatform: 'CONFIG_INVALID' | 'FILE_MISSING';
  /** What the tag or digest of the reference names. A tag is resolved once, by whoever calls. */
  top(signal: AbortSignal): Promise<Fetched<Manifest | Index>>;
  /**
   * A manifest or index. By digest its bytes must have that digest; by tag the digest is computed.
   */
  manifest(which: Digest | string, signal: AbortSignal, expectation?: Expectation): Promise<Fetched<Manifest | Index>>;
  /** Everything that says it refers to a digest. */
  referrers(subject: Digest, signal: AbortSignal): Promise<Referrers>;
  /** Tags and digests under which cosign's older signatures and attestations of a digest may be. */
  attached(subject: Digest, signal: AbortSignal): Promise<readonly string[]>;
  /** A small blob whole; its size and digest are checked. */
  smallBlob(
    descriptor: Descriptor,
    signal: AbortSignal,
    mostBytes?: number,
    missing?: Expectation['missing'],
  ): Promise<Buffer>;
  /** Streams a blob. Its length is checked here, its digest is the sink's business. */
  blob(
    descriptor: Descriptor,
    task: BlobTask,
    signal: AbortSignal,
    options?: { readonly upstreamOnly?: boolean; readonly missing?: Expectation['missing'] },
  ): Promise<void>;
  /**
   * What is wrong with one of its documents, said with where that lies, if there is more to say
   * than the reference.
   */
  within(document: Digest, error: WeighlockError): WeighlockError;
  /** What it means that a blob was not what a manifest promises. */
  wrongContent(content: WrongContent): WeighlockError;
  close(): Promise<void>;
}
