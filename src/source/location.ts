import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WeighlockError } from '../error/index.ts';
import { layoutReferenceText, parseLayoutReference } from '../image-layout/index.ts';
import { hexOf, parseReference, referenceText } from '../registry/index.ts';
import { type Patterns, parseStoreLocation, type StoreLocation, storeSchemeOf } from '../store/index.ts';
import { shownReference, withoutSecrets } from '../without-secrets.ts';

/** Where an artifact's bytes come from. */
export type Location =
  /** A file or folder of a mounted volume, by absolute path. */
  | { readonly kind: 'volume'; readonly path: string }
  /**
   * An artifact in an OCI registry, by its reference without `oci://`; or in an OCI image layout on
   * a disk, with `oci-layout://`, and then the absolute path of its folder.
   */
  | { readonly kind: 'oci'; readonly reference: string; readonly digest?: string; readonly layout?: string }
  /** A file on a server. The URL may hold secrets; `text` does not. */
  | { readonly kind: 'https'; readonly url: string; readonly text: string }
  /** Files of a bucket, or of a repository of a hub. */
  | { readonly kind: 'store'; readonly text: string; readonly store: StoreLocation }
  /**
   * A scheme that this version cannot fetch; usable only when the content already lies at the
   * destination.
   */
  | { readonly kind: 'unsupported'; readonly scheme: string; readonly text: string };

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

const ALL_FILES: Patterns = { include: [], exclude: [] };

/** True for the URL of a hub or bucket. */
export function isStoreUrl(text: string): boolean {
  return storeSchemeOf(text) !== undefined;
}

/** True when a command line word is a URL (`scheme://...`) and not a path. */
export function isUrl(text: string): boolean {
  return SCHEME.test(text);
}

/**
 * Parses a source as it stands in an argument or a `*_SOURCE_URL`: an absolute or relative path,
 * `file://`, `oci://`, `oci-layout://`, `https://`, or the URL of a store.
 *
 * @param files - which files of a store are wanted
 * @throws WeighlockError `CONFIG_INVALID` for a URL that does not parse or a `file://` URL with a
 * host
 */
export function parseLocation(text: string, files: Patterns = ALL_FILES): Location {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'volume', path: resolve(text) };
  if (scheme === 'oci') return ociLocation(text);
  if (scheme === 'oci-layout') return layoutLocation(text);
  const store = storeSchemeOf(text);
  if (store !== undefined) {
    const location = parseStoreLocation(store, text, files);
    return { kind: 'store', text: location.text, store: location };
  }
  if (scheme === 'https' || scheme === 'http') return httpsLocation(text);
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

function ociLocation(text: string): Location {
  if (/^oci:\/\/\//i.test(text)) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'an oci:// reference names a registry, and this one has a path in its place',
      found: shownReference(text),
      remedy: `for an OCI image layout on a disk write oci-layout://${text.slice('oci://'.length, 300)}`,
    });
  }
  const reference = parseReference(text);
  const { digest } = reference;
  return {
    kind: 'oci',
    reference: referenceText(reference),
    ...(digest === undefined ? {} : { digest: hexOf(digest) }),
  };
}

function layoutLocation(text: string): Location {
  const reference = parseLayoutReference(text);
  const { digest, path } = reference;
  return {
    kind: 'oci',
    reference: layoutReferenceText(reference),
    layout: path,
    ...(digest === undefined ? {} : { digest: hexOf(digest) }),
  };
}

/** The registries that sources name; what is no good reference is refused elsewhere. */
export function registriesOf(texts: readonly string[]): string[] {
  const references = texts.filter((text) => SCHEME.exec(text)?.[1]?.toLowerCase() === 'oci');
  return references.flatMap((text) => {
    try {
      return [parseReference(text).registry];
    } catch (error) {
      if (error instanceof WeighlockError) return [];
      throw error;
    }
  });
}

/** How skopeo and its like name what lies on a disk; an archive is a layout in a tar. */
const TRANSPORT = /^(oci|oci-layout|oci-archive):(?!\/\/)/i;

/**
 * Refuses a path that is not there and reads like a reference of a registry, as cosign and docker
 * write it (`host/repository:tag`): it gets `oci://` in front. So for a layout as skopeo writes it
 * (`oci:path`).
 *
 * @throws WeighlockError `USAGE`
 */
export function refuseBareReference(text: string, exists: (path: string) => boolean): void {
  const [transport, kind] = TRANSPORT.exec(text) ?? [];
  if (transport !== undefined && !exists(text)) {
    const layout = `oci-layout://${text.slice(transport.length)}`;
    throw new WeighlockError({
      code: 'USAGE',
      message: `there is no path ${shownReference(text)}, and it reads like an OCI image layout`,
      found: shownReference(text),
      remedy:
        kind?.toLowerCase() === 'oci-archive'
          ? 'unpack it, and write oci-layout://FOLDER'
          : `write ${shownReference(layout)}`,
    });
  }
  if (isUrl(text) || !/^[a-z0-9][^/]*\/.*[:@]/i.test(text) || exists(text)) return;
  try {
    parseReference(text);
  } catch (error) {
    if (error instanceof WeighlockError) return;
    throw error;
  }
  throw new WeighlockError({
    code: 'USAGE',
    message: `there is no path ${text}, and it reads like an artifact of a registry`,
    found: text,
    remedy: `write oci://${text} for the artifact, or ./${text} for a path`,
  });
}

function httpsLocation(text: string): Location {
  if (!URL.canParse(text)) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `not a usable URL: ${withoutSecrets(text)}`,
      remedy: 'check its host and its percent-encoding',
    });
  }
  return { kind: 'https', url: text, text: withoutSecrets(text) };
}

/** A location as a report shows it. */
export function locationText(location: Location): string {
  if (location.kind === 'volume') return location.path;
  if (location.kind !== 'oci') return location.text;
  return location.layout === undefined ? `oci://${location.reference}` : location.reference;
}
