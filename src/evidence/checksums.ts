import { type Failure, WeighlockError } from '../error/index.ts';
import { entryText, fromBuffer, isValidUtf8, MAX_PATH_BYTES, type PathBytes } from '../fs/index.ts';

/** What a checksums file promises: for each name its SHA-256 as 64 lower-case hex digits. */
export type Checksums = ReadonlyMap<PathBytes, string>;

/**
 * Longest line in bytes: a name of PATH_MAX bytes of which each may be escaped as two, the digest,
 * `\SHA256 (...) = `, and some reserve. Without a limit a "line" of gigabytes would be collected in
 * memory.
 */
const MAX_LINE_BYTES = 2 * MAX_PATH_BYTES + 128;

/** `sha256sum`: digest, a space, then a space (text) or `*` (binary), name. */
const GNU_LINE = /^(\\?)([0-9a-fA-F]{64}) [ *](.+)$/s;

/** `sha256sum --tag`, and BSD's `sha256`. */
const BSD_LINE = /^(\\?)SHA256 \((.+)\) = ([0-9a-fA-F]{64})$/s;

/**
 * Reads a `SHA256SUMS` file piece by piece: GNU text and binary lines and BSD `--tag` lines, with
 * coreutils' escapes; blank lines and `#` comments are skipped, as `sha256sum --check` does.
 * Anything else is an error: a line that was skipped in silence would be a file that nobody checks.
 *
 * Names are relative to the artifact's folder; a leading `./` is dropped. Names that leave it are
 * refused.
 */
export class ChecksumsParser {
  readonly #entries = new Map<PathBytes, string>();
  readonly #file: string;
  #line = 0;
  #rest = '';

  /** @param file - name of the checksums file, for messages */
  constructor(file: string) {
    this.#file = file;
  }

  /** @throws WeighlockError `CHECKSUMS_INVALID` with the line's number */
  push(piece: Uint8Array): void {
    const lines = (this.#rest + fromBuffer(piece)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#parse(line);
    if (this.#rest.length > MAX_LINE_BYTES) {
      this.#line += 1;
      this.#tooLong();
    }
  }

  /** @throws WeighlockError `CHECKSUMS_INVALID`, also when the file names no file at all */
  end(): Checksums {
    if (this.#rest !== '') this.#parse(this.#rest);
    if (this.#entries.size === 0) this.#invalid('it names no file', 'write it with: sha256sum FILE... > SHA256SUMS');
    return this.#entries;
  }

  #parse(line: string): void {
    this.#line += 1;
    if (line.length > MAX_LINE_BYTES) this.#tooLong();
    if (line.endsWith('\r')) this.#invalid('the line ends with a carriage return', 'convert the file: dos2unix');
    if (line.trim() === '' || line.startsWith('#')) return;
    const [, gnuEscape, gnuHex, gnuName] = GNU_LINE.exec(line) ?? [];
    const [, bsdEscape, bsdName, bsdHex] = BSD_LINE.exec(line) ?? [];
    const hex = gnuHex ?? bsdHex;
    const written = gnuName ?? bsdName;
    if (hex === undefined || written === undefined) {
      this.#invalid('not a line of sha256sum or sha256sum --tag', 'write it with: sha256sum FILE... > SHA256SUMS');
    }
    this.#add(this.#name((gnuEscape ?? bsdEscape) === '\\' ? this.#unescape(written) : written), hex.toLowerCase());
  }

  #unescape(written: string): string {
    return written.replace(/\\(.?)/gs, (_, c: string) => {
      const plain = { '\\': '\\', n: '\n', r: '\r' }[c];
      return plain ?? this.#invalid('unknown escape in the name', 'write the file with sha256sum');
    });
  }

  #name(written: string): PathBytes {
    const name = written.replace(/^(\.\/+)+/, '') as PathBytes;
    const refuse = (why: string) => this.#invalid(`the name ${why}`, 'names are relative to the artifact', name);
    if (!isValidUtf8(name)) refuse('is not valid UTF-8');
    if (name.length > MAX_PATH_BYTES) this.#tooLong();
    if (name.startsWith('/')) refuse('is an absolute path');
    if (name.includes('\0')) refuse('contains a NUL byte');
    const parts = name.split('/');
    if (parts.includes('..')) refuse('leads out of the artifact');
    if (parts.some((part) => part === '' || part === '.')) refuse('is not in its shortest form');
    return name;
  }

  #add(name: PathBytes, hex: string): void {
    const before = this.#entries.get(name);
    if (before !== undefined && before !== hex) {
      this.#invalid('the same file is named twice, with two digests', 'remove the wrong line', name);
    }
    this.#entries.set(name, hex);
  }

  #tooLong(): never {
    this.#invalid(`the line is longer than ${MAX_LINE_BYTES} bytes`, 'is this a checksums file?');
  }

  #invalid(why: string, remedy: string, name?: PathBytes): never {
    const failure: Failure = {
      code: 'CHECKSUMS_INVALID',
      message: `checksums file ${this.#file}, line ${this.#line}: ${why}`,
      ...(name === undefined ? {} : { file: entryText(name) }),
      remedy,
    };
    throw new WeighlockError(failure);
  }
}
