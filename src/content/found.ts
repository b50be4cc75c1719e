import type { Facts, FileContent, Finding } from './format.ts';
import { packContent } from './format.ts';

/** Files of which what was found is told in words; the others are in the table alone. */
export const MOST_NOTES = 1000;
/** Files that say something of the model: configurations, cards, metadata. */
const MOST_FACTS = 256;

/**
 * What the files of an artifact are, by their numbers in its listing: 16 bits each (`packContent`),
 * in shared memory.
 */
export type ContentTable = Uint16Array;

export function createContentTable(files: number): ContentTable {
  return new Uint16Array(new SharedArrayBuffer(2 * files));
}

/** What is told of one file. */
export interface ContentNote {
  /** Its number in the listing. */
  readonly index: number;
  readonly findings: readonly Finding[];
}

/** Tensors of all files. */
export interface Tensors {
  readonly parameters: number;
  readonly tensors: number;
  readonly types: Readonly<Record<string, number>>;
}

/** What one thread found in its share of the files. */
export interface ContentShare extends Tensors {
  readonly notes: readonly ContentNote[];
  readonly facts: readonly { readonly index: number; readonly facts: Facts }[];
}

/** Gathers what a thread finds. */
export class ContentGatherer {
  readonly #table: ContentTable;
  readonly #notes: ContentNote[] = [];
  readonly #facts: { index: number; facts: Facts }[] = [];
  readonly #types: Record<string, number> = {};
  #parameters = 0;
  #tensors = 0;

  constructor(table: ContentTable) {
    this.#table = table;
  }

  /** @param index - of a file that was read to its end */
  add(index: number, content: FileContent): void {
    this.#table[index] = packContent(content);
    const { findings, facts } = content;
    if (findings.length > 0 && this.#notes.length < MOST_NOTES) this.#notes.push({ index, findings });
    const { parameters = 0, tensors = 0, types = {}, ...words } = facts;
    this.#parameters += parameters;
    this.#tensors += tensors;
    for (const [type, count] of Object.entries(types)) this.#types[type] = (this.#types[type] ?? 0) + count;
    if (Object.keys(words).length > 0 && this.#facts.length < MOST_FACTS) this.#facts.push({ index, facts: words });
  }

  get share(): ContentShare {
    const tensors = { parameters: this.#parameters, tensors: this.#tensors, types: this.#types };
    return { ...tensors, notes: this.#notes, facts: this.#facts };
  }
}

/** What an artifact is. */
export interface ContentFound {
  readonly table: ContentTable;
  readonly notes: ReadonlyMap<number, readonly Finding[]>;
  /**
   * What its files say together; of several that say the same, the one nearest to the root counts.
   */
  readonly facts: Facts & Tensors;
}

/** @param nameOf - the path of a file, by its number */
export function mergeContent(
  table: ContentTable,
  shares: readonly ContentShare[],
  nameOf: (index: number) => string,
): ContentFound {
  const types: Record<string, number> = {};
  for (const share of shares)
    for (const [type, count] of Object.entries(share.types)) types[type] = (types[type] ?? 0) + count;
  const sum = (key: 'parameters' | 'tensors') => shares.reduce((total, share) => total + share[key], 0);
  const depth = (path: string) => path.split('/').length;
  const said = shares
    .flatMap(({ facts }) => facts.map((one) => ({ ...one, name: nameOf(one.index) })))
    .sort((a, b) => depth(a.name) - depth(b.name) || (a.name < b.name ? -1 : 1));
  // The first one that says something comes last.
  const words: Facts = Object.assign({}, ...said.reverse().map(({ facts }) => facts));
  return {
    table,
    notes: new Map(shares.flatMap(({ notes }) => notes.map(({ index, findings }) => [index, findings] as const))),
    facts: { ...words, parameters: sum('parameters'), tensors: sum('tensors'), types },
  };
}
