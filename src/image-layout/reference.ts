import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { type Digest, parseDigest } from '../registry/index.ts';
import { shownReference } from '../without-secrets.ts';

/** An artifact in an OCI image layout on a disk. A digest wins over a tag. */
export interface LayoutReference {
  /** Absolute path of the folder that has `index.json`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const SCHEME = 'oci-layout://';
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isLayoutReference(text: string): boolean {
  return text.slice(0, SCHEME.length).toLowerCase() === SCHEME;
}

/**
 * Parses `oci-layout://PATH[:TAG][@sha256:DIGEST]`. A path whose last component has a colon ends
 * with a slash.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseLayoutReference(text: string): LayoutReference {
  const bare = text.slice(SCHEME.length);
  const at = bare.indexOf('@', bare.lastIndexOf('/') + 1);
  const digest = at < 0 ? undefined : parseDigest(bare.slice(at + 1));
  if (at >= 0 && digest === undefined)
    throw invalid(text, 'what follows @ is not sha256: and 64 lower-case hex digits');
  const named = at < 0 ? bare : bare.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const path = colon < 0 ? named : named.slice(0, colon);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  if (path === '' || path.includes('\0')) throw invalid(text, 'it has no path');
  return {
    path: resolve(path),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The text that `parseLayoutReference` reads as the same again. */
export function layoutReferenceText({ path, tag, digest }: LayoutReference): string {
  const isAmbiguous = /[:@]/.test(path.slice(path.lastIndexOf('/') + 1));
  const shownPath = isAmbiguous ? `${path}/` : path;
  return `${SCHEME}${shownPath}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function invalid(text: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `not a reference of an OCI image layout: ${why}`,
    found: shownReference(text),
    remedy: 'write it as oci-layout:///path/of/folder:tag@sha256:digest; a path with : or @ at its end gets a slash',
  });
}
