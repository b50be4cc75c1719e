import type { WeighlockError } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import type { Answer, Notice, Sleep, Transport } from '../registry/index.ts';

/**
 * What a store itself says of a file's content. It is checked and reported, and never takes the
 * place of a requirement.
 */
export interface Promised {
  /**
   * `git-sha1` is the id of the content as a Git blob: SHA-1 over `blob SIZE`, a NUL and the
   * content.
   */
  readonly algorithm: 'sha256' | 'git-sha1';
  /** Lower-case hex. */
  readonly digest: string;
}

/** One file that a store has, as it was listed. */
export interface StoredFile {
  /** Below what the URL names, a safe path; the last part of its name where that is one file. */
  readonly path: PathBytes;
  /** Its name in the store. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** A strong entity tag with its quotes: every part that is fetched must be of this version. */
  readonly etag?: string;
  readonly promised?: Promised;
  /** What the store says of its content by a weak hash, in base64: reported, and not checked. */
  readonly checksums?: { readonly md5?: string; readonly crc32c?: string };
}

/** What a URL of a store names, listed once: everything after goes by this. */
export interface Inventory {
  readonly kind: 'file' | 'folder';
  /**
   * The one version of all files that a branch or tag was resolved to, where the store has such a
   * thing: a commit.
   */
  readonly revision?: string;
  /** By path, in byte order. */
  readonly files: readonly StoredFile[];
}

/** What a store is read with. */
export interface StoreTools {
  readonly transport: Transport;
  readonly notice: Notice;
  /** Most files of one artifact. */
  readonly maxFiles: number;
  readonly sleep?: Sleep;
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** The `hops` of an earlier answer, to ask at once where that came from. */
  readonly along?: readonly URL[] | undefined;
}

/**
 * A place that lists files by name and gives ranges of them. It knows the protocol and its
 * credentials; retries, resuming, limits, hashing and writing are the transfer's, and whom to trust
 * is decided elsewhere.
 */
export interface Store {
  /**
   * Lists what the URL names: safe paths, none twice, and no more than `maxFiles` (see
   * `FileCollector`).
   *
   * @throws WeighlockError for what is not there, not to be read, or no listing
   */
  inventory(signal: AbortSignal): Promise<Inventory>;
  /**
   * Asks for a file, or the range of it that `headers` says, of exactly the version that was
   * listed.
   *
   * @throws Replaced when there is another version now
   */
  open(file: StoredFile, headers: Readonly<Record<string, string>>, options: OpenOptions): Promise<Answer>;
  /** Why an answer cannot be used. */
  refusal(answer: Answer, file: StoredFile): Promise<WeighlockError>;
  /** The file as it is now, after it was replaced. */
  renew(file: StoredFile, signal: AbortSignal): Promise<StoredFile>;
  /** What the store calls the version that an answer is of, for the report. */
  versionOf(answer: Answer): string | undefined;
}
