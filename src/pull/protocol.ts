import type { Failure } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import type { Control, EngineName } from '../hash/index.ts';
import type { Layout } from '../layout/index.ts';
import type { Digest, Platform, RegistrySettings } from '../registry/index.ts';

/** What a pull thread is started with. */
export interface PullSetup {
  readonly control: Control;
  readonly settings: RegistrySettings;
  readonly engine: EngineName;
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

/** Fetches what a queue of work holds; every thread gets the same request and takes from the same queue. */
export interface PullRequest {
  readonly kind: 'pull';
  readonly reference: string;
  readonly layout: Layout;
  /** Items in the order in which they are begun; an image is one piece of work. */
  readonly order: Uint32Array;
  /** Folder to write to; without it the content is only hashed, to compare it with what lies elsewhere. */
  readonly content?: string;
}

/** Fetches one file over HTTPS. */
export interface FetchRequest {
  readonly kind: 'fetch';
  readonly url: string;
  /** Path of the file to write; what lies there is continued. */
  readonly file: string;
}

/** One file that was fetched, as its bytes were hashed on their way. */
export interface PulledFile {
  readonly path: PathBytes;
  readonly size: number;
  /** SHA-256, 64 lower-case hex digits. */
  readonly sha256: string;
}

export interface PullReply {
  readonly files: readonly PulledFile[];
  readonly failures: readonly Failure[];
}

export type RemoteRequest = ResolveRequest | PullRequest | FetchRequest;

/** Sent at any time: something that a person should see. */
export interface NoticeMessage {
  readonly notice: string;
}
