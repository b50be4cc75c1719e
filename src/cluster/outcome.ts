import { type ApiAnswer, reasonOf } from './api.ts';

/** What became of a write, and who has to wait before it is tried again. */
export type WriteOutcome =
  | { readonly kind: 'written' }
  /** There is nothing to write to any more: the namespace is deleted. */
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'again';
      /**
       * This object alone, every write of its group (a role is missing), or all of them (the server
       * is not there).
       */
      readonly who: 'object' | 'group' | 'all';
      readonly why: string;
      /** Milliseconds that the server asked for. */
      readonly retryAfter?: number;
    };

const WRITTEN: WriteOutcome = { kind: 'written' };
const GONE: WriteOutcome = { kind: 'gone' };

/** Reads an answer to a write. */
export function outcomeOf(answer: ApiAnswer): WriteOutcome {
  const { status, body, retryAfter } = answer;
  if (status >= 200 && status < 300) return WRITTEN;
  if (isNamespaceGone(answer)) return GONE;
  const again = (who: 'object' | 'group' | 'all'): WriteOutcome => ({
    kind: 'again',
    who,
    why: `answered ${status}: ${reasonOf(body)}`,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
  // Whoever may not write one object of a kind there may not write the next; a kind that is not
  // served, neither.
  if (status === 401 || status === 403 || status === 404 || status === 405) return again('group');
  // 500 is often one object's: a webhook that fails on it. These are the server's own.
  if (status === 429 || status === 502 || status === 503 || status === 504) return again('all');
  return again('object');
}

/** An object that is there already is what we wanted. */
export function outcomeOfCreation(answer: ApiAnswer): WriteOutcome {
  return answer.status === 409 ? WRITTEN : outcomeOf(answer);
}

interface Details {
  readonly kind?: unknown;
  readonly causes?: readonly { readonly reason?: unknown }[];
}

/** True where the namespace is gone, or is being deleted: nothing new is accepted there. */
function isNamespaceGone({ status, body }: ApiAnswer): boolean {
  const { kind, causes } = (body['details'] ?? {}) as Details;
  if (status === 404) return kind === 'namespaces';
  if (status !== 403 || !Array.isArray(causes)) return false;
  return causes.some(({ reason }: { readonly reason?: unknown }) => reason === 'NamespaceTerminating');
}
