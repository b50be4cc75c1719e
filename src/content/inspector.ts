import { ColumnarReader } from './columnar.ts';
import { Unsound } from './cursor.ts';
import { DATA_FORMATS, type Facts, type FileContent, type Finding, type Format } from './format.ts';
import { isGguf, readGguf } from './gguf.ts';
import { Hdf5Watcher } from './hdf5.ts';
import { HeadReader } from './head-reader.ts';
import { ImageReader } from './image.ts';
import { JsonReader } from './json-reader.ts';
import { numpyFormat } from './numpy.ts';
import { isOnnx, OnnxWatcher } from './onnx.ts';
import { isBinaryPickle, PickleWatcher } from './pickle.ts';
import { isSafetensors, MAX_HEADER_BYTES, readSafetensors } from './safetensors.ts';
import { checkSentencepiece, isSentencepiece, MOST_SENTENCEPIECE_BYTES } from './sentencepiece.ts';
import { bySignature, isMarkup, isZlib, programByName } from './signatures.ts';
import { endsAsZip, TAIL_BYTES } from './tail.ts';
import { beginsAsTar } from './tar.ts';
import { isTemplateName, isTextName, TextReader } from './text-reader.ts';
import { WholeReader } from './whole-reader.ts';
import { ZipReader } from './zip.ts';

/** What decides which reader a file gets. */
const HEAD_BYTES = 4096;

/** Metadata of GGUF, vocabularies included. */
const MOST_GGUF_BYTES = 128 << 20;

/** What came of the bytes of one format. */
export interface Read {
  readonly format: Format;
  readonly findings?: readonly Finding[];
  readonly facts?: Facts;
}

/** Takes the bytes of a file, first to last. May throw `Unsound`. */
export interface Reader {
  push(chunk: Buffer): void;
  /** @param size - bytes of the whole file */
  finish(size: number): Read;
  /** Bytes that follow and may be left out; none where it is not there. */
  readonly ahead?: number;
  /** Leaves out so many of them. */
  skip?(bytes: number): void;
  /** Nothing follows, and nobody asks. */
  drop?(): void;
}

/** Nothing of the file beyond what it begins with is of interest. */
class Known implements Reader {
  readonly ahead = Number.POSITIVE_INFINITY;
  readonly #format: Format;
  constructor(format: Format) {
    this.#format = format;
  }
  push(): void {}
  finish(): Read {
    return { format: this.#format };
  }
}

/**
 * What a file is, by all of its bytes, in one pass. Its name makes it a program, and never anything
 * else harmless.
 */
export class ContentInspector {
  readonly #name: string;
  readonly #expected: number | undefined;
  readonly #pickle = new PickleWatcher();
  readonly #hdf5 = new Hdf5Watcher();
  #head = Buffer.alloc(0);
  #reader: Reader | undefined;
  #fault: Unsound | undefined;
  #size = 0;
  #tail = Buffer.alloc(0);

  /** @param expected - bytes of the file, where they are known */
  constructor(name: string, expected?: number) {
    this.#name = name;
    this.#expected = expected;
  }

  /** The next bytes of the file; they are not kept. */
  push(chunk: Buffer): void {
    this.#keepTail(chunk);
    this.#size += chunk.length;
    if (this.#pickle.verdict === 'undecided') this.#pickle.push(chunk);
    this.#hdf5.push(chunk);
    if (this.#reader !== undefined) this.#feed(chunk);
    else {
      const missing = HEAD_BYTES - this.#head.length;
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)]);
      if (this.#head.length < HEAD_BYTES) return;
      this.#begin();
      if (chunk.length > missing) this.#feed(chunk.subarray(missing));
    }
  }

  /**
   * Bytes that follow and whose content does not matter for what is found out of the headers alone.
   * Whoever leaves them out has not looked at the file: nothing rests on it.
   */
  get ahead(): number {
    const { verdict, ahead } = this.#pickle;
    if (this.#fault !== undefined) return Number.POSITIVE_INFINITY;
    return Math.min(this.#reader?.ahead ?? 0, verdict === 'undecided' ? ahead : Number.POSITIVE_INFINITY);
  }

  /** Leaves out some of them. */
  skip(bytes: number): void {
    this.#size += bytes;
    this.#pickle.skip(bytes);
    this.#hdf5.skip(bytes);
    this.#reader?.skip?.(bytes);
    this.#tail = Buffer.alloc(0);
  }

  /** The file is not read to its end. */
  drop(): void {
    this.#reader?.drop?.();
  }

  finish(): FileContent {
    if (this.#reader === undefined) this.#begin();
    const read = this.#read();
    const findings = [...read.findings];
    const isPolyglot = (what: string) => findings.push({ text: `it is ${what} as well` });
    const { format } = read;
    const holds = this.#expected === undefined || this.#expected === this.#size;
    if (!holds) findings.push({ text: `it has ${this.#size} bytes, and was to have ${this.#expected}` });
    if (isCarrier(format)) {
      const tail = this.#size <= this.#head.length ? this.#head : this.#tail;
      if (format !== 'numpy' || !this.#isZip) if (endsAsZip(tail)) isPolyglot('a zip file');
      if (beginsAsTar(this.#head)) isPolyglot('a tar archive');
      if (this.#isProgram) isPolyglot('a pickle');
      if (this.#hdf5.isThere && format !== 'hdf5') isPolyglot('an HDF5 file');
    }
    return { format, findings, facts: read.facts };
  }

  get #isZip(): boolean {
    return this.#head.toString('latin1', 0, 4) === 'PK\x03\x04';
  }

  /** A pickle of the protocols that look like text, or one that is hidden in another format. */
  get #isProgram(): boolean {
    const { verdict, wholeAt, hasImported } = this.#pickle;
    if (verdict === 'program' || (wholeAt === this.#size && this.#size > 3)) return true;
    // Two words below one another, the first with a c, may begin a text.
    return hasImported && !(this.#named === 'text' && isTextName(this.#name));
  }

  #read(): { format: Format; findings: readonly Finding[]; facts: Facts } {
    const format = this.#reader instanceof Object ? this.#named : 'unknown';
    try {
      if (this.#fault !== undefined) throw this.#fault;
      const read = this.#reader?.finish(this.#size) ?? { format: 'unknown' };
      const found = { format: read.format, findings: read.findings ?? [], facts: read.facts ?? {} };
      if (['text', 'unknown'].includes(found.format) && this.#isProgram) return { ...found, format: 'pickle' };
      const byName = isData(found.format) ? programByName(this.#name) : undefined;
      return byName === undefined ? found : { ...found, format: byName };
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      return { format, findings: [{ text: error.message }], facts: {} };
    }
  }

  /** What it was taken for. */
  #named: Format = 'unknown';

  #begin(): void {
    [this.#named, this.#reader] = readerFor(this.#name, this.#head, this.#expected);
    this.#feed(this.#head);
  }

  #feed(chunk: Buffer): void {
    if (this.#fault !== undefined || chunk.length === 0) return;
    try {
      this.#reader?.push(chunk);
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      this.#fault = error;
    }
  }

  #keepTail(chunk: Buffer): void {
    const end = this.#size + chunk.length;
    if (this.#expected !== undefined && end <= this.#expected - TAIL_BYTES) return;
    if (end <= HEAD_BYTES) return;
    if (this.#tail.length === 0 && this.#size > 0 && this.#size <= HEAD_BYTES) this.#tail = Buffer.from(this.#head);
    const kept = chunk.subarray(Math.max(0, chunk.length - TAIL_BYTES));
    const before = this.#tail.subarray(Math.max(0, this.#tail.length + kept.length - TAIL_BYTES));
    this.#tail = Buffer.concat([before, kept]);
  }
}

/** Formats that may carry another one unseen: the others are refused as what they are. */
function isCarrier(format: Format): boolean {
  return !['zip', 'torch', 'torchscript', 'keras', 'java', 'pickle', 'tar', 'compressed', 'archive'].includes(format);
}

/** Formats of which nothing is refused so far, but for what a name says. */
function isData(format: Format): boolean {
  return format === 'unknown' || (format !== 'empty' && (DATA_FORMATS as readonly Format[]).includes(format));
}

function readerFor(name: string, head: Buffer, expected: number | undefined): readonly [Format, Reader] {
  const known = (format: Format) => [format, new Known(format)] as const;
  if (head.length === 0) return known('empty');
  if (isGguf(head))
    return [
      'gguf',
      new HeadReader(expected, MOST_GGUF_BYTES, (bytes, size) => ({ format: 'gguf', ...readGguf(bytes, size) })),
    ];
  if (isSafetensors(head)) {
    const parse = (bytes: Buffer, size: number): Read => ({
      format: 'safetensors',
      facts: readSafetensors(bytes, size),
    });
    return ['safetensors', new HeadReader(expected, MAX_HEADER_BYTES + 8, parse)];
  }
  const signed = bySignature(head);
  if (signed === 'numpy') return ['numpy', new HeadReader(expected, 1 << 17, numpyContent)];
  if (signed === 'image') return ['image', new ImageReader(head)];
  if (signed === 'parquet' || signed === 'arrow') return [signed, new ColumnarReader(signed)];
  if (signed === 'zip') return ['zip', new ZipReader(expected)];
  if (signed !== undefined) return known(signed);
  if (isBinaryPickle(head)) return known('pickle');
  if (isOnnx(head)) {
    const program = programByName(name);
    return program === 'saved-model' || program === 'coreml' ? known(program) : ['onnx', onnxReader()];
  }
  if (isSentencepiece(head)) {
    const parse = (bytes: Buffer): Read => {
      checkSentencepiece(bytes);
      return { format: 'sentencepiece' };
    };
    return ['sentencepiece', new WholeReader(expected, MOST_SENTENCEPIECE_BYTES, parse)];
  }
  if (isZlib(head) && !isLikelyText(head)) return known('compressed');
  if (beginsAsTar(head)) return known('tar');
  if (isMarkup(head)) return known('markup');
  if (isTemplateName(name)) return ['text', new TextReader(name, head)];
  if (isJson(name, head))
    return ['json', new JsonReader(/\.json$/i.test(name) ? undefined : new TextReader(name, head))];
  return ['text', new TextReader(name, head)];
}

/**
 * What is called so, and what a reader of JSON may take for it, a byte order mark before it
 * included.
 */
function isJson(name: string, head: Buffer): boolean {
  const text = head
    .toString('latin1', 0, 512)
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  return /\.json$/i.test(name) || text[0] === '{' || /^\[\s*([[{"\]\d-]|true|false|null)/.test(text);
}

/** Some headers of zlib are two letters. */
function isLikelyText(head: Buffer): boolean {
  return head.subarray(0, 64).every((byte) => byte >= 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/** An array's elements are no parameters of a model. */
function numpyContent(head: Buffer, size: number): Read {
  return { format: numpyFormat(head, size) };
}

function onnxReader(): Reader {
  const watcher = new OnnxWatcher();
  return {
    push: (chunk) => watcher.push(chunk),
    get ahead() {
      return watcher.ahead;
    },
    skip: (bytes) => watcher.skip(bytes),
    finish: () => ({ format: 'onnx', ...watcher.finish() }),
  };
}
