import { nodeCrypto } from '../library/index.ts';
import type { AzureAccount } from './azure-settings.ts';

/** What is signed of a request, in this order ("Authorize with Shared Key"); a GET has no body. */
const SIGNED = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
];

/**
 * The `authorization` of a GET with the key of an account.
 *
 * @param headers - lower-case, with `x-ms-date` and `x-ms-version`
 */
export function sharedKey(
  { name, key = Buffer.alloc(0) }: AzureAccount,
  url: URL,
  headers: Readonly<Record<string, string>>,
): string {
  const own = Object.keys(headers)
    .filter((header) => header.startsWith('x-ms-'))
    .sort()
    .map((header) => `${header}:${headers[header]}\n`);
  const query = [...url.searchParams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([one, value]) => `\n${one}:${value}`);
  const text = ['GET', ...SIGNED.map((header) => headers[header] ?? '')].join('\n');
  const signed = `${text}\n${own.join('')}/${name}${url.pathname}${query.join('')}`;
  const signature = nodeCrypto().createHmac('sha256', key).update(signed, 'utf8').digest('base64');
  return `SharedKey ${name}:${signature}`;
}
