import { isUtf8 } from 'node:buffer';
import { unavailable } from '../registry/index.ts';
import { isSize } from './collect.ts';
import { readXml } from './xml.ts';

/** An object as a page of a listing has it. */
export interface S3Object {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
}

export interface S3Page {
  readonly objects: readonly S3Object[];
  /** Where the next page begins; undefined for the last one. */
  readonly next: string | undefined;
}

const FIELDS = ['Key', 'Size', 'ETag'] as const;
const OBJECT = 'ListBucketResult/Contents';

/**
 * Reads a page of ListObjectsV2 (S3 API reference).
 *
 * @throws WeighlockError `SOURCE_UNAVAILABLE` for what is none
 */
export function parseS3Page(body: Buffer, url: URL): S3Page {
  if (!isUtf8(body)) throw unavailable(url, 'its listing is not UTF-8');
  const raw: Record<string, string>[] = [];
  const top = new Map<string, string>();
  let object: Record<string, string> = Object.create(null);
  let twice: string | undefined;
  let hasFolders = false;
  const fault = readXml(body.toString('utf8'), ({ path, text }) => {
    if (path === OBJECT) {
      raw.push(object);
      object = Object.create(null);
      return;
    }
    if (path === 'ListBucketResult/CommonPrefixes') hasFolders = true;
    if (text === undefined) return;
    const isOfObject = path.startsWith(`${OBJECT}/`);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const isKnown = isOfObject ? path === `${OBJECT}/${name}` : path === `ListBucketResult/${name}`;
    if (!isKnown) return;
    if (isOfObject ? name in object : top.has(name)) twice ??= isOneOnly(name) ? name : undefined;
    if (isOfObject) object[name] = text;
    else top.set(name, text);
  });
  if (fault !== undefined) throw unavailable(url, `its listing ${fault}`);
  if (twice !== undefined) throw unavailable(url, `its listing says ${twice} twice`);
  // Nobody asked for a delimiter: what is in them would be left out without a word.
  if (hasFolders) throw unavailable(url, 'lists folders in the place of what is in them');
  const isEncoded = top.get('EncodingType') === 'url';
  const objects = raw.map((fields) => objectOf(fields, isEncoded, url));
  return { objects, next: nextOf(top, url) };
}

function isOneOnly(name: string): boolean {
  return (
    (FIELDS as readonly string[]).includes(name) ||
    ['IsTruncated', 'NextContinuationToken', 'EncodingType'].includes(name)
  );
}

function objectOf(fields: Record<string, string>, isEncoded: boolean, url: URL): S3Object {
  const { Key: name, Size: text = '', ETag: tag = '' } = fields;
  const size = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  const key = name === undefined || name === '' ? undefined : isEncoded ? decodedKey(name) : name;
  if (key === undefined || !isSize(size)) throw unavailable(url, 'lists an object without a name or a size');
  return { key, size, etag: strongTag(tag, url) };
}

/** As a form encodes it: S3 writes a plus for a space. */
function decodedKey(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return undefined;
  }
}

/**
 * A strong entity tag (RFC 9110, section 8.8.3); some servers list it without its quotes.
 *
 * @throws WeighlockError for one that is cut short: nothing could be held against it
 */
export function strongTag(tag: string, url: URL): string {
  const quoted = /^[\w.+/=:-]+$/.test(tag) ? `"${tag}"` : tag;
  if (/^"[\x21\x23-\x7e]{1,200}"$/.test(quoted)) return quoted;
  throw unavailable(url, 'lists an object without a whole ETag');
}

function nextOf(top: ReadonlyMap<string, string>, url: URL): string | undefined {
  const truncated = top.get('IsTruncated');
  if (truncated !== 'true' && truncated !== 'false') throw unavailable(url, 'does not say whether its listing goes on');
  if (truncated === 'false') return undefined;
  const token = top.get('NextContinuationToken') ?? '';
  if (token === '') throw unavailable(url, 'says that its listing goes on, and not where');
  return token;
}
