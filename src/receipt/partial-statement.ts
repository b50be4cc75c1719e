import { Fields, type Json, type JsonObject, MalformedError } from '../evidence/index.ts';
import { VERIFIER_ID, VERSION } from '../version.ts';
import { MOST_PARTS, type Part } from './share.ts';

/** What one part of a verification says. It is no verdict, and never taken for one. */
export const PARTIAL_TYPE = 'https://weighlock.dev/partial-verdict/v1';

/** What one part of signing says. It is no signature, nor a part of a verification. */
export const SHARE_TYPE = 'https://weighlock.dev/partial-signature/v1';

/** What a part saw and hashed, whatever for. */
export interface SeenPart {
  readonly part: Part;
  /** Whatever the parts of one run have in common, and those of another have not. */
  readonly run: string;
  /** When it began, milliseconds since 1970. */
  readonly startedAt: number;
  readonly resourceUri: string;
  readonly kind: 'file' | 'folder';
  /** Digest of names, sizes, inodes and times of all files, hex: what every part saw. */
  readonly listing: string;
  readonly files: number;
  /**
   * Of what follows: digests of what it hashed, and before them the list of all files in that of
   * the first part.
   */
  readonly table: { readonly bytes: number; readonly sha256: string };
}

/** A part of a verification. */
export interface Partial extends SeenPart {
  readonly policy: { readonly uri: string; readonly sha256: string };
  readonly levels: readonly string[];
  readonly inputs: readonly { readonly uri: string; readonly sha256: string }[];
  /** What is no part of the artifact, because the platform says so, and by which of its rules. */
  readonly leftOut: readonly { readonly path: string; readonly by: string }[];
  /** Digests (hex) that the whole must have: pins, which no part can judge. */
  readonly pins: readonly string[];
  /** Digests of everything that was required, and of the evidence that counted, hex. */
  readonly requirements: string;
  readonly evidence: string;
}

/** A part of what is to be signed. */
export interface SigningShare extends SeenPart {
  /** Bytes of a shard; 0 where whole files are signed. */
  readonly shardBytes: number;
  readonly allowSymlinks: boolean;
  /** Paths that are not signed, as text. */
  readonly ignored: readonly string[];
}

export function partialPredicate(partial: SeenPart): object {
  const { startedAt, ...rest } = partial;
  const verifier = { id: VERIFIER_ID, version: { weighlock: VERSION } };
  return { verifier, verificationResult: 'PASSED', startedAt: new Date(startedAt).toISOString(), ...rest };
}

const SEEN_KEYS = [
  'verifier',
  'verificationResult',
  'startedAt',
  'part',
  'run',
  'resourceUri',
  'kind',
  'listing',
  'files',
  'table',
];
const VERDICT_KEYS = ['policy', 'levels', 'inputs', 'leftOut', 'pins', 'requirements', 'evidence'];
const SHARE_KEYS = ['shardBytes', 'allowSymlinks', 'ignored'];

/** Signatures, pins and levels in one part. */
const MOST_ELEMENTS = 10_000;

/**
 * Reads the predicate of a partial verdict whose signature was verified.
 *
 * @throws MalformedError
 */
export function parsePartial(predicate: JsonObject): Partial {
  const fields = new Fields(predicate, 'the partial verdict').only([...SEEN_KEYS, ...VERDICT_KEYS]);
  const policy = fields.object('policy').only(['uri', 'sha256']);
  return {
    ...seenIn(fields),
    policy: { uri: policy.text('uri'), sha256: hexIn(policy.text('sha256')) },
    levels: fields.list('levels', MOST_ELEMENTS).map(textIn),
    inputs: fields.objects('inputs', MOST_ELEMENTS).map((input) => ({
      uri: input.only(['uri', 'sha256']).text('uri'),
      sha256: hexIn(input.text('sha256')),
    })),
    leftOut: fields.objects('leftOut', MOST_ELEMENTS).map((one) => ({
      path: one.only(['path', 'by']).text('path'),
      by: one.text('by'),
    })),
    pins: fields.list('pins', MOST_ELEMENTS).map((pin) => hexIn(textIn(pin))),
    requirements: hexIn(fields.text('requirements')),
    evidence: hexIn(fields.text('evidence')),
  };
}

/**
 * Reads the predicate of a part of what is to be signed; its own signature was verified.
 *
 * @throws MalformedError
 */
export function parseShare(predicate: JsonObject): SigningShare {
  const fields = new Fields(predicate, 'the part').only([...SEEN_KEYS, ...SHARE_KEYS]);
  return {
    ...seenIn(fields),
    shardBytes: wholeNumber(fields.get('shardBytes')),
    allowSymlinks: fields.flag('allowSymlinks'),
    ignored: fields.list('ignored', MOST_ELEMENTS).map(textIn),
  };
}

function seenIn(fields: Fields): SeenPart {
  const version = fields.object('verifier').only(['id', 'version']).object('version').text('weighlock');
  if (version !== VERSION) throw new MalformedError(`it is of another version: ${version.slice(0, 40)}`);
  if (fields.text('verificationResult') !== 'PASSED') throw new MalformedError('it is of a part that failed');
  const part = fields.object('part').only(['index', 'of']);
  const [index, of] = [wholeNumber(part.get('index')), wholeNumber(part.get('of'))];
  if (of < 1 || of > MOST_PARTS || index >= of) throw new MalformedError('it is of no part that there is');
  const run = fields.text('run');
  if (run === '') throw new MalformedError('it is of no run');
  const startedAt = Date.parse(fields.text('startedAt'));
  if (!Number.isSafeInteger(startedAt)) throw new MalformedError('its time is none');
  const kind = fields.text('kind');
  if (kind !== 'file' && kind !== 'folder') throw new MalformedError('it is of neither a file nor a folder');
  const table = fields.object('table').only(['bytes', 'sha256']);
  return {
    part: { index, of },
    run,
    startedAt,
    resourceUri: fields.text('resourceUri'),
    kind,
    listing: hexIn(fields.text('listing')),
    files: wholeNumber(fields.get('files')),
    table: { bytes: wholeNumber(table.get('bytes')), sha256: hexIn(table.text('sha256')) },
  };
}

function wholeNumber(value: Json | undefined): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedError('a number in it is not a whole one');
}

function textIn(value: Json): string {
  if (typeof value === 'string') return value;
  throw new MalformedError('something in it is not text');
}

function hexIn(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new MalformedError('a digest in it is none');
}
