import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What V8 writes for one script. */
interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
  }[];
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly mappings: string;
}

/**
 * Where a line of a bundle has something of a source: offset in the bundle, and file and line of
 * the source.
 */
interface Segment {
  readonly offset: number;
  readonly source: number;
  readonly line: number;
}

interface Bundle {
  readonly length: number;
  /** Absolute paths. */
  readonly sources: readonly string[];
  readonly segments: readonly Segment[];
}

export interface FileCoverage {
  /** From the folder. */
  readonly path: string;
  /** Lines that have code. */
  readonly lines: number;
  readonly covered: number;
  readonly percent: number;
  /** Numbers of the lines that were not reached, from 1. */
  readonly missing: readonly number[];
}

/**
 * Lines of the sources below a folder that were reached, over many processes that ran bundles of
 * them.
 */
export class LineCoverage {
  readonly #folder: string;
  readonly #bundles = new Map<string, Bundle | undefined>();
  /**
   * For each byte of a bundle, whether it was reached by any process: there are thousands of them,
   * and what belongs to which line is looked up once.
   */
  readonly #reached = new Map<Bundle, Uint8Array>();

  /** @param folder - absolute path */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param json - one file that Node wrote into `NODE_V8_COVERAGE` */
  add(json: string): void {
    for (const { url, functions } of (JSON.parse(json) as { result: Script[] }).result) {
      if (!url.startsWith('file:')) continue;
      const bundle = this.#bundleOf(fileURLToPath(url));
      if (bundle !== undefined) this.#addScript(bundle, functions);
    }
  }

  files(): FileCoverage[] {
    const files = new Map<string, Map<number, boolean>>();
    for (const [{ sources, segments }, reached] of this.#reached) {
      const paths = sources.map((source) => relative(this.#folder, source));
      for (const { offset, source, line } of segments) {
        const path = paths[source] ?? '..';
        if (path.startsWith('..')) continue;
        const lines = files.get(path) ?? new Map<number, boolean>();
        files.set(path, lines);
        lines.set(line, lines.get(line) === true || reached[offset] === 1);
      }
    }
    return [...files].map(([path, all]) => {
      const missing = [...all].flatMap(([line, isReached]) => (isReached ? [] : [line + 1])).sort((a, b) => a - b);
      const covered = all.size - missing.length;
      return { path, lines: all.size, covered, percent: (100 * covered) / all.size, missing };
    });
  }

  #addScript(bundle: Bundle, functions: Script['functions']): void {
    const reached = new Uint8Array(bundle.length).fill(1);
    // V8 names what is around before what is inside of it, which counts.
    const ranges = functions
      .flatMap((one) => one.ranges)
      .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
    for (const { startOffset, endOffset, count } of ranges) reached.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    const before = this.#reached.get(bundle);
    if (before === undefined) this.#reached.set(bundle, reached);
    else for (let at = 0; at < reached.length; at++) if (reached[at] === 1) before[at] = 1;
  }

  #bundleOf(file: string): Bundle | undefined {
    if (!this.#bundles.has(file)) this.#bundles.set(file, read(file));
    return this.#bundles.get(file);
  }
}

function read(file: string): Bundle | undefined {
  if (!existsSync(`${file}.map`)) return undefined;
  const code = readFileSync(file, 'utf8');
  const { sources, mappings } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMap;
  const starts = [0];
  for (let at = code.indexOf('\n'); at !== -1; at = code.indexOf('\n', at + 1)) starts.push(at + 1);
  return {
    length: code.length,
    sources: sources.map((source) => resolve(dirname(file), source)),
    segments: [...decode(mappings, starts)],
  };
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Decodes the mappings of a source map (ECMA-426): numbers in base 64, each as the difference to
 * the one before.
 */
function* decode(mappings: string, starts: readonly number[]): Generator<Segment> {
  let [source, line] = [0, 0];
  for (const [row, text] of mappings.split(';').entries()) {
    let column = 0;
    for (const segment of text.split(',')) {
      const [toColumn, toSource, toLine] = numbersOf(segment);
      if (toColumn === undefined) continue;
      column += toColumn;
      if (toSource === undefined || toLine === undefined) continue;
      source += toSource;
      line += toLine;
      yield { offset: (starts[row] ?? 0) + column, source, line };
    }
  }
}

function numbersOf(segment: string): number[] {
  const found: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits >= 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return found;
}
