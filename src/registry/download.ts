import { WeighlockError } from '../error/index.ts';
import type { Take } from './body.ts';
import { contentRangeFault } from './range.ts';
import { isRetryableStatus, type Patience, parseRetryAfter, withRetries } from './retry.ts';
import { Retryable } from './retryable.ts';
import { type Answer, headerOf, networkFault, showUrl, unavailable } from './transport.ts';

export interface Download {
  /** Asks for the bytes from this offset on. Called again after every break. */
  readonly open: (offset: number, validator: string | undefined) => Promise<Answer>;
  /** Where to begin: bytes that are there already. */
  readonly offset: number;
  /** Bytes of the whole, when they are known before. */
  readonly size?: number;
  /** What it throws ends the download. */
  readonly sink: Take;
  /** Throws away what the sink got so far: the source changed, or cannot go on where it broke. */
  readonly restart: () => void | Promise<void>;
}

/**
 * Moves a body of any length into a sink through broken connections: after a break it goes on by `Range` where the bytes
 * ended, checks that the answer really goes on there, and never accepts more or fewer bytes than were announced.
 *
 * @returns the number of bytes of the whole
 */
export async function download(task: Download, patience: Omit<Patience, 'progress'>): Promise<number> {
  const state: State = { offset: task.offset, moved: 0, size: task.size, validator: undefined };
  await withRetries(() => attempt(task, state), { ...patience, progress: () => state.moved });
  return state.offset;
}

interface State {
  /** Bytes the sink has. */
  offset: number;
  /** Bytes received over all tries: what counts as progress. */
  moved: number;
  size: number | undefined;
  /** Strong ETag of the first answer. */
  validator: string | undefined;
}

async function attempt(task: Download, state: State): Promise<void> {
  if (state.size !== undefined && state.offset === state.size && state.size > 0) return;
  const answer = await task.open(state.offset, state.validator);
  try {
    await begin(task, state, answer);
    await drain(task, state, answer);
  } finally {
    answer.body.destroy();
  }
}

/** Looks at the answer's head: does it go on where we are, and is it still the same thing? */
async function begin(task: Download, state: State, answer: Answer): Promise<void> {
  const { status, url, headers } = answer;
  const failure = (why: string) => unavailable(url, why);
  if (isRetryableStatus(status)) {
    throw new Retryable(failure(`answered ${status}`), parseRetryAfter(headerOf(headers, 'retry-after'), Date.now()));
  }
  if (status !== 200 && status !== 206 && status !== 416) throw failure(`answered ${status}`);
  const etag = headerOf(headers, 'etag');
  const strong = etag !== undefined && !etag.startsWith('W/') ? etag : undefined;
  const changed = state.validator !== undefined && strong !== state.validator;
  if (state.offset > 0) {
    const fault =
      status === 206 ? contentRangeFault(headers['content-range'], state.offset, state.size) : 'does not resume';
    if (fault !== undefined || changed) {
      // The bytes so far may be of another version, or there is no way to go on after them: from the beginning.
      await task.restart();
      state.offset = 0;
      state.validator = undefined;
      if (task.size === undefined) state.size = undefined;
      if (status !== 200) throw new Retryable(failure(changed ? 'changed during the download' : (fault ?? '')));
    }
  } else if (status !== 200) throw failure(`answered ${status} to a request for everything`);
  state.validator ??= strong;
  announceSize(state, answer);
}

/** `Content-Length` must agree with what is known; a body that is too long is refused before its first byte. */
function announceSize(state: State, { headers, url }: Answer): void {
  const text = headerOf(headers, 'content-length');
  if (text === undefined || !/^\d{1,16}$/.test(text)) return;
  const whole = state.offset + Number(text);
  if (state.size !== undefined && whole !== state.size) throw wrongSize(url, state.size, whole);
  state.size = whole;
}

async function drain(task: Download, state: State, { body, url }: Answer): Promise<void> {
  try {
    await body.drain((chunk) => {
      if (state.size !== undefined && state.offset + chunk.length > state.size)
        throw wrongSize(url, state.size, undefined);
      // From here on the sink has them, also those that it will only take up later.
      state.offset += chunk.length;
      state.moved += chunk.length;
      return task.sink(chunk);
    });
  } catch (error) {
    if (error instanceof WeighlockError || error instanceof Retryable) throw error;
    throw new Retryable(unavailable(url, `broke off after ${state.offset} bytes: ${networkFault(error)}`, error));
  }
  if (state.size !== undefined && state.offset < state.size) {
    throw new Retryable(unavailable(url, `ended after ${state.offset} of ${state.size} bytes`));
  }
  state.size = state.offset;
}

function wrongSize(url: URL, expected: number, found: number | undefined): WeighlockError {
  return new WeighlockError({
    code: 'DIGEST_MISMATCH',
    message: `${showUrl(url)} does not have the promised length`,
    expected: `${expected} bytes`,
    found: found === undefined ? 'more' : `${found} bytes`,
    remedy: 'the server sends something else than what was promised: check it, and what lies between',
  });
}
