import type { Engine } from '../hash/index.ts';
import type { Repository } from '../registry/index.ts';
import type { ArchiveTools } from './archive-stream.ts';
import type { KnownFiles } from './frames.ts';
import type { Digester } from './plain-writer.ts';
import type { WriteBehind } from './write-behind.ts';

/** What everything in a pull thread may use. */
export interface PullTools {
  readonly signal: AbortSignal;
  /** Counts bytes as progress. */
  readonly count: (bytes: number) => void;
  /** A hasher of its own for one stream; known-answer tested. */
  borrowEngine(): Promise<Engine>;
  returnEngine(engine: Engine): void;
  /** A queue of its own for what is written. */
  borrowBehind(): WriteBehind;
  returnBehind(behind: WriteBehind): void;
  /** A hasher for one large stream: another thread's, where one hashes for this one. */
  borrowDigester(): Promise<Digester>;
  returnDigester(digester: Digester): void;
  borrowArchiveTools(): Promise<ArchiveTools>;
  returnArchiveTools(tools: ArchiveTools): void;
}

/** What the layers of an artifact are fetched with. */
export interface PullContext extends PullTools {
  readonly repository: Repository;
  /** Folder to write to, or nothing to write. */
  readonly content: string | undefined;
  /** Private folder that keeps, for each archive, what makes it again. */
  readonly records: string | undefined;
  /** A folder with files of an earlier run, and what they may be the files of. */
  readonly known: KnownFiles | undefined;
}
