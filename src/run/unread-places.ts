import { EXIT, EXIT_CODE_OF, type Failure, failureOf } from '../error/index.ts';
import type { UnreadPlace } from '../pull/index.ts';

/** Places shown in a message. */
const MOST_PLACES = 3;

/** Keeps what made a place unreadable, if that is a matter of this place only. */
export function unreadPlace(where: string, error: unknown): UnreadPlace {
  const failure = failureOf(error);
  const exit = EXIT_CODE_OF[failure.code];
  if (exit === EXIT.notEvaluated || exit === EXIT.verificationFailed) return { where, failure };
  throw error;
}

/**
 * What it means that too few have signed where places that may have more signatures could not be
 * read. When the registry did not answer for one, the question is open: 75. When it answered for
 * all, and what it sent cannot be used, nothing is open: what the writer of a repository can cause
 * must stay 65.
 *
 * @param tooFew - judged by what was found
 */
export function perhapsElsewhere(tooFew: Failure, unread: readonly UnreadPlace[]): Failure {
  const [first] = unread;
  if (first === undefined) return tooFew;
  const shown = unread.slice(0, MOST_PLACES).map(({ where, failure }) => `${where}: ${failure.message}`);
  const more = unread.length > MOST_PLACES ? `; and ${unread.length - MOST_PLACES} more` : '';
  const text = `could not be read: ${shown.join('; ')}${more}`;
  const isTampered = unread.some(({ failure }) => EXIT_CODE_OF[failure.code] === EXIT.verificationFailed);
  if (isTampered) return { ...tooFew, found: `${tooFew.found ?? 'none at all'}; ${text}` };
  const { message, expected, found } = tooFew;
  return {
    code: first.failure.code,
    message: `${message}, but not every place could be looked at: ${text}`,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    ...(first.failure.remedy === undefined ? {} : { remedy: first.failure.remedy }),
  };
}
