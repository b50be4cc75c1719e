import { fromText, MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { MODEL_PREDICATE_KEYS, SERIALIZATION_KEYS } from './shape.ts';
import { STATEMENT_TYPE, type Statement } from './statement.ts';
import { Fields, MalformedError } from './strict-json.ts';

/** OpenSSF Model Signing v1.0, section 4. VERSIONING asks verifiers to accept any v1. */
export const MODEL_SIGNATURE_TYPE = /^https:\/\/model_signing\/signature\/v1\.\d{1,3}$/;

/** Files or shards in one signature; the payload's size is bounded before. */
export const MAX_RESOURCES = 1_000_000;

/** What every signer leaves out, unless it is told otherwise: version control (OMS section 6.2.1). */
export const GIT_PATHS: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

const DIGEST_HEX = { sha256: 64, blake2b: 128, blake3: 64 } as const;
export type ModelHash = keyof typeof DIGEST_HEX;

/** Bytes `start` to `end` of a file, or all of it. */
export interface Resource {
  readonly path: PathBytes;
  readonly start: number;
  /** Exclusive; undefined for the whole file, of whatever length. */
  readonly end: number | undefined;
  readonly digest: string;
}

/** What a Model Signing bundle says that a folder (or one file) holds. */
export interface ModelManifest {
  readonly method: 'files' | 'shards';
  readonly hash: ModelHash;
  readonly shardBytes: number | undefined;
  /** In the order in which they are listed. */
  readonly resources: readonly Resource[];
  /** True when the signature is of one file, whatever that is called now. */
  readonly isSingleFile: boolean;
  /** Paths that the signer left out. Only whom the platform trusts with it may leave anything out of what is verified. */
  readonly ignored: ReadonlySet<PathBytes>;
  readonly allowsSymlinks: boolean;
  /** SHA-256 over all digests in order: what `model_signing digest` prints. */
  readonly root: string;
  /** What differs from the specification and is let pass, in words. */
  readonly deviations: readonly string[];
}

/**
 * Reads the statement of a Model Signing bundle whose signature was verified, and checks everything that it can be held
 * against without the files (OMS sections 6 and 8).
 *
 * @throws MalformedError
 */
export function parseModelManifest(statement: Statement): ModelManifest {
  const { type, unknownKey, subjects, predicateType, predicate: value } = statement;
  if (!MODEL_SIGNATURE_TYPE.test(predicateType)) throw new MalformedError(`${predicateType} is no model signature`);
  // OMS section 5: the statement in force, and no other.
  if (type !== STATEMENT_TYPE) throw new MalformedError(`a model signature is not a statement of the type ${type}`);
  if (unknownKey !== undefined)
    throw new MalformedError(`the statement has the unknown key ${unknownKey.slice(0, 100)}`);
  const [subject, ...more] = subjects;
  if (subject === undefined || more.length > 0) throw new MalformedError('a model signature must have one subject');
  const predicate = new Fields(value, 'the predicate').only(MODEL_PREDICATE_KEYS);
  const serialization = predicate.object('serialization').only(SERIALIZATION_KEYS);
  const deviations: string[] = [];
  const method = serialization.text('method');
  if (method !== 'files' && method !== 'shards') throw new MalformedError(`unknown serialization ${method}`);
  const hash = hashName(serialization.text('hash_type'), deviations);
  const shardBytes = method === 'shards' ? wholeNumber(serialization.get('shard_size')) : undefined;
  const raw = predicate.objects('resources', MAX_RESOURCES);
  if (raw.length === 0) throw new MalformedError('the signature lists no file at all');
  const resources = raw.map((fields) => readResource(fields, hash, shardBytes, deviations));
  requireDistinct(resources);
  if (shardBytes !== undefined) requireContiguous(resources, shardBytes);
  const root = rootOf(resources);
  if (subject.digest.get('sha256') !== root)
    throw new MalformedError('the digests that it lists do not come to the one that it is about');
  noteOrder(raw, deviations);
  return {
    method,
    hash,
    shardBytes,
    resources,
    isSingleFile: resources.every(({ path }) => path === '.'),
    ignored: readIgnored(serialization, method === 'shards', deviations),
    allowsSymlinks: serialization.has('allow_symlinks') && serialization.flag('allow_symlinks'),
    root,
    deviations: [...new Set(deviations)],
  };
}

function hashName(text: string, deviations: string[]): ModelHash {
  if (text === 'blake2') {
    deviations.push('it says blake2 for blake2b');
    return 'blake2b';
  }
  if (Object.hasOwn(DIGEST_HEX, text)) return text as ModelHash;
  throw new MalformedError(`unknown hash ${JSON.stringify(text)}`);
}

/** Protobuf writes whole numbers as doubles: `8.0` is 8. */
function wholeNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0)
    throw new MalformedError('the shard size is not a whole number of bytes');
  return value;
}

/** Characters of `:START:END`, two numbers of at most 16 digits. */
const MAX_RANGE_TEXT = 34;

function readResource(fields: Fields, hash: ModelHash, shardBytes: number | undefined, deviations: string[]): Resource {
  const name = fields.text('name');
  const algorithm = fields.text('algorithm');
  const sharded = `${hash}-sharded-${shardBytes}`;
  if (algorithm === sharded && shardBytes !== undefined) deviations.push('its shards name their size in the algorithm');
  else if (algorithm === 'blake2' && hash === 'blake2b') deviations.push('it says blake2 for blake2b');
  else if (algorithm !== hash) throw new MalformedError(`a file has the algorithm ${JSON.stringify(algorithm)}`);
  const digest = fields.text('digest');
  if (!/^[0-9a-f]+$/.test(digest) || digest.length !== DIGEST_HEX[hash])
    throw new MalformedError(`the digest of ${JSON.stringify(name)} is not one of ${hash}`);
  if (shardBytes === undefined) return { path: resourcePath(name, deviations), start: 0, end: undefined, digest };
  // From the last two colons: a path may have some of its own.
  const [, start = '', end = ''] = /:(0|[1-9]\d{0,15}):([1-9]\d{0,15})$/.exec(name.slice(-MAX_RANGE_TEXT)) ?? [];
  const path = name.slice(0, -`:${start}:${end}`.length);
  if (end === '' || path === '')
    throw new MalformedError(`${JSON.stringify(name.slice(0, 300))} is not the name of a shard`);
  return { path: resourcePath(path, deviations), start: Number(start), end: Number(end), digest };
}

/** @throws MalformedError for a name that leaves the root, or could be written in another way */
export function resourcePath(name: string, deviations: string[]): PathBytes {
  if (name === '.') {
    deviations.push('it calls the one file "."');
    return name as PathBytes;
  }
  const fault = faultInName(name);
  if (fault !== undefined) throw new MalformedError(`the name ${JSON.stringify(name.slice(0, 300))} ${fault}`);
  return fromText(name);
}

/**
 * What is wrong with the name of a file that was signed. Every name that a file below a folder can have is right, in its
 * shortest form, so that two names cannot be one file: backslashes, colons and line ends are letters like others here,
 * where nothing is created by such a name, and only what a listing found is compared with it.
 */
function faultInName(name: string): string | undefined {
  if (!name.isWellFormed()) return 'is not Unicode';
  if (Buffer.byteLength(name) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (name.includes('\0')) return 'contains a NUL byte';
  if (name.startsWith('/')) return 'is absolute';
  // PY #647: a name that leaves the root.
  const parts = name.split('/');
  if (parts.includes('..')) return 'leads out of the artifact';
  return parts.includes('') || parts.includes('.') ? 'is not in its shortest form' : undefined;
}

function requireDistinct(resources: readonly Resource[]): void {
  const seen = new Set<string>();
  for (const { path, start } of resources) {
    const key = `${start} ${path}`;
    if (seen.has(key)) throw new MalformedError(`${JSON.stringify(path)} is listed twice`);
    seen.add(key);
  }
}

/** Without gaps, overlaps or short shards in between: nothing of a file may go unsigned. */
function requireContiguous(resources: readonly Resource[], shardBytes: number): void {
  const byFile = Map.groupBy(resources, ({ path }) => path);
  for (const [path, shards] of byFile) {
    shards.sort((a, b) => a.start - b.start);
    for (const [i, { start, end = 0 }] of shards.entries()) {
      const isLast = i === shards.length - 1;
      const fits = start === i * shardBytes && (isLast ? end > start : true) && end <= start + shardBytes;
      if (!fits || (!isLast && end !== start + shardBytes))
        throw new MalformedError(`the shards of ${JSON.stringify(path)} leave something out`);
    }
  }
}

/** OMS section 6.5.1: over the raw digests, in the order in which they are listed. */
function rootOf(resources: readonly Resource[]): string {
  const hash = nodeCrypto().createHash('sha256');
  for (const { digest } of resources) hash.update(digest, 'hex');
  return hash.digest('hex');
}

/** The Python signer sorts by path components and shards by number; the specification by code points. */
function noteOrder(raw: readonly Fields[], deviations: string[]): void {
  const names = raw.map((fields) => Buffer.from(fields.text('name'), 'utf8'));
  if (names.some((name, i) => i > 0 && Buffer.compare(names[i - 1] ?? name, name) > 0))
    deviations.push('its files are not in the order of the specification');
}

/** What the signer says that it left out: everything that is on disk must be accounted for all the same. */
function readIgnored(serialization: Fields, isShards: boolean, deviations: string[]): ReadonlySet<PathBytes> {
  if (!serialization.has('ignore_paths')) return new Set();
  const ignored = new Set<PathBytes>();
  for (const entry of serialization.list('ignore_paths', MAX_RESOURCES)) {
    if (typeof entry !== 'string') throw new MalformedError('an ignored path is not text');
    ignored.add(fromText(entry));
    // The usual ones, and where the signer put the signature.
    if (!isShards && !GIT_PATHS.includes(entry) && !/\.(sig|sigstore|sigstore\.json)$/.test(entry))
      deviations.push('it leaves out paths that are verified all the same');
  }
  return ignored;
}
