import type { Dispatcher } from 'undici';
import { Deadline } from './deadline.ts';
import { DUMP_TIMEOUT, MAX_INFORMATIONAL } from './limits.ts';

/**
 * Takes bytes in order. They are only lent: a taker is done with the chunk, or has copied it, when
 * it returns. A promise says when it wants more.
 */
export type Take = (chunk: Buffer) => void | Promise<void>;

type State =
  | { readonly kind: 'open' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * The body of one answer, as the connection brings it: nothing is read before somebody takes it.
 */
export class Body {
  readonly #controller: Dispatcher.DispatchController;
  #state: State = { kind: 'open' };
  #take: Take | undefined;
  #isBusy = false;
  /**
   * What came although the taker wanted to wait: a connection that ends brings its last bytes all
   * at once.
   */
  readonly #late: Buffer[] = [];
  #settle: (() => void) | undefined;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
    controller.pause();
  }

  /**
   * Brings all bytes.
   *
   * @param deadline - for what is small; a large body may take as long as bytes come
   * @throws what the taker throws, `TooSlow`, and whatever broke the connection
   */
  async drain(take: Take, deadline?: Deadline): Promise<void> {
    this.#take = take;
    const done = deadline?.onEnd((error) => this.fail(error));
    const settled = new Promise<void>((resolve) => {
      this.#settle = resolve;
    });
    this.#next();
    await settled;
    done?.();
    if (this.#state.kind === 'failed') throw this.#state.error;
  }

  /**
   * Reads a body that nobody wants, so that the connection can be used again; a long or slow one
   * ends it. Never throws.
   */
  async dump(limit = 65_536): Promise<void> {
    let length = 0;
    const count = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) throw new Error('more than anybody wants');
    };
    await this.drain(count, new Deadline(DUMP_TIMEOUT)).catch(() => {});
  }

  get hasFailed(): boolean {
    return this.#state.kind === 'failed';
  }

  /** Ends the connection unless the body has ended. */
  destroy(): void {
    if (this.#state.kind === 'open') this.fail(new Error('no longer wanted'));
  }

  /** @internal for the connection */
  push(chunk: Buffer): void {
    // The parser says after every pause that nothing came; to pause it for that would stop it for
    // good.
    if (chunk.length === 0 || this.#state.kind === 'failed') return;
    if (this.#take === undefined || this.#isBusy || this.#late.length > 0) {
      this.#late.push(Buffer.from(chunk));
      this.#controller.pause();
    } else this.#give(chunk);
  }

  /** @internal for the connection */
  end(): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'ended' };
    this.#next();
  }

  /**
   * @internal for the connection; of several failures the taker's, which is the cause of the
   * others, counts
   */
  fail(error: unknown): void {
    const wasOpen = this.#state.kind === 'open';
    this.#state = { kind: 'failed', error };
    this.#late.length = 0;
    if (wasOpen) this.#controller.abort(error instanceof Error ? error : new Error(String(error)));
    this.#next();
  }

  #give(chunk: Buffer): void {
    try {
      const taken = this.#take?.(chunk);
      if (taken === undefined) return;
      this.#isBusy = true;
      this.#controller.pause();
      taken.then(
        () => {
          this.#isBusy = false;
          this.#next();
        },
        (error) => {
          this.#isBusy = false;
          this.fail(error);
        },
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #next(): void {
    while (!this.#isBusy && this.#take !== undefined) {
      const chunk = this.#late.shift();
      if (chunk === undefined) break;
      this.#give(chunk);
    }
    if (this.#isBusy) return;
    if (this.#state.kind !== 'open') this.#settle?.();
    else if (this.#take !== undefined) this.#controller.resume();
  }
}

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Body;
}

class EndlessInformation extends Error {
  readonly code = 'TOO_MANY_INFORMATIONAL_ANSWERS';
}

/**
 * Sends one request.
 *
 * @param deadline - for the head of the answer
 * @throws what broke the connection before the head of the answer had come, `TooSlow`, or why it
 * was aborted
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<Head> {
  return new Promise((resolve, reject) => {
    let body: Body | undefined;
    let controller: Dispatcher.DispatchController | undefined;
    let given: { readonly reason: Error } | undefined;
    let informational = 0;
    const giveUp = (reason: Error) => {
      given ??= { reason };
      reject(reason);
      if (body !== undefined) body.fail(reason);
      else controller?.abort(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', onAbort);
    const headIsThere = deadline.onEnd(giveUp);
    const done = () => {
      headIsThere();
      signal?.removeEventListener('abort', onAbort);
    };
    dispatcher.dispatch(options, {
      onRequestStart(begun) {
        controller = begun;
        if (given !== undefined) begun.abort(given.reason);
      },
      onResponseStart(begun, status, headers) {
        // Informational answers (RFC 9110, section 15.2) come before the one that counts.
        if (status < 200) {
          informational += 1;
          if (informational > MAX_INFORMATIONAL) giveUp(new EndlessInformation());
          return;
        }
        headIsThere();
        body = new Body(begun);
        resolve({ status, headers, body });
      },
      onResponseData: (_, chunk) => body?.push(chunk),
      onResponseEnd() {
        done();
        body?.end();
      },
      onResponseError(_, error) {
        done();
        reject(error);
        if (body?.hasFailed === false) body.fail(error);
      },
    });
  });
}
