import { errno, toFailure, WeighlockError } from '../error/index.ts';
import { Retryable } from './retryable.ts';

/** A URL without anything that may be a secret. */
export function showUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/**
 * A user or password of a URL as it is meant: a percent sign that encodes nothing stands for
 * itself.
 */
export function decodedUser(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function unavailable(url: URL, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: ${why}`,
      remedy: 'check the registry or server and the network between, then restart the pod',
    },
    { cause },
  );
}

/**
 * What OpenSSL and Node call a certificate that is not trusted, not valid now, or another host's.
 */
const CERTIFICATE_FAULT = /CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|INVALID_CA|HOSTNAME_MISMATCH/;

/** How undici tells what a proxy answered to CONNECT, and to a request that it was to pass on. */
const PROXY_ANSWER = /Proxy response \((\d{3})\)|Proxy Authentication Required \((\d{3})\)/;

/**
 * What broke a connection, as an error: one that another try may mend, unless none can.
 *
 * @param proxy - the proxy between, if there is one
 */
export function connectionFailure(url: URL, error: unknown, proxy: URL | undefined): WeighlockError {
  const fault = networkFault(error);
  if (CERTIFICATE_FAULT.test(fault)) return distrusted(url, fault, error);
  const through = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
  const answer = proxy === undefined ? null : PROXY_ANSWER.exec(messageOf(error));
  if (answer !== null && proxy !== undefined) {
    const status = Number(answer[1] ?? answer[2]);
    const failure = proxyRefusal(url, proxy, status, error);
    return status >= 500 ? new Retryable(failure) : failure;
  }
  const failure = unavailable(url, `${fault}${through}`, error);
  if (!/_TIMEOUT/.test(fault) || fault === 'UND_ERR_CONNECT_TIMEOUT') return new Retryable(failure);
  const remedy = 'check the registry or server; if it takes long to answer, raise --response-timeout';
  return new Retryable(new WeighlockError({ ...toFailure(failure), remedy }, { cause: error }));
}

function proxyRefusal(url: URL, proxy: URL, status: number, cause: unknown): WeighlockError {
  const why = status === 407 ? ' (it wants a user and a password)' : '';
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: the proxy ${proxy.host} answered ${status}${why}`,
      remedy:
        status === 407
          ? 'put them into the variable of the proxy (http://user:password@host:port), or name the host in NO_PROXY'
          : 'check that the proxy lets this host pass, or name the host in NO_PROXY',
    },
    { cause },
  );
}

/** No later try mends this, and nobody should be tempted to switch the check off. */
function distrusted(url: URL, fault: string, cause: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `${showUrl(url)}: its certificate is not trusted: ${fault}`,
      remedy: 'for a CA of your own mount its certificate and name it: --registry-cacert FILE',
    },
    { cause },
  );
}

/** What a failed request died of, without addresses or header values. */
export function networkFault(error: unknown): string {
  const code = errno(error) ?? errno((error as { cause?: unknown }).cause);
  return code ?? (error instanceof Error ? error.name : 'network error');
}

function messageOf(error: unknown): string {
  const cause = (error as { cause?: unknown }).cause;
  return [error, cause].map((one) => (one instanceof Error ? one.message : '')).join(' ');
}
