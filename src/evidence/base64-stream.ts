import { MalformedError } from './strict-json.ts';

/** Longest escape of one character in JSON: `\u002f`. */
const ESCAPE = 6;

/**
 * Decodes the text of a JSON string that is base64, piece by piece and as strictly as
 * `decodeBase64`: the standard alphabet, padding at the end, nothing else, and each value written
 * in one way (S35).
 */
export class Base64Stream {
  readonly #what: string;
  readonly #isOnce: boolean;
  /** What may be the beginning of an escape, and letters of which there are not four yet. */
  #unread = '';
  #letters = '';
  #isPadded = false;
  /** What was decoded last. */
  #room = Buffer.alloc(0);

  /**
   * @param isOnce - false for what is read again, and held against the digest of what it came to
   * the first time: then it does not matter how it is written
   */
  constructor(what: string, isOnce = true) {
    this.#what = what;
    this.#isOnce = isOnce;
  }

  /** @returns bytes that are good until the next call @throws MalformedError */
  push(piece: Uint8Array): Buffer {
    const text = this.#unread + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1');
    const whole = text.length - unended(text);
    this.#unread = text.slice(whole);
    return this.#take(text.slice(0, whole));
  }

  /** @throws MalformedError when it ends before the last four letters do */
  end(): Buffer {
    const last = this.#take(this.#unread);
    if (this.#letters !== '') throw this.#fault();
    return last;
  }

  #take(text: string): Buffer {
    const letters = this.#letters + this.#unescaped(text);
    const fours = letters.length - (letters.length % 4);
    this.#letters = letters.slice(fours);
    return this.#decoded(letters.slice(0, fours));
  }

  /** What a JSON parser makes of it: some write `\/` for a slash. */
  #unescaped(text: string): string {
    if (!text.includes('\\')) return text;
    try {
      return JSON.parse(`"${text}"`) as string;
    } catch {
      throw this.#fault();
    }
  }

  #decoded(letters: string): Buffer {
    if (letters === '') return Buffer.alloc(0);
    if (this.#room.length < letters.length) this.#room = Buffer.allocUnsafeSlow(letters.length);
    const bytes = this.#room.subarray(0, this.#room.write(letters, 'base64'));
    if (this.#isPadded || (this.#isOnce && bytes.toString('base64') !== letters)) throw this.#fault();
    this.#isPadded = letters.endsWith('=');
    return bytes;
  }

  #fault(): MalformedError {
    return new MalformedError(`${this.#what} is not base64`);
  }
}

/** Characters at the end that may be the beginning of an escape. */
function unended(text: string): number {
  const tail = text.slice(-(ESCAPE - 1));
  const at = tail.lastIndexOf('\\');
  return at < 0 ? 0 : tail.length - at;
}
