export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** What an API server answers instead of an object. */
export function statusOf(code: number, message: string, details: object = {}): object {
  const reason = REASONS[code] ?? 'Unknown';
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details };
}
