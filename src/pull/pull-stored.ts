import type { Hash } from 'node:crypto';
import { type Failure, toFailure, WeighlockError } from '../error/index.ts';
import { entryText } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { type Move, type Notice, readBody } from '../registry/index.ts';
import { MAX_POINTER_BYTES, pointedAt, Replaced, type Store, type StoredFile } from '../store/index.ts';
import type { PlainWriter } from '../transfer/index.ts';
import type { PullTools } from './context.ts';
import { SMALL_FILE_BYTES } from './limits.ts';
import type { PulledFile } from './protocol.ts';
import { stagedPath } from './pull-file.ts';

/** What the files of a store are fetched with. */
export interface StoredContext extends PullTools {
  readonly store: Store;
  /** Folder to write to, or nothing to write. */
  readonly content: string | undefined;
  readonly move: Move;
  readonly notice: Notice;
}

/** Times that a file is begun that is replaced, or not what the store says of it. */
const MAX_BEGINNINGS = 2;

/**
 * Fetches one file of a store in the version that was listed; where that was replaced meanwhile,
 * once more in the one that is there now. What the store says of its content is checked, and proves
 * nothing: a requirement decides.
 *
 * @throws WeighlockError `DIGEST_MISMATCH` where it is not what the store itself says, twice;
 * `Replaced`
 */
export async function pullStored(listed: StoredFile, context: StoredContext): Promise<PulledFile> {
  const { store, signal } = context;
  const writer = await context.openPlain(stagedPath(context.content, listed.path), listed.path, listed.size);
  try {
    let file = listed;
    // Of another file, or another version of it, nobody knows what a leftover would be the
    // beginning of.
    const found = file.promised?.algorithm === 'sha256' ? await writer.reuse(file.size, context.count) : 0;
    if (found === 0) await writer.restart();
    for (let beginning = 1; ; beginning++) {
      const outcome = await receive(file, writer, context);
      if ('pulled' in outcome) return outcome.pulled;
      if (beginning >= MAX_BEGINNINGS + (found > 0 ? 1 : 0)) throw outcome.fault;
      signal.throwIfAborted();
      if (outcome.fault instanceof Replaced) file = noLarger(await store.renew(file, signal), listed);
      context.notice(`${entryText(file.path)}: ${outcome.fault.message}; beginning anew`);
      await writer.restart();
    }
  } finally {
    await writer.close();
  }
}

/**
 * What there is room for, and what `--max-bytes` allows, was decided by the sizes that were listed.
 */
function noLarger(file: StoredFile, listed: StoredFile): StoredFile {
  if (file.size <= listed.size) return file;
  throw new WeighlockError({
    code: 'SOURCE_UNAVAILABLE',
    message: 'was replaced by a larger one while it was fetched',
    file: entryText(file.path),
    expected: `at most ${listed.size} bytes, as it was listed`,
    found: `${file.size} bytes`,
    remedy: 'something writes to the store: restart the pod when it is done, or name a version that does not move',
  });
}

type Outcome = { readonly pulled: PulledFile } | { readonly fault: WeighlockError };

async function receive(file: StoredFile, writer: PlainWriter, context: StoredContext): Promise<Outcome> {
  const { path, size, promised } = file;
  const { store, signal, notice } = context;
  let gitSha1 = gitHash(file);
  let version: string | undefined;
  try {
    await context.move(
      {
        offset: writer.size,
        size,
        isAddressed: promised !== undefined,
        sink: (chunk) => {
          context.count(chunk.length);
          gitSha1?.update(chunk);
          return writer.write(chunk);
        },
        keptSink: (piece) => {
          context.count(piece.length);
          gitSha1?.update(piece);
          return writer.writeKept(piece);
        },
        restart: async () => {
          gitSha1 = gitHash(file);
          await writer.restart();
        },
        open: async (headers, along) => {
          const answer = await store.open(file, headers, { signal, along });
          version ??= store.versionOf(answer);
          return answer;
        },
        refusal: (answer) => store.refusal(answer, file),
      },
      { signal, onRetry: (failure, ms) => notice(`${failure.message}; trying again in ${(ms / 1000).toFixed(1)} s`) },
    );
  } catch (error) {
    if (error instanceof Replaced) return { fault: error };
    throw (await pointerInstead(file, error, context)) ?? error;
  }
  const sha256 = await writer.finish(size > SMALL_FILE_BYTES);
  const found = gitSha1?.digest('hex') ?? sha256;
  if (promised !== undefined && found !== promised.digest)
    return { fault: new WeighlockError(otherContent(file, found)) };
  const named = version === undefined ? {} : { version };
  return { pulled: { path, size, sha256, ...named, ...writer.content() } };
}

/** Says so where a file that is not as large as it should be is a pointer of Git LFS. */
async function pointerInstead(
  file: StoredFile,
  error: unknown,
  { store, signal }: StoredContext,
): Promise<WeighlockError | undefined> {
  const isOther = error instanceof WeighlockError && error.code === 'DIGEST_MISMATCH';
  if (!isOther || file.size < MAX_POINTER_BYTES) return undefined;
  try {
    const answer = await store.open(file, {}, { signal });
    const oid = answer.status === 200 ? pointedAt(await readBody(answer, MAX_POINTER_BYTES)) : undefined;
    if (oid === undefined) return undefined;
    const { promised } = file;
    return new WeighlockError({
      ...toFailure(error),
      message: 'a Git LFS pointer came in the place of the content',
      expected: `${file.size} bytes`,
      found: `a pointer to ${oid}${promised?.digest === oid ? ', the content that is expected' : ''}`,
      remedy:
        'the store, or a mirror between, does not have what LFS keeps: fetch it there first, or ask the hub itself',
    });
  } catch {
    return undefined;
  }
}

/** The id of a Git blob, as it grows. */
function gitHash({ promised, size }: StoredFile): Hash | undefined {
  return promised?.algorithm === 'git-sha1' ? nodeCrypto().createHash('sha1').update(`blob ${size}\0`) : undefined;
}

function otherContent({ path, promised }: StoredFile, found: string): Failure {
  return {
    code: 'DIGEST_MISMATCH',
    message: `the content is not what the store itself says of it (${promised?.algorithm ?? ''})`,
    file: entryText(path),
    expected: promised?.digest ?? '',
    found,
    remedy: 'the store, or what lies between, sends something else: do not use this content',
  };
}
