import type { Readable } from 'node:stream';
import type { Environment } from '../plan/index.ts';
import type { Output } from '../report/index.ts';
import type { HashPool } from '../transfer/index.ts';

/** Everything a command takes from its process, so that it can be run without one. */
export interface Context {
  /** The command line: the command, then its arguments. */
  readonly words: readonly string[];
  readonly environment: Environment;
  readonly out: Output & {
    readonly isTerminal: boolean;
    /**
     * For output that is the product: resolves when it is written, throws a `WeighlockError` when
     * it cannot be.
     */
    writeAll(data: string | Uint8Array): Promise<void>;
  };
  /** Standard input, where it is not that of the process. */
  readonly stdin?: Readable;
  readonly err: Output & { readonly isTerminal: boolean };
  /** Aborts with the `WeighlockError` to report when a signal arrives. */
  readonly signal: AbortSignal;
  /** The worker threads; started at the first call at the latest, stopped by the process. */
  pool(): HashPool;
}

/** What a command leaves to its process. */
export interface Finished {
  readonly exitCode: number;
}
