import { isUtf8 } from 'node:buffer';
import { WeighlockError } from '../error/index.ts';
import { faultInStructure } from '../json-structure.ts';
import { type Digest, parseDigest } from './digest.ts';
import { MAX_INDEX_ENTRIES, MAX_LAYERS } from './limits.ts';

/** A descriptor (image-spec descriptor.md) whose every field was checked. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** A manifest: a configuration and layers. */
export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  /**
   * `artifactType`, or the configuration's media type where it is absent (image-spec manifest.md).
   */
  readonly artifactType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
}

/** An index: manifests for several platforms, or referrers. */
export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

export const MEDIA = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

const MANIFESTS: readonly string[] = [MEDIA.ociManifest, MEDIA.dockerManifest];
const INDEXES: readonly string[] = [MEDIA.ociIndex, MEDIA.dockerList];

/** What `Accept` says when a manifest is fetched. */
export const ACCEPT_MANIFESTS = [...MANIFESTS, ...INDEXES].join(', ');

/**
 * Deepest nesting in a manifest is a handful of levels; JSON far beyond that is an attack on the
 * parser (S12).
 */
const MAX_JSON_DEPTH = 32;

/**
 * Parses the bytes of a manifest or index whose digest was checked.
 *
 * @param contentType - of the answer; must agree with the body's own `mediaType` (CVE-2021-41190)
 * @throws WeighlockError `UNSAFE_ENTRY`: the content is signed or pinned as it is, and no retry
 * makes it better
 */
export function parseManifest(bytes: Buffer, contentType: string | undefined): Manifest | Index {
  const json = parseJson(bytes);
  requireExactNames(json, 'the manifest');
  const declared = contentType?.split(';')[0]?.trim().toLowerCase();
  const own = json['mediaType'];
  if (own !== undefined && typeof own !== 'string') throw unsafe('its mediaType is not a string');
  const known = declared !== undefined && [...MANIFESTS, ...INDEXES].includes(declared) ? declared : undefined;
  if (own !== undefined && known !== undefined && own !== known)
    throw unsafe(`it calls itself ${own} but was sent as ${known}`);
  const mediaType = own ?? known;
  if (json['schemaVersion'] !== 2) throw unsafe('its schemaVersion is not 2');
  // CVE-2021-41190: a document that is both could be signed as one and used as the other.
  const isIndex = 'manifests' in json;
  if (isIndex && ('layers' in json || 'config' in json)) throw unsafe('it is a manifest and an index at once');
  if (mediaType !== undefined && (isIndex ? INDEXES : MANIFESTS).includes(mediaType) === false) {
    throw unsafe(`it has the content of ${isIndex ? 'an index' : 'a manifest'} but the media type ${mediaType}`);
  }
  return isIndex ? parseIndex(json, mediaType ?? MEDIA.ociIndex) : parseImage(json, mediaType ?? MEDIA.ociManifest);
}

function parseIndex(json: Json, mediaType: string): Index {
  const manifests = listOf(json['manifests'], 'manifests', MAX_INDEX_ENTRIES).map((entry) =>
    parseDescriptor(entry, 'manifests'),
  );
  return { kind: 'index', mediaType, manifests };
}

/**
 * A page of referrers, or what a registry without them keeps in their place. An entry that cannot
 * be used (a digest of another kind, say) hides none of the others. Registries written in Go say
 * `null` for an empty list.
 *
 * @throws WeighlockError for what is no list at all
 */
export function parseReferrers(bytes: Buffer): { readonly descriptors: Descriptor[]; readonly fault?: WeighlockError } {
  const json = parseJson(bytes);
  if (!('manifests' in json)) throw unsafe('it is no list of referrers');
  const descriptors: Descriptor[] = [];
  let fault: WeighlockError | undefined;
  for (const entry of listOf(json['manifests'] ?? [], 'manifests', MAX_INDEX_ENTRIES)) {
    try {
      descriptors.push(parseDescriptor(entry, 'the list of referrers'));
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
      fault ??= error;
    }
  }
  return { descriptors, ...(fault === undefined ? {} : { fault }) };
}

function parseImage(json: Json, mediaType: string): Manifest {
  const config = parseDescriptor(json['config'], 'config');
  const layers = listOf(json['layers'], 'layers', MAX_LAYERS).map((entry) => parseDescriptor(entry, 'layers'));
  const artifactType = json['artifactType'];
  if (artifactType !== undefined && typeof artifactType !== 'string') throw unsafe('its artifactType is not a string');
  return {
    kind: 'manifest',
    mediaType,
    artifactType: artifactType === undefined || artifactType === '' ? config.mediaType : artifactType,
    config,
    layers,
    annotations: stringsOf(json['annotations'], 'annotations'),
    ...(json['subject'] === undefined || json['subject'] === null
      ? {}
      : { subject: parseDescriptor(json['subject'], 'subject') }),
  };
}

/**
 * `urls` (foreign layers) are never followed (CVE-2020-15157); `data` is ignored: the blob is
 * fetched and checked.
 */
function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw unsafe(`a descriptor in ${where} is not an object`);
  requireExactNames(value, where);
  const { mediaType, size, artifactType } = value;
  const digest = parseDigest(value['digest']);
  if (digest === undefined)
    throw unsafe(`a descriptor in ${where} has no digest of the form sha256:<64 lower-case hex digits>`);
  if (typeof mediaType !== 'string' || mediaType === '' || mediaType.length > 255)
    throw unsafe(`a descriptor in ${where} has no media type`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw unsafe(`a descriptor in ${where} has no valid size`);
  const platform = parsePlatform(value['platform']);
  return {
    mediaType,
    digest,
    size,
    annotations: stringsOf(value['annotations'], where),
    ...(platform === undefined ? {} : { platform }),
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
  };
}

function parsePlatform(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

const NAMES = [
  ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'manifests', 'subject', 'annotations'],
  ...['digest', 'size', 'platform'],
];
const FOLDED_NAMES = new Set(NAMES.map((name) => name.toLowerCase()));

/**
 * Tools in Go take a field by its name in any letters (`Layers`, `layerſ`), so that they would read
 * another document.
 */
function requireExactNames(json: Json, where: string): void {
  for (const key of Object.keys(json))
    if (!NAMES.includes(key) && FOLDED_NAMES.has(key.normalize('NFKC').toLowerCase()))
      throw unsafe(`a name in ${where} is not written as the specification has it: ${JSON.stringify(key)}`);
}

type Json = Record<string, unknown>;

/**
 * A JSON object of limited depth, without a key twice: of two values some tools take the first and
 * others the last, and a document that was scanned and signed as one would be used as the other
 * (CVE-2021-41190 is of the same kind).
 */
export function parseJson(bytes: Buffer): Json {
  if (!isUtf8(bytes)) throw unsafe('it is not UTF-8');
  const fault = faultInStructure(bytes, Number.POSITIVE_INFINITY, MAX_JSON_DEPTH);
  if (fault !== undefined) throw unsafe(`it ${fault}`);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unsafe('it is not JSON');
  }
  if (!isObject(json)) throw unsafe('it is not a JSON object');
  return json;
}

function listOf(value: unknown, name: string, most: number): unknown[] {
  if (!Array.isArray(value)) throw unsafe(`its ${name} is not a list`);
  if (value.length > most) throw limit(`it has ${value.length} ${name}, more than ${most}`);
  return value;
}

function stringsOf(value: unknown, where: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw unsafe(`the annotations in ${where} are not an object`);
  const result: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw unsafe(`an annotation in ${where} is not a string`);
    result[key] = text;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function unsafe(why: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: `the manifest cannot be used: ${why}`,
    remedy: 'push the artifact again with a current tool',
  });
}

function limit(why: string): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `the manifest cannot be used: ${why}`,
    remedy: 'push the artifact with fewer parts',
  });
}
