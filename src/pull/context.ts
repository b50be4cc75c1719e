import type { PathBytes } from '../fs/index.ts';
import type { ArtifactSource } from '../registry/index.ts';
import type { PlainWriter } from '../transfer/index.ts';
import type { ArchiveTools } from './archive-stream.ts';
import type { Budget } from './budget.ts';
import type { KnownFiles } from './frames.ts';

/** What everything in a pull thread may use. */
export interface PullTools {
  readonly signal: AbortSignal;
  /** Counts bytes as progress. */
  readonly count: (bytes: number) => void;
  /**
   * Opens a file for one blob; its bytes are hashed by another thread, where one hashes for this
   * one. Without a path they are hashed only.
   *
   * @param name - its path in the artifact
   * @param size - bytes, where they are known
   */
  openPlain(path: Buffer | undefined, name: PathBytes, size?: number): Promise<PlainWriter>;
  borrowArchiveTools(): Promise<ArchiveTools>;
  returnArchiveTools(tools: ArchiveTools): void;
}

/** What the layers of an artifact are fetched with. */
export interface PullContext extends PullTools {
  readonly repository: ArtifactSource;
  /** Folder to write to, or nothing to write. */
  readonly content: string | undefined;
  /** What archives may come to. */
  readonly budget: Budget;
  /** Private folder that keeps, for each archive, what makes it again. */
  readonly records: string | undefined;
  /** A folder with files of an earlier run, and what they may be the files of. */
  readonly known: KnownFiles | undefined;
}
