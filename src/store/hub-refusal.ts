import { WeighlockError } from '../error/index.ts';
import { type Answer, headerOf, mayReceive, Retryable, unavailable } from '../registry/index.ts';
import type { HubLocation } from './hub-location.ts';

/**
 * What the hub says is wrong, in the header that huggingface_hub goes by (utils/_http.py,
 * `hf_raise_for_status`); undefined where the status says all there is, or it is not the hub that
 * answered.
 */
export function hubRefusal(
  answer: Answer,
  location: HubLocation,
  endpoint: URL,
  hasToken: boolean,
): WeighlockError | undefined {
  const { status, headers, hops } = answer;
  if (status < 400 || !mayReceive(endpoint, hops)) return undefined;
  const { id, type, revision } = location;
  const page = `${endpoint.origin}/${type === 'datasets' ? 'datasets/' : ''}${id}`;
  const wait = status === 429 ? waitOf(headerOf(headers, 'ratelimit')) : undefined;
  if (wait !== undefined && headerOf(headers, 'retry-after') === undefined) {
    answer.onRead();
    answer.body.destroy();
    return new Retryable(
      unavailable(answer.url, 'answered 429: the hub limits requests; HF_TOKEN has a limit of its own'),
      {
        after: wait,
      },
    );
  }
  const code = headerOf(headers, 'x-error-code');
  const about = KNOWN[code ?? ''] ?? (status === 401 && !hasToken ? KNOWN['RepoNotFound'] : undefined);
  if (about === undefined) return undefined;
  answer.onRead();
  answer.body.destroy();
  const { message, remedy } = about({ id, page, revision, hasToken });
  return new WeighlockError({ code: 'SOURCE_UNAVAILABLE', message: `${message} (${status})`, remedy });
}

/**
 * `RateLimit: "api";r=0;t=55` (draft-ietf-httpapi-ratelimit-headers): milliseconds until there is
 * more, as the hub says it.
 */
function waitOf(header: string | undefined): number | undefined {
  const seconds = /(?:^|;)\s*t=(\d{1,6})(?:;|$)/.exec(header?.slice(0, 200) ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

interface About {
  readonly id: string;
  /** Where people look at the repository. */
  readonly page: string;
  readonly revision: string;
  readonly hasToken: boolean;
}

const KNOWN: Readonly<Record<string, (about: About) => { message: string; remedy: string }>> = {
  GatedRepo: ({ id, page, hasToken }) => ({
    message: `access to ${id} is gated: its conditions have to be accepted first`,
    remedy: hasToken
      ? `accept them at ${page} with the account that HF_TOKEN belongs to; then restart the pod`
      : `accept them at ${page}, and give the token of that account as HF_TOKEN`,
  }),
  RepoNotFound: ({ id, page, hasToken }) => ({
    message: `the hub has no repository ${id}, or does not show it`,
    remedy: hasToken
      ? `check the name: ${page}; if it is private, HF_TOKEN must be of an account that may read it`
      : `check the name: ${page}; if it is private, give a token as HF_TOKEN`,
  }),
  RevisionNotFound: ({ id, revision }) => ({
    message: `${id} has no revision ${revision}`,
    remedy: 'check the name of the branch, the tag or the commit',
  }),
  EntryNotFound: ({ id }) => ({
    message: `${id} does not have a file that its own list names`,
    remedy: 'try again; if it stays so, the hub or the mirror is broken',
  }),
};
