import type { WeighlockError } from '../error/index.ts';

/** A failure that another try may mend. */
export class Retryable extends Error {
  readonly failure: WeighlockError;
  /** Milliseconds that the server asked to wait. */
  readonly after: number | undefined;

  constructor(failure: WeighlockError, after?: number) {
    super(failure.message);
    this.failure = failure;
    this.after = after;
  }
}
