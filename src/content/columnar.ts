import { Unsound } from './cursor.ts';
import type { Read, Reader } from './inspector.ts';

/**
 * What ends a whole file of each format (Parquet's `PARE` is an encrypted footer, which nobody here
 * can read).
 */
const ENDS = { parquet: 'PAR1', arrow: 'ARROW1' } as const;

/**
 * A type of PyArrow whose pickle is loaded with the schema, by versions before 14.0.1
 * (CVE-2023-47248).
 */
const PICKLED_TYPE = 'arrow.py_extension_type';

/**
 * That name, and how it looks within the base64 of a schema, wherever in a group of three bytes it
 * begins.
 */
const NEEDLES = [
  PICKLED_TYPE,
  ...[0, 1, 2].map((before) => {
    const text = Buffer.from('.'.repeat(before) + PICKLED_TYPE).toString('base64');
    const first = Math.ceil((before * 4) / 3);
    return text.slice(first, Math.floor(((before + PICKLED_TYPE.length) * 4) / 3));
  }),
].map((text) => Buffer.from(text));
const LONGEST = Math.max(...NEEDLES.map(({ length }) => length));

/** Tables of Parquet or Arrow: how they begin and end, and no type that is a pickle. */
export class ColumnarReader implements Reader {
  readonly ahead = Number.POSITIVE_INFINITY;
  readonly #format: 'parquet' | 'arrow';
  #isWhole = true;
  #last = Buffer.alloc(0);
  #isPickled = false;

  constructor(format: 'parquet' | 'arrow') {
    this.#format = format;
  }

  push(chunk: Buffer): void {
    const edge = Buffer.concat([this.#last, chunk.subarray(0, LONGEST)]);
    this.#isPickled ||= NEEDLES.some((needle) => edge.includes(needle) || chunk.includes(needle));
    const kept = Buffer.concat([this.#last, chunk.subarray(-LONGEST)]);
    this.#last = kept.subarray(-LONGEST);
  }

  skip(): void {
    this.#isWhole = false;
  }

  finish(): Read {
    if (this.#isPickled) throw new Unsound(`it has the type ${PICKLED_TYPE}, which is a pickle`);
    const end = ENDS[this.#format];
    if (!this.#isWhole || this.#last.toString('latin1').endsWith(end)) return { format: this.#format };
    throw new Unsound(`it does not end with ${end}`);
  }
}
