import type { Format } from './format.ts';

const LOCAL = Buffer.from('PK\x03\x04', 'latin1');
const HEADER_BYTES = 30;
/** What may be the beginning of a header, and is not known to be one. */
const SHORT_BYTES = LOCAL.length - 1;
/** Headers that are looked at: a file with more of them is none that is taken for data. */
const MOST_HEADERS = 4096;

/**
 * What the names of members say that a zip is, wherever a header of one lies, in a member as well:
 * readers differ in where they look for a directory.
 */
export class ZipNames {
  #isOfArrays = true;
  #hasCode = false;
  #hasPickle = false;
  #hasScripted = false;
  #hasWeights = false;
  #hasKeras = false;
  #hasClass = false;
  #count = 0;
  /** The end of what came, where a header may have begun. */
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): void {
    if (this.#count > MOST_HEADERS) return;
    const bytes = this.#isOpen(chunk) ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = bytes.indexOf(LOCAL);
    while (at >= 0 && this.#count <= MOST_HEADERS) {
      const isWhole = at + HEADER_BYTES <= bytes.length && nameEnd(bytes, at) <= bytes.length;
      if (!isWhole) break;
      this.#see(bytes, at);
      at = bytes.indexOf(LOCAL, at + LOCAL.length);
    }
    // Copied: the chunk is overwritten by whoever gave it.
    const end = Buffer.concat([this.#rest.subarray(-SHORT_BYTES), chunk.subarray(-SHORT_BYTES)]);
    this.#rest = Buffer.from(at >= 0 ? bytes.subarray(at) : end.subarray(-SHORT_BYTES));
  }

  /** Whether a header may begin in what is left over and go on in this chunk. */
  #isOpen(chunk: Buffer): boolean {
    const rest = this.#rest;
    return rest.length > SHORT_BYTES || Buffer.concat([rest, chunk.subarray(0, SHORT_BYTES)]).includes(LOCAL);
  }

  /** What follows is not looked at. */
  skip(): void {
    this.#rest = Buffer.alloc(0);
  }

  /**
   * @returns undefined where all of them are arrays of NumPy: then it is what its directory says
   */
  finish(): Format | undefined {
    const { length } = this.#rest;
    const rest = this.#rest;
    for (let at = rest.indexOf(LOCAL); at >= 0 && at + HEADER_BYTES <= length; at = rest.indexOf(LOCAL, at + 4))
      this.#see(rest, at);
    if (this.#hasCode && this.#hasScripted) return 'torchscript';
    if (this.#hasPickle) return 'torch';
    if (this.#hasKeras && this.#hasWeights) return 'keras';
    if (this.#hasClass) return 'java';
    const isTooMany = this.#count > MOST_HEADERS;
    return this.#count === 0 || isTooMany || !this.#isOfArrays ? 'zip' : undefined;
  }

  #see(bytes: Buffer, at: number): void {
    if (++this.#count > MOST_HEADERS) return;
    const name = bytes.toString('latin1', at + HEADER_BYTES, nameEnd(bytes, at));
    this.#isOfArrays &&= name.endsWith('.npy');
    this.#hasCode ||= /(^|\/)code\/|\.py$/.test(name);
    this.#hasPickle ||= name.endsWith('.pkl');
    this.#hasScripted ||= /(data|constants)\.pkl$/.test(name);
    this.#hasWeights ||= name.endsWith('.h5');
    this.#hasKeras ||= /(^|\/)(config|metadata)\.json$|\.weights\.h5$/.test(name);
    this.#hasClass ||= /META-INF\/MANIFEST\.MF$|\.class$/.test(name);
  }
}

function nameEnd(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES + bytes.readUInt16LE(at + 26);
}
