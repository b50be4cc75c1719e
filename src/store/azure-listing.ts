import { isUtf8 } from 'node:buffer';
import { unavailable } from '../registry/index.ts';
import { isSize } from './collect.ts';
import { strongTag } from './s3-listing.ts';
import { readXml } from './xml.ts';

/** A blob as a page of a listing has it. */
export interface AzureBlob {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
  /** What the server says of the content, in base64. */
  readonly md5?: string;
}

export interface AzurePage {
  readonly blobs: readonly AzureBlob[];
  /** Where the next page begins; undefined for the last one. */
  readonly next: string | undefined;
}

const BLOB = 'EnumerationResults/Blobs/Blob';
const FIELDS: Readonly<Record<string, string>> = {
  [`${BLOB}/Name`]: 'name',
  [`${BLOB}/Properties/Content-Length`]: 'size',
  [`${BLOB}/Properties/Etag`]: 'etag',
  [`${BLOB}/Properties/Content-MD5`]: 'md5',
  [`${BLOB}/Properties/ResourceType`]: 'type',
  [`${BLOB}/Metadata/hdi_isfolder`]: 'folder',
};
const MARKER = 'EnumerationResults/NextMarker';

/**
 * Reads a page of List Blobs (Blob service REST API). Folders of a hierarchical namespace are left
 * out.
 *
 * @throws WeighlockError `SOURCE_UNAVAILABLE` for what is none
 */
export function parseAzurePage(body: Buffer, url: URL): AzurePage {
  if (!isUtf8(body)) throw unavailable(url, 'its listing is not UTF-8');
  const raw: Record<string, string>[] = [];
  let blob: Record<string, string> = Object.create(null);
  let marker: string | undefined;
  let twice: string | undefined;
  let isListing = false;
  let hasFolders = false;
  const fault = readXml(body.toString('utf8').replace(/^\uFEFF/, ''), ({ path, text }) => {
    if (path === 'EnumerationResults/Blobs/BlobPrefix') hasFolders = true;
    if (path === BLOB) {
      raw.push(blob);
      blob = Object.create(null);
    } else if (path === 'EnumerationResults') isListing = true;
    else if (path === MARKER) {
      if (marker !== undefined) twice ??= 'NextMarker';
      marker = text ?? '';
    } else {
      const field = FIELDS[path];
      if (field === undefined) return;
      if (field in blob) twice ??= field;
      blob[field] = text ?? '';
    }
  });
  if (fault !== undefined) throw unavailable(url, `its listing ${fault}`);
  if (twice !== undefined) throw unavailable(url, `its listing says ${twice} twice`);
  // Nobody asked for a delimiter: what is in them would be left out without a word.
  if (hasFolders) throw unavailable(url, 'lists folders in the place of what is in them');
  // The element stands in every page, empty in the last one.
  if (!isListing || marker === undefined) throw unavailable(url, 'does not say whether its listing goes on');
  const blobs = raw.filter((fields) => !isFolder(fields)).map((fields) => blobOf(fields, url));
  return { blobs, next: marker === '' ? undefined : marker };
}

function isFolder({ size, type, folder }: Record<string, string>): boolean {
  return (type === 'directory' || folder?.toLowerCase() === 'true') && (size === '0' || size === undefined);
}

function blobOf({ name = '', size: text = '', etag = '', md5 = '' }: Record<string, string>, url: URL): AzureBlob {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (name === '' || !isSize(size)) throw unavailable(url, 'lists a blob without a name or a size');
  const isSum = /^[A-Za-z0-9+/]{22}==$/.test(md5);
  return { key: name, size, etag: strongTag(etag, url), ...(isSum ? { md5 } : {}) };
}
