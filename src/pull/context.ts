import type { Engine } from '../hash/index.ts';
import type { Repository } from '../registry/index.ts';

/** What a piece of work in a pull thread may use. */
export interface PullContext {
  readonly repository: Repository;
  /** Folder to write to, or nothing to write. */
  readonly content: string | undefined;
  readonly signal: AbortSignal;
  /** Counts bytes as progress. */
  readonly count: (bytes: number) => void;
  /** A hasher of its own for one stream; known-answer tested. */
  borrowEngine(): Promise<Engine>;
  returnEngine(engine: Engine): void;
}
