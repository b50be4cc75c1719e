import { type ErrorCode, toFailure, WeighlockError } from '../error/index.ts';
import { mayReceive } from './credential-scope.ts';
import { showUrl, unavailable } from './faults.ts';
import { MAX_ERROR_BYTES, MAX_TRIES_MISSING } from './limits.ts';
import { isRetryableStatus, parseRetryAfter } from './retry.ts';
import { Retryable } from './retryable.ts';
import { type Answer, headerOf, readBody } from './transport.ts';

interface Asked {
  /** What was asked for, in words. */
  readonly what: string;
  /** What it means when it is not there. */
  readonly missing?: ErrorCode;
  /** Something else names it, so it may be there in a moment. */
  readonly isExpected?: boolean;
  /** What to do about a status. */
  readonly remedies?: Readonly<Record<number, string>>;
}

/**
 * Why an answer cannot be used: a failure that may be tried again, or one that may not. The one
 * place that says what a status means, for registries, token servers and file servers.
 */
export async function refusalOf(answer: Answer, asked: Asked): Promise<WeighlockError> {
  const { status, url, hops, headers } = answer;
  const { what, missing = 'SOURCE_UNAVAILABLE', isExpected = false, remedies = {} } = asked;
  const said = `answered ${status}${await errorCode(answer)}`;
  if (isRetryableStatus(status)) {
    const now = Date.parse(headerOf(headers, 'date') ?? '');
    const after = parseRetryAfter(headerOf(headers, 'retry-after'), Number.isNaN(now) ? Date.now() : now);
    return new Retryable(unavailable(url, `${what}: ${said}`), { after });
  }
  const [first] = hops;
  if (first !== undefined && !mayReceive(first, hops) && status >= 400) return atStorage(url, first, what, said);
  const code = status === 404 || status === 410 ? missing : 'SOURCE_UNAVAILABLE';
  const failure = new WeighlockError({
    code,
    message: `${what}: ${showUrl(url)} ${said}`,
    remedy: remedies[status] ?? 'check the registry or server, then restart the pod',
  });
  return isExpected && status === 404 ? new Retryable(failure, { tries: MAX_TRIES_MISSING }) : failure;
}

/** A signed address of an object store ends after minutes: the next try gets a new one. */
function atStorage(url: URL, first: URL, what: string, said: string): WeighlockError {
  const failure = unavailable(url, `${what}: the storage that ${first.host} redirects to ${said}`);
  const remedy =
    'credentials of the registry or server play no part here: check its storage, the clock of this node, ' +
    'and whether a proxy or firewall lets that host pass';
  return new Retryable(new WeighlockError({ ...toFailure(failure), remedy }), { tries: MAX_TRIES_MISSING });
}

/**
 * The first error of a registry's answer (distribution-spec, "Error Codes"), or of an object
 * store's.
 */
async function errorCode(answer: Answer): Promise<string> {
  try {
    const text = (await readBody(answer, MAX_ERROR_BYTES)).toString('utf8');
    const storage = /<Code>([A-Za-z]{1,40})<\/Code>/.exec(text)?.[1];
    if (storage !== undefined) return ` (${storage})`;
    const code = (JSON.parse(text) as { errors?: { code?: unknown }[] }).errors?.[0]?.code;
    return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : '';
  } catch {
    return '';
  }
}
