import { entryText, fromText, MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';
import { JsonStream, type JsonTaker } from './json-stream.ts';
import { PlainElements } from './plain-elements.ts';
import { MODEL_PREDICATE_KEYS, SERIALIZATION_KEYS } from './shape.ts';
import type { Resource, SignedFiles } from './signed-files.ts';
import { SignedFilesBuilder } from './signed-files-builder.ts';
import type { SignedPayload } from './signed-payload.ts';
import { readStatement, STATEMENT_TYPE, type Statement } from './statement.ts';
import { Fields, type Json, MalformedError } from './strict-json.ts';

/** OpenSSF Model Signing v1.0, section 4. VERSIONING asks verifiers to accept any v1. */
export const MODEL_SIGNATURE_TYPE = /^https:\/\/model_signing\/signature\/v1\.\d{1,3}$/;

/**
 * Files or shards in one signature. They take fifty bytes each, and twice as much for what is
 * listed of the folder.
 */
export const MAX_RESOURCES = 20_000_000;

/** Paths that a signer left out; these are objects. */
const MAX_IGNORED = 1_000_000;

/**
 * Ways to write the algorithm of a file: two hashes have two names each, and shards of one size one
 * more.
 */
const MAX_ALGORITHMS = 4;

/**
 * What every signer leaves out, unless it is told otherwise: version control (OMS section 6.2.1).
 */
export const GIT_PATHS: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

const DIGEST_HEX = { sha256: 64, blake2b: 128, blake3: 64 } as const;
export type ModelHash = keyof typeof DIGEST_HEX;

const LENGTHS: ReadonlySet<number> = new Set(Object.values(DIGEST_HEX));

/** What a Model Signing bundle says that a folder (or one file) holds. */
export interface ModelManifest {
  readonly method: 'files' | 'shards';
  readonly hash: ModelHash;
  readonly shardBytes: number | undefined;
  readonly files: SignedFiles;
  /** True when the signature is of one file, whatever that is called now. */
  readonly isSingleFile: boolean;
  /**
   * Paths that the signer left out. Only whom the platform trusts with it may leave anything out of
   * what is verified.
   */
  readonly ignored: ReadonlySet<PathBytes>;
  readonly allowsSymlinks: boolean;
  /** SHA-256 over all digests in order: what `model_signing digest` prints. */
  readonly root: string;
  /** What differs from the specification and is let pass, in words. */
  readonly deviations: readonly string[];
}

/** What a model signature says; its predicate is here without the list of files. */
export interface ModelStatement {
  readonly statement: Statement;
  readonly manifest: ModelManifest;
}

/** What a list is read from: `again` where it need not be held in memory. */
type ListPayload = Pick<SignedPayload, 'length' | 'pieces'> & Partial<Pick<SignedPayload, 'again'>>;

/**
 * Reads the statement of a Model Signing bundle whose signature was verified, as a stream, and
 * checks everything that it can be held against without the files (OMS sections 6 and 8).
 *
 * @throws MalformedError
 */
export async function readModelSignature(payload: ListPayload): Promise<ModelStatement> {
  const fields = new Map<string, Map<string, Json>>([
    ['', new Map()],
    ['predicate', new Map()],
  ]);
  const resources = new Resources(payload.length);
  const stream = streamInto(resources, (inside, key, value) => fields.get(inside)?.set(key, value));
  for await (const piece of payload.pieces()) stream.push(piece);
  stream.end();
  const outermost = Object.fromEntries(fields.get('') ?? []);
  const inner = Object.fromEntries(fields.get('predicate') ?? []);
  // A predicate that is no object was not gone into.
  const statement = readStatement(new Fields({ predicate: inner, ...outermost }, 'the statement'));
  const manifest = manifestOf(statement, resources);
  const { again, length } = payload;
  if (again !== undefined) manifest.files.forgetDigests(manifest.root, () => digestsIn(again(), length));
  return { statement, manifest };
}

function streamInto(resources: Resources, value: JsonTaker['value']): JsonStream {
  return new JsonStream(
    { predicate: { resources: 'list' } },
    {
      value,
      elements: (_inside, _key, elements) => resources.add(elements),
      plain: (_inside, _key, bytes, start) => resources.addPlain(bytes, start),
    },
    'the statement',
  );
}

/** The digests of a list that was read before, in its order. */
function digestsIn(pieces: Iterable<Buffer>, length: number): Buffer {
  const resources = new Resources(length);
  const stream = streamInto(resources, () => {});
  for (const piece of pieces) stream.push(piece);
  return resources.digests;
}

function manifestOf(statement: Statement, listed: Resources): ModelManifest {
  const { type, unknownKey, subjects, predicateType, predicate: value } = statement;
  if (!MODEL_SIGNATURE_TYPE.test(predicateType)) throw new MalformedError(`${predicateType} is no model signature`);
  // OMS section 5: the statement in force, and no other.
  if (type !== STATEMENT_TYPE) throw new MalformedError(`a model signature is not a statement of the type ${type}`);
  if (unknownKey !== undefined)
    throw new MalformedError(`the statement has the unknown key ${unknownKey.slice(0, 100)}`);
  const [subject, ...more] = subjects;
  if (subject === undefined || more.length > 0) throw new MalformedError('a model signature must have one subject');
  const predicate = new Fields(value, 'the predicate').only(MODEL_PREDICATE_KEYS);
  if (predicate.has('resources')) throw new MalformedError('the predicate.resources is not a list');
  const serialization = predicate.object('serialization').only(SERIALIZATION_KEYS);
  const deviations: string[] = [];
  const method = serialization.text('method');
  if (method !== 'files' && method !== 'shards') throw new MalformedError(`unknown serialization ${method}`);
  const hash = hashName(serialization.text('hash_type'), deviations);
  const shardBytes = method === 'shards' ? wholeNumber(serialization.get('shard_size')) : undefined;
  const { root, files } = listed.files(hash, shardBytes, deviations);
  if (subject.digest.get('sha256') !== root)
    throw new MalformedError('the digests that it lists do not come to the one that it is about');
  // The Python signer sorts by path components and shards by number; the specification by code
  // points.
  if (!files.isInNameOrder) deviations.push('its files are not in the order of the specification');
  return {
    method,
    hash,
    shardBytes,
    files,
    isSingleFile: isSingleFile(files),
    ignored: readIgnored(serialization, method === 'shards', deviations),
    allowsSymlinks: serialization.has('allow_symlinks') && serialization.flag('allow_symlinks'),
    root,
    deviations: [...new Set(deviations)],
  };
}

/** True where all that is listed is the one file that has no name: "." (PY, until 1.1). */
export function isSingleFile(files: SignedFiles): boolean {
  return files.size === 1 && files.get('.' as PathBytes) !== undefined;
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

/** The list of a model signature, as it comes: how it was hashed may be said after it. */
class Resources {
  readonly #textBytes: number;
  readonly #algorithms = new Set<string>();
  #builder: SignedFilesBuilder | undefined;
  /** Hex digits of every digest, as the first has them. */
  #digits = 0;
  #plain: PlainElements | undefined;

  constructor(textBytes: number) {
    this.#textBytes = textBytes;
  }

  add(elements: readonly Json[]): void {
    for (const element of elements) {
      const fields = new Fields(element, 'a file of the signature');
      const name = fields.text('name');
      const digest = fields.text('digest');
      this.#algorithms.add(fields.text('algorithm'));
      if (this.#algorithms.size > MAX_ALGORITHMS) throw new MalformedError('the files have many algorithms');
      this.#digits ||= digest.length;
      if (digest.length !== this.#digits || !LENGTHS.has(digest.length) || !isHex(digest))
        throw new MalformedError(
          `the digest of ${JSON.stringify(name.slice(0, 300))} is not one of sha256 or its like`,
        );
      if (!name.isWellFormed()) throw faulty(name, 'is not Unicode');
      this.#builder ??= new SignedFilesBuilder(digest.length / 2, this.#textBytes);
      if (this.#builder.count === MAX_RESOURCES)
        throw new MalformedError(`the signature lists more than ${MAX_RESOURCES} files`);
      this.#builder.add(name, digest);
    }
    this.#plain ??= PlainElements.like(elements[0]);
  }

  /** Those that are written like the first. @returns where the first begins that is not */
  addPlain(bytes: Uint8Array, start: number): number {
    const builder = this.#builder;
    if (builder === undefined || this.#plain === undefined) return start;
    const isPlace = () => builder.count < MAX_RESOURCES;
    return this.#plain.take(bytes, start, (...at) => isPlace() && builder.addBytes(...at));
  }

  get digests(): Buffer {
    return this.#builder?.digests ?? Buffer.alloc(0);
  }

  /** Everything that was listed, held against how the signature says that it was hashed. */
  files(hash: ModelHash, shardBytes: number | undefined, deviations: string[]): { root: string; files: SignedFiles } {
    if (this.#builder === undefined) throw new MalformedError('the signature lists no file at all');
    for (const algorithm of this.#algorithms) requireAlgorithm(algorithm, hash, shardBytes, deviations);
    if (this.#digits !== DIGEST_HEX[hash]) throw new MalformedError(`the digests are not ones of ${hash}`);
    const cut = shardBytes === undefined ? undefined : (name: PathBytes) => rangeOf(name);
    const files = this.#builder.build(cut);
    // The ends of shards are no part of a path.
    if (cut !== undefined || !this.#builder.areShortest)
      for (const path of files.paths()) requirePath(path, deviations);
    if (shardBytes !== undefined)
      for (const { path, shards } of files.sharded()) requireContiguous(path, shards, shardBytes);
    return { root: this.#builder.root(), files };
  }
}

/** Digits, and letters that are small: three times as fast as a regular expression. */
function isHex(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x66))) return false;
  }
  return true;
}

function requireAlgorithm(
  algorithm: string,
  hash: ModelHash,
  shardBytes: number | undefined,
  deviations: string[],
): void {
  if (algorithm === `${hash}-sharded-${shardBytes}` && shardBytes !== undefined)
    deviations.push('its shards name their size in the algorithm');
  else if (algorithm === 'blake2' && hash === 'blake2b') deviations.push('it says blake2 for blake2b');
  else if (algorithm !== hash)
    throw new MalformedError(`a file has the algorithm ${JSON.stringify(algorithm.slice(0, 100))}`);
}

/** From the last two colons: a path may have some of its own. */
function rangeOf(name: PathBytes): { path: PathBytes; start: number; end: number } {
  const [, start = '', end = ''] = /:(0|[1-9]\d{0,15}):([1-9]\d{0,15})$/.exec(name.slice(-MAX_RANGE_TEXT)) ?? [];
  const path = name.slice(0, -`:${start}:${end}`.length) as PathBytes;
  if (end === '' || path === '')
    throw new MalformedError(`${JSON.stringify(entryText(name).slice(0, 300))} is not the name of a shard`);
  return { path, start: Number(start), end: Number(end) };
}

/** @throws MalformedError for a name that leaves the root, or could be written in another way */
export function requirePath(path: PathBytes, deviations: string[]): void {
  if (path === '.') deviations.push('it calls the one file "."');
  else if (path.length > MAX_PATH_BYTES || path === '' || FAULTY.test(path))
    throw faulty(entryText(path.slice(0, 2 * MAX_PATH_BYTES) as PathBytes), faultInName(path));
}

/**
 * One look at what nearly all names are not: absolute, with a NUL byte, or with a part that is
 * empty, `.` or `..`.
 */
const FAULTY = /^\/|\/\/|\/$|(?:^|\/)\.\.?(?:\/|$)|\0/;

/**
 * What is wrong with the name of a file that was signed. Every name that a file below a folder can
 * have is right, in its shortest form, so that two names cannot be one file: backslashes, colons
 * and line ends are letters like others here, where nothing is created by such a name, and only
 * what a listing found is compared with it.
 */
function faultInName(path: PathBytes): string {
  if (path.length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (path.includes('\0')) return 'contains a NUL byte';
  if (path.startsWith('/')) return 'is absolute';
  // PY #647: a name that leaves the root.
  return path.split('/').includes('..') ? 'leads out of the artifact' : 'is not in its shortest form';
}

function faulty(name: string, fault: string): MalformedError {
  return new MalformedError(`the name ${JSON.stringify(name.slice(0, 300))} ${fault}`);
}

/** Without gaps, overlaps or short shards in between: nothing of a file may go unsigned. */
function requireContiguous(path: PathBytes, shards: readonly Resource[], shardBytes: number): void {
  for (const [i, { start, end = 0 }] of shards.entries()) {
    const isLast = i === shards.length - 1;
    const fits = start === i * shardBytes && (isLast ? end > start : true) && end <= start + shardBytes;
    if (!fits || (!isLast && end !== start + shardBytes))
      throw new MalformedError(`the shards of ${JSON.stringify(entryText(path))} leave something out`);
  }
}

/**
 * What the signer says that it left out: everything that is on disk must be accounted for all the
 * same.
 */
function readIgnored(serialization: Fields, isShards: boolean, deviations: string[]): ReadonlySet<PathBytes> {
  if (!serialization.has('ignore_paths')) return new Set();
  const ignored = new Set<PathBytes>();
  for (const entry of serialization.list('ignore_paths', MAX_IGNORED)) {
    if (typeof entry !== 'string') throw new MalformedError('an ignored path is not text');
    ignored.add(fromText(entry));
    // The usual ones, and where the signer put the signature.
    if (!isShards && !GIT_PATHS.includes(entry) && !/\.(sig|sigstore|sigstore\.json)$/.test(entry))
      deviations.push('it leaves out paths that are verified all the same');
  }
  return ignored;
}
