import { Unsound } from './cursor.ts';
import type { Finding } from './format.ts';
import type { Read, Reader } from './inspector.ts';
import { codeIn, MOST_FINDINGS, MOST_JSON_BYTES, MOST_LINE_BYTES, parseJson, readJson } from './json.ts';

const LINE_FEED = 0x0a;

/**
 * A document of JSON, or one on each line; what is neither may be a text that begins with a
 * bracket.
 */
export class JsonReader implements Reader {
  readonly #text: Reader | undefined;
  #chunks: Buffer[] = [];
  #length = 0;
  #lines: LineReader | undefined;

  /** @param text - reads what is not JSON after all, where that may be */
  constructor(text: Reader | undefined) {
    this.#text = text;
  }

  push(chunk: Buffer): void {
    this.#text?.push(chunk);
    if (this.#lines !== undefined) {
      this.#lines.push(chunk);
      return;
    }
    this.#chunks.push(Buffer.from(chunk));
    this.#length += chunk.length;
    if (this.#length > MOST_JSON_BYTES) this.#startLines();
  }

  finish(size: number): Read {
    if (this.#lines !== undefined) return this.#lines.finish();
    try {
      return readJson(Buffer.concat(this.#chunks));
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      return this.#otherwise(error, size);
    }
  }

  #startLines(): LineReader {
    this.#lines = new LineReader();
    for (const chunk of this.#chunks) this.#lines.push(chunk);
    this.#chunks = [];
    return this.#lines;
  }

  /** A model card may begin with a link, and a template with a tag: these are texts. */
  #otherwise(fault: Unsound, size: number): Read {
    const whole = Buffer.concat(this.#chunks);
    const isLines = /\}\s*\n\s*[{[]|\]\s*\n\s*[{[]/.test(whole.toString('latin1', 0, MOST_LINE_BYTES));
    if (isLines) {
      try {
        return this.#startLines().finish();
      } catch (error) {
        if (!(error instanceof Unsound)) throw error;
      }
    }
    const isObject = /^(\xef\xbb\xbf)?\s*(\{\s*["}]|\[\s*[{["\]\d])/.test(whole.toString('latin1', 0, 512));
    if (isObject || this.#text === undefined) throw fault;
    return this.#text.finish(size);
  }
}

/** JSON on each line, one after the other: constant memory for data sets of any size. */
class LineReader {
  readonly #findings: Finding[] = [];
  #carry: Buffer[] = [];
  #carried = 0;
  #lines = 0;
  #fault: Unsound | undefined;

  push(chunk: Buffer): void {
    let from = 0;
    for (
      let end = chunk.indexOf(LINE_FEED);
      end >= 0 && this.#fault === undefined;
      end = chunk.indexOf(LINE_FEED, from)
    ) {
      this.#line(Buffer.concat([...this.#carry, chunk.subarray(from, end)]));
      this.#carry = [];
      this.#carried = 0;
      from = end + 1;
    }
    if (this.#fault !== undefined) return;
    this.#carry.push(Buffer.from(chunk.subarray(from)));
    this.#carried += chunk.length - from;
    if (this.#carried > MOST_LINE_BYTES)
      this.#fault = new Unsound(`it has a line of more than ${MOST_LINE_BYTES} bytes`);
  }

  finish(): Read {
    if (this.#carried > 0) this.#line(Buffer.concat(this.#carry));
    if (this.#fault !== undefined) throw this.#fault;
    return { format: 'jsonl', findings: this.#findings };
  }

  #line(line: Buffer): void {
    this.#lines++;
    if (line.toString('latin1', 0, 64).trim() === '' && line.toString('latin1').trim() === '') return;
    try {
      const value = parseJson(line);
      for (const finding of codeIn(value))
        if (this.#findings.filter(({ kind }) => kind === finding.kind).length < MOST_FINDINGS)
          this.#findings.push(finding);
    } catch (error) {
      if (!(error instanceof Unsound)) throw error;
      this.#fault = new Unsound(`line ${this.#lines}: ${error.message}`);
    }
  }
}
