import type { LineCounter, Node, Pair } from 'yaml';
import { WeighlockError } from '../../error/index.ts';
import { nearest } from '../nearest.ts';

/** Something wrong with a policy, at a place in it. */
export class PolicyError extends WeighlockError {}

/** The text that a value was read from. */
export interface Origin {
  readonly file: string;
  readonly lines: LineCounter;
  /** How the library that read it tells a map from a list. */
  readonly isMap: (node: unknown) => boolean;
  readonly isSeq: (node: unknown) => boolean;
  /** What was wrong so far: a person mends all of it in one go. */
  readonly problems: PolicyError[];
}

/** A value of a YAML document that knows where it stands, and refuses what was not meant. */
export class Value {
  readonly #node: Node | null;
  readonly #at: number;
  readonly #origin: Origin;
  /** Where it stands in the document: `spec.artifacts[0].require`. */
  readonly path: string;

  constructor(node: Node | null, at: number, path: string, origin: Origin) {
    this.#node = node;
    this.#at = node?.range?.[0] ?? at;
    this.#origin = origin;
    this.path = path;
  }

  /** `FILE:LINE:COLUMN` */
  get place(): string {
    const { line, col } = this.#origin.lines.linePos(this.#at);
    return `${this.#origin.file}:${line}:${col}`;
  }

  /** @throws PolicyError always */
  fail(message: string, remedy: string): never {
    throw new PolicyError({
      code: 'CONFIG_INVALID',
      file: this.place,
      message: `${this.path === '' ? 'the policy' : this.path}: ${message}`,
      remedy,
    });
  }

  /** Runs a part of the reading; what is wrong there does not keep the rest from being read. */
  attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof WeighlockError)) throw error;
      const { message, remedy, found } = error;
      const file = error instanceof PolicyError ? (error.file ?? this.place) : this.place;
      const rest = { ...(found === undefined ? {} : { found }), ...(remedy === undefined ? {} : { remedy }) };
      this.#origin.problems.push(new PolicyError({ code: 'CONFIG_INVALID', file, message, ...rest }, { cause: error }));
      return undefined;
    }
  }

  /** @param known - every key that may be there */
  fields<K extends string>(known: readonly K[]): Fields<K> {
    const items = this.#items(this.#origin.isMap);
    if (items === undefined) return this.fail(`it must be a map of ${known.join(', ')}`, 'write it as KEY: VALUE');
    const found = new Map<K, Value>();
    for (const { key, value } of items as Pair<Node, Node | null>[]) {
      const name = scalar(key);
      const here = new Value(key, this.#at, this.path, this.#origin);
      const one = known.find((candidate) => candidate === name);
      if (one === undefined) here.attempt(() => here.#unknown(name, known));
      else found.set(one, new Value(value, key.range?.[0] ?? this.#at, this.#join(`.${one}`), this.#origin));
    }
    return new Fields(this, found);
  }

  /** The entries of a map whose keys are anybody's. */
  entries(): [string, Value][] {
    const items = this.#items(this.#origin.isMap) as Pair<Node, Node | null>[] | undefined;
    if (items === undefined || items.length === 0) return this.fail('it must be a map', 'write it as KEY: VALUE');
    return items.map(({ key, value }) => {
      const name = scalar(key);
      const here = new Value(key, this.#at, this.path, this.#origin);
      if (typeof name !== 'string' || name === '') return here.fail(`${shown(name)} is no name`, 'put it in quotes');
      return [name, new Value(value, key.range?.[0] ?? this.#at, this.#join(`.${name}`), this.#origin)];
    });
  }

  /** The elements of a list; each that is wrong is left out, and remembered. */
  list<T>(read: (element: Value) => T, { least = 1, most = 1000 } = {}): T[] {
    const items = this.#items(this.#origin.isSeq) as (Node | null)[] | undefined;
    if (items === undefined) return this.fail('it must be a list', 'write each element behind a dash');
    if (items.length < least) return this.fail('it is empty', 'name at least one, or leave it out');
    if (items.length > most) return this.fail(`it has more than ${most} elements`, 'split the policy');
    return items.flatMap((item, i) => {
      const element = new Value(item, this.#at, this.#join(`[${i}]`), this.#origin);
      const value = element.attempt(() => read(element));
      return value === undefined ? [] : [value];
    });
  }

  text(): string {
    const value = scalar(this.#node);
    if (typeof value !== 'string') return this.fail('it must be text', 'put it in quotes');
    if (value === '') return this.fail('it is empty', 'give it a value, or leave it out');
    return value;
  }

  oneOf<T extends string>(choices: readonly T[]): T {
    const value = scalar(this.#node);
    const choice = choices.find((one) => one === value);
    if (choice !== undefined) return choice;
    const near = nearest(String(value), choices);
    return this.fail(
      `it cannot be ${shown(value)}`,
      near === undefined ? `use one of: ${choices.join(', ')}` : `did you mean ${near}?`,
    );
  }

  integer(least: number, most: number): number {
    const value = scalar(this.#node);
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.fail(`it cannot be ${shown(value)}`, `give a whole number from ${least} to ${most}`);
  }

  boolean(): boolean {
    const value = scalar(this.#node);
    return typeof value === 'boolean' ? value : this.fail(`it cannot be ${shown(value)}`, 'write true or false');
  }

  /** True for a plain text; false for a map, a list and everything else. */
  get isText(): boolean {
    return typeof scalar(this.#node) === 'string';
  }

  #unknown(name: unknown, known: readonly string[]): never {
    const near = nearest(String(name), known);
    return this.fail(
      `unknown key ${shown(name)}`,
      near === undefined ? `use one of: ${known.join(', ')}` : `did you mean ${near}?`,
    );
  }

  #items(isKind: (node: unknown) => boolean): unknown[] | undefined {
    return isKind(this.#node) ? (this.#node as unknown as { items: unknown[] }).items : undefined;
  }

  #join(part: string): string {
    return this.path === '' ? part.replace(/^\./, '') : this.path + part;
  }
}

/** The entries of a map. */
export class Fields<K extends string> {
  readonly #of: Value;
  readonly #found: ReadonlyMap<K, Value>;

  constructor(of: Value, found: ReadonlyMap<K, Value>) {
    this.#of = of;
    this.#found = found;
  }

  get(key: K): Value | undefined {
    return this.#found.get(key);
  }

  require(key: K): Value {
    return this.#found.get(key) ?? this.#of.fail(`${key} is missing`, `add ${key}`);
  }

  text(key: K): string | undefined {
    return this.get(key)?.text();
  }

  /** The one key that is there, of those that exclude each other. */
  only(keys: readonly K[]): K {
    const given = keys.filter((key) => this.#found.has(key));
    const [first, ...more] = given;
    if (first === undefined) return this.#of.fail(`it says nothing`, `give one of: ${keys.join(', ')}`);
    if (more.length > 0) return this.#of.fail(`${given.join(' and ')} exclude each other`, 'give one of them');
    return first;
  }
}

function scalar(node: unknown): unknown {
  return node !== null && typeof node === 'object' && 'value' in node && !('items' in node) ? node.value : undefined;
}

function shown(value: unknown): string {
  if (value === undefined) return 'a map or a list';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
