import type { ContentFound } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import type { FileTable, PathBytes } from '../fs/index.ts';
import type { ArchiveRecord } from '../pull/index.ts';
import type { Stage } from '../stage/index.ts';
import type { StoreOutcome } from '../verdict/index.ts';

/** What was fetched into a staging folder, hashed on its way. */
export interface Fetched {
  readonly kind: 'file' | 'folder';
  readonly files: FileTable;
  /** What they are, by the bytes that were hashed, where that was asked for. */
  readonly found?: ContentFound | undefined;
  readonly failures: readonly Failure[];
  /** What makes archives again that were unpacked; goes into the marker. */
  readonly records: readonly ArchiveRecord[];
}

/**
 * A source that is not a volume, as a run uses it: a class for each kind, and a line in
 * `remote-sources.ts`. It knows how to ask for things and how to fetch them; threads, room and
 * connections are in `Remote`, trust is in the artifact's evidence.
 *
 * Either `stage` and `fetch` are called, or, for what lies at the destination already, `consult`
 * and `promise`.
 */
export interface RemoteSource {
  /** Digest that the source was resolved to, and of the manifest there; once they are known. */
  readonly digest?: string | undefined;
  readonly manifest?: string | undefined;
  /** What a store says of its files; once it was listed. */
  readonly store?: StoreOutcome | undefined;
  /** What will come, as far as it is known. */
  readonly expected?: Pick<FileTable, 'totalBytes' | 'count'> | undefined;
  /**
   * Bytes that it promises of files by name, where a requirement rests on them; known after
   * `consult`.
   */
  readonly sizes?: ReadonlyMap<PathBytes, number> | undefined;
  /** SHA-256 of the files that its manifest promises, by name, as hex; known after `promise`. */
  readonly promised?: ReadonlyMap<PathBytes, string> | undefined;

  /**
   * Finds out what there is and who vouches for it, and makes a staging folder.
   *
   * @throws WeighlockError also for a signature that does not count: it costs a few requests, and
   * no download
   */
  stage(destination: string): Promise<Stage>;
  /**
   * Fetches everything. What lies in the staging folder afterwards is exactly what was hashed on
   * its way, and the evidence knows what was promised of it.
   */
  fetch(stage: Stage, destination: string): Promise<Fetched>;
  /**
   * Asks what the requirements need to know before a byte of what lies at the destination is
   * hashed.
   */
  consult(destination: string): Promise<void>;
  /** Tells the evidence which files should lie at the destination. */
  promise(destination: string): Promise<readonly Failure[]>;
}
