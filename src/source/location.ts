import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WeighlockError } from '../error/index.ts';

/** Where an artifact's bytes come from. */
export type Location =
  /** A file or folder of a mounted volume, by absolute path. */
  | { readonly kind: 'volume'; readonly path: string }
  /** A scheme that this version cannot fetch; usable only when the content already lies at the destination. */
  | { readonly kind: 'unsupported'; readonly scheme: string; readonly text: string };

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** True when a command line word is a URL (`scheme://...`) and not a path. */
export function isUrl(text: string): boolean {
  return SCHEME.test(text);
}

/**
 * Parses a source as it stands in an argument or a `*_SOURCE_URL`: an absolute or relative path, or a `file://` URL.
 *
 * @throws WeighlockError `CONFIG_INVALID` for a URL that does not parse or a `file://` URL with a host
 */
export function parseLocation(text: string): Location {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'volume', path: resolve(text) };
  if (scheme !== 'file') return { kind: 'unsupported', scheme, text: withoutSecrets(text) };
  try {
    return { kind: 'volume', path: resolve(fileURLToPath(text, { windows: false })) };
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `not a usable file:// URL: ${withoutSecrets(text)}`,
        remedy: 'write it with three slashes and percent-encoding (file:///data/train%201), or give the plain path',
      },
      { cause: error },
    );
  }
}

/** A location as a report shows it. */
export function locationText(location: Location): string {
  return location.kind === 'volume' ? location.path : location.text;
}

/** Drops what may be a secret from a URL: user information, and the query and fragment (pre-signed URLs). */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1').replace(/[?#].*$/s, (rest) => `${rest[0]}...`);
}
