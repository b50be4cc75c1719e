import { readFileSync } from 'node:fs';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import type { TrustMaterial } from '@sigstore/verify';
import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import type { TrustedRootSource, TufSource } from './attestor.ts';

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot(\+json;version=0\.[12]|\.v0\.[12]\+json)$/;

/** The public-good root has 6 KB; a private one with every log of ten years would not have this. */
const MAX_BYTES = 4 << 20;

/**
 * An artifact may have a thousand signatures, each held against every attestor: a root is parsed
 * once.
 */
const parsed = new Map<TrustedRootSource, Promise<TrustMaterial>>();

/**
 * The keys and certificates of a Sigstore instance.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function trustMaterial(source: TrustedRootSource): Promise<TrustMaterial> {
  const material = parsed.get(source) ?? parseTrustedRoot(source);
  parsed.set(source, material);
  return material;
}

/**
 * Says what a TUF repository published.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export async function provideTrustedRoot(source: TufSource, json: string): Promise<void> {
  const material = await parseTrustedRoot(trustedRootOf(json));
  parsed.set(source, Promise.resolve(material));
}

async function parseTrustedRoot(source: TrustedRootSource): Promise<TrustMaterial> {
  if (source !== 'public-good' && 'mirror' in source) throw invalid(`${source.mirror} was not asked`);
  const { TrustedRoot: parser, publicGood, toTrustMaterial } = await library('sigstore');
  const documents = source === 'public-good' ? [publicGood] : documentsIn(source.json);
  let root: TrustedRoot;
  try {
    root = together(documents.map((json) => parser.fromJSON(json)));
  } catch (error) {
    throw invalid('it does not parse', error);
  }
  // Without a beginning it would count from ever: what the format demands is demanded here (the
  // library takes 1970).
  const periods = [...root.tlogs, ...root.ctlogs].map(({ publicKey }) => publicKey?.validFor);
  if (periods.some((period) => period?.start === undefined)) throw invalid('a log does not say from when on it counts');
  try {
    return toTrustMaterial(root, () => {
      throw new Error('keys are not in the trusted root');
    });
  } catch (error) {
    throw invalid('its keys or certificates do not parse', error);
  }
}

/**
 * Reads a `trusted_root.json` and checks what can be checked without the library.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function checkTrustedRoot(file: string): { readonly json: string } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw invalid('it cannot be read', error);
  }
  if (bytes.length > MAX_BYTES) throw invalid(`it is larger than ${MAX_BYTES} bytes`);
  return trustedRootOf(bytes.toString('utf8'));
}

/**
 * The same of a text that was read already.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function trustedRootOf(json: string): { readonly json: string } {
  for (const document of documentsIn(json)) {
    const { mediaType } = document as { mediaType?: unknown };
    if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) throw invalid(`its media type is ${mediaType}`);
  }
  return { json };
}

/** One trusted root, or one on each line (`gh attestation trusted-root`): at least one. */
function documentsIn(json: string): object[] {
  let documents: unknown[];
  try {
    documents = [JSON.parse(json)];
  } catch {
    try {
      documents = json.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as unknown]));
    } catch (error) {
      throw invalid('it is not JSON', error);
    }
  }
  const objects = documents.filter((one) => typeof one === 'object' && one !== null);
  if (objects.length === 0 || objects.length !== documents.length) throw invalid('it is not JSON of a trusted root');
  return objects;
}

/** What any of them trusts is trusted. */
function together(roots: readonly TrustedRoot[]): TrustedRoot {
  return {
    mediaType: roots[0]?.mediaType ?? '',
    tlogs: roots.flatMap(({ tlogs }) => tlogs),
    ctlogs: roots.flatMap(({ ctlogs }) => ctlogs),
    certificateAuthorities: roots.flatMap(({ certificateAuthorities }) => certificateAuthorities),
    timestampAuthorities: roots.flatMap(({ timestampAuthorities }) => timestampAuthorities),
  };
}

function invalid(why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `the trusted root cannot be used: ${why}`,
      remedy: 'give the trusted_root.json of your Sigstore instance, as "cosign trusted-root create" writes it',
    },
    { cause },
  );
}
