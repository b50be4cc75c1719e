import { WeighlockError } from '../error/index.ts';

/** A failure that another try may mend; where nobody tries again, it is the failure itself. */
export class Retryable extends WeighlockError {
  readonly failure: WeighlockError;
  /** Milliseconds that the server asked to wait. */
  readonly after: number | undefined;
  /** Most tries without progress, where fewer are worth it than usual. */
  readonly tries: number | undefined;

  constructor(failure: WeighlockError, options: { readonly after?: number | undefined; readonly tries?: number } = {}) {
    super(failure, { cause: failure.cause });
    this.failure = failure;
    this.after = options.after;
    this.tries = options.tries;
  }
}
