import { unavailable } from '../registry/index.ts';
import { isSize } from './collect.ts';

/** An object as the JSON interface describes it ("Objects", storage#object). */
export interface GcsObject {
  readonly key: string;
  /** Bytes, as they are stored. */
  readonly size: number;
  /** Decimal; every write makes another one. */
  readonly generation: string;
  /** What the server says of the content, in base64. */
  readonly md5?: string;
  readonly crc32c?: string;
}

export interface GcsPage {
  readonly objects: readonly GcsObject[];
  /** Where the next page begins; undefined for the last one. */
  readonly next: string | undefined;
}

/** The fields that are asked for. */
export const OBJECT_FIELDS = 'name,size,generation,md5Hash,crc32c';

/**
 * A page token is opaque; the longest seen have some 1,500 characters, for names of 1,024 bytes.
 */
const MAX_TOKEN = 8192;

/** @throws WeighlockError `SOURCE_UNAVAILABLE` for what is no page of a listing */
export function parseGcsPage(document: unknown, url: URL): GcsPage {
  const { items = [], prefixes, nextPageToken: next } = fieldsOf(document, url);
  if (!Array.isArray(items)) throw unavailable(url, 'did not answer with a list of objects');
  // Nobody asked for a delimiter: what is in them would be left out without a word.
  if (prefixes !== undefined) throw unavailable(url, 'lists folders in the place of what is in them');
  if (next !== undefined && (typeof next !== 'string' || next === '' || next.length > MAX_TOKEN))
    throw unavailable(url, 'says that its listing goes on, and not where');
  return { objects: items.map((item) => gcsObject(item, url)), next };
}

/** @throws WeighlockError `SOURCE_UNAVAILABLE` */
export function gcsObject(document: unknown, url: URL): GcsObject {
  const { name, size, generation, md5Hash: md5, crc32c } = fieldsOf(document, url);
  const bytes = typeof size === 'string' && /^\d{1,16}$/.test(size) ? Number(size) : -1;
  if (typeof name !== 'string' || name === '' || !isSize(bytes))
    throw unavailable(url, 'lists an object without a name or a size');
  if (typeof generation !== 'string' || !/^\d{1,20}$/.test(generation))
    throw unavailable(url, 'lists an object without its generation');
  return {
    key: name,
    size: bytes,
    generation,
    ...(isBase64(md5) ? { md5 } : {}),
    ...(isBase64(crc32c) ? { crc32c } : {}),
  };
}

function fieldsOf(document: unknown, url: URL): Record<string, unknown> {
  if (document === null || typeof document !== 'object' || Array.isArray(document))
    throw unavailable(url, 'did not answer with an object of JSON');
  return document as Record<string, unknown>;
}

function isBase64(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9+/]{4,64}={0,2}$/.test(value);
}
