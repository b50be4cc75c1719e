import { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  contentRangeFault,
  type Download,
  encodingOf,
  headerOf,
  isRetryableStatus,
  MAX_BEGINNINGS,
  networkFault,
  type Patience,
  parseContentRange,
  Retryable,
  type Room,
  showUrl,
  unavailable,
  versionOf,
  withRetries,
} from '../registry/index.ts';

/**
 * Moves a body of any length into a sink through broken connections: after a break it goes on by
 * `Range` where the bytes ended, checks that the answer really goes on there, and never accepts
 * more or fewer bytes than were announced. From a server that cannot go on it is begun anew, a few
 * times.
 *
 * @returns the number of bytes of the whole
 */
export async function download(task: Download, patience: Omit<Patience, 'progress'>): Promise<number> {
  const { offset, size } = task;
  const state: State = { offset, furthest: offset, size, version: task.version, encoding: undefined, beginnings: 1 };
  await withRetries(() => attempt(task, state), { ...patience, progress: () => state.furthest });
  return state.offset;
}

interface State {
  /** Bytes the sink has. */
  offset: number;
  /** Most bytes that it ever had: only more than that is progress. */
  furthest: number;
  size: number | undefined;
  /** What the first answer says of the version: `ETag`, or else `Last-Modified`. */
  version: string | undefined;
  /** How the bytes that are there are encoded, as the server said. */
  encoding: string | undefined;
  /** Times that it was begun. */
  beginnings: number;
}

async function attempt(task: Download, state: State): Promise<void> {
  if (state.size !== undefined && state.offset === state.size && state.size > 0) return;
  const answer = await ask(task, state);
  try {
    await begin(task, state, answer);
    await drain(task, state, answer);
  } finally {
    answer.body.destroy();
  }
}

/** Asks for the rest: some servers know `bytes=FIRST-LAST` only, and some `bytes=FIRST-`. */
async function ask(task: Download, state: State): Promise<Answer> {
  const { offset, size, version } = state;
  if (offset === 0) return task.open({});
  const condition = version?.startsWith('"') ? { 'if-range': version } : undefined;
  const ranges = [...(size === undefined ? [] : [`bytes=${offset}-${size - 1}`]), `bytes=${offset}-`];
  for (const [i, range] of ranges.entries()) {
    const answer = await task.open({ range, ...condition });
    if (i === ranges.length - 1 || !ignoresRange(answer, task, state)) return answer;
    answer.body.destroy();
  }
  throw new Error('a download without a request');
}

/** True when another way to ask for the rest may be understood. */
function ignoresRange(answer: Answer, task: Download, state: State): boolean {
  return answer.status === 200 ? !hasChanged(answer, task, state) : NO_RANGE.has(answer.status);
}

/**
 * How servers answer a `Range` that they do not understand: 501 is S3's look-alikes', 405 that of
 * some proxies.
 */
export const NO_RANGE: ReadonlySet<number> = new Set([400, 405, 416, 501]);

/** Looks at the answer's head: does it go on where we are, and is it still the same thing? */
async function begin(task: Download, state: State, answer: Answer): Promise<void> {
  const { status, url } = answer;
  const goesOn = state.offset > 0;
  const isPart = status === 206 || (goesOn && NO_RANGE.has(status));
  if (isRetryableStatus(status) || (status !== 200 && !isPart)) throw await task.refusal(answer);
  if (goesOn) {
    const fault = status === 206 ? partFault(answer, state) : 'does not resume';
    const changed = hasChanged(answer, task, state);
    if (fault !== undefined || changed) {
      // The bytes so far may be of another version, or there is no way to go on after them: from
      // the beginning.
      await beginAnew(task, state, url);
      const why = changed ? 'changed during the download' : (fault ?? '');
      if (status !== 200) throw new Retryable(unavailable(url, why));
    }
  } else if (status !== 200) throw unavailable(url, `answered ${status} to a request for everything`);
  state.version ??= versionOf(answer);
  if (state.offset === 0) state.encoding = encodingOf(answer);
  announceSize(task, state, answer);
}

/** Why a 206 does not go on after what is there; undefined where it does. */
function partFault(answer: Answer, { offset, size, encoding }: State): string | undefined {
  const fault = contentRangeFault(answer.headers['content-range'], offset, size);
  return fault ?? (encodingOf(answer) === encoding ? undefined : 'encodes the rest otherwise');
}

async function beginAnew(task: Download, state: State, url: URL): Promise<void> {
  if (state.beginnings === MAX_BEGINNINGS) {
    throw new WeighlockError({
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: was begun ${MAX_BEGINNINGS} times, and breaks off without a way to go on there`,
      remedy: 'use a server that answers Range requests, or try again when the network is stable',
    });
  }
  await task.restart();
  state.beginnings += 1;
  state.offset = 0;
  state.version = undefined;
  if (task.size === undefined) state.size = undefined;
}

/**
 * What has a digest is the same wherever it comes from; elsewhere another version may follow the
 * first half of one.
 */
function hasChanged(answer: Answer, { isAddressed }: Download, { version }: State): boolean {
  const now = versionOf(answer);
  return isAddressed !== true && version !== undefined && now !== undefined && now !== version;
}

/**
 * What an answer says of the whole must agree with what is known: a part by its `Content-Range`,
 * everything by its `Content-Length`. A body that is too long is refused before its first byte.
 */
function announceSize(task: Download, state: State, answer: Answer): void {
  const text = headerOf(answer.headers, 'content-length');
  const length = text !== undefined && /^\d{1,16}$/.test(text) ? state.offset + Number(text) : undefined;
  const total = answer.status === 206 ? parseContentRange(answer.headers['content-range'])?.total : undefined;
  if (total !== undefined && length !== undefined && total !== length) throw wrongSize(answer, total, length);
  const whole = total ?? length;
  if (whole === undefined) return;
  if (state.size !== undefined && whole !== state.size) throw wrongSize(answer, state.size, whole);
  if (task.room !== undefined && whole > task.room.bytes) throw tooMuch(answer.url, task.room, whole);
  state.size = whole;
}

async function drain(task: Download, state: State, answer: Answer): Promise<void> {
  const { body, url } = answer;
  try {
    await body.drain((chunk) => {
      const whole = state.offset + chunk.length;
      if (state.size !== undefined && whole > state.size) throw wrongSize(answer, state.size, undefined);
      if (task.room !== undefined && whole > task.room.bytes) throw tooMuch(url, task.room, undefined);
      // From here on the sink has them, also those that it will only take up later.
      state.offset = whole;
      state.furthest = Math.max(state.furthest, whole);
      return task.sink(chunk);
    });
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new Retryable(unavailable(url, `broke off after ${state.offset} bytes: ${networkFault(error)}`, error));
  }
  if (state.size !== undefined && state.offset < state.size) {
    throw new Retryable(unavailable(url, `ended after ${state.offset} of ${state.size} bytes`));
  }
  state.size = state.offset;
}

function wrongSize(answer: Answer, expected: number, found: number | undefined): WeighlockError {
  const encoding = encodingOf(answer);
  return new WeighlockError({
    code: 'DIGEST_MISMATCH',
    message: `${showUrl(answer.url)} does not have the promised length`,
    expected: `${expected} bytes`,
    found: `${found === undefined ? 'more' : `${found} bytes`}${encoding === undefined ? '' : ` encoded as ${encoding}`}`,
    remedy:
      encoding === undefined
        ? 'the server sends something else than what was promised: check it, and what lies between'
        : 'something before the server encodes what it sends, although identity was asked for: switch that off',
  });
}

/**
 * A body that does not end may do so for ever, whatever the volume has free: no restart makes that
 * better.
 */
export function tooMuch(url: URL, { bytes, isLimit }: Room, found: number | undefined): WeighlockError {
  return new WeighlockError({
    code: isLimit || found === undefined ? 'LIMIT_EXCEEDED' : 'NO_SPACE',
    message: `${showUrl(url)} sends more than there is room for`,
    expected: `at most ${bytes} bytes (${isLimit ? '--max-bytes' : 'what the volume has free'})`,
    found: found === undefined ? 'more, and no length was announced' : `${found} bytes`,
    remedy: 'if the content is really that large, give the volume more capacity, or raise --max-bytes if it is set',
  });
}
