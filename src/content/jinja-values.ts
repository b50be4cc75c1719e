// Which names of a template may hold a text that the template put together itself: such a text may
// be the name of an attribute that no single text shows. The analysis knows no order and no scopes,
// so that no order and no scope can deceive it.
import { argumentsOf, inside, split, type Tag, type Token } from './jinja-tokens.ts';

/** Filters whose result is a text, whatever goes in: that of a function has its name in it. */
const TEXT_FILTERS = new Set(
  'string join escape e safe replace title capitalize upper lower urlencode indent truncate trim tojson'.split(' '),
);
/** Methods that put texts together. */
const COMPOSING = new Set(['join', 'replace']);
/** What puts a value into another one. */
const MUTATING = new Set('append update insert extend setdefault'.split(' '));
/** Chains of assignments that are longer belong to no template. */
const MOST_ROUNDS = 32;

export interface Macro {
  readonly parameters: readonly string[];
}

/** The macros that a template defines. */
export function macrosOf(tags: readonly Tag[]): ReadonlyMap<string, Macro> {
  const macros = new Map<string, Macro>();
  for (const { isStatement, tokens } of tags) {
    const [statement, name] = tokens;
    if (!isStatement || statement?.text !== 'macro' || name?.kind !== 'name') continue;
    const parameters = argumentsOf(inside(tokens, 2).inner).map(
      ({ keyword, value }) => keyword ?? value[0]?.text ?? '',
    );
    const before = macros.get(name.text)?.parameters ?? [];
    macros.set(name.text, { parameters: [...before, ...parameters.slice(before.length)] });
  }
  return macros;
}

/** Names of which a value may be built. */
export class BuiltNames {
  readonly #names = new Set(['varargs', 'kwargs', 'caller']);
  readonly #macros: ReadonlyMap<string, Macro>;

  constructor(macros: ReadonlyMap<string, Macro>) {
    this.#macros = macros;
    for (const name of macros.keys()) this.#names.add(name);
  }

  /** @returns false for a template in which values go further than can be followed */
  follow(tags: readonly Tag[]): boolean {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const before = this.#names.size;
      for (const tag of tags) this.#followTag(tag);
      if (this.#names.size === before) return true;
    }
    return false;
  }

  /** Special tokens are texts of whoever made the model. */
  has(name: string): boolean {
    return this.#names.has(name) || /_tokens?$/.test(name);
  }

  /** Whether a value may be a text that the template made itself. */
  isBuilt(tokens: readonly Token[]): boolean {
    return flowing(tokens).some(({ kind, text }, i, all) => {
      const before = all[i - 1]?.text;
      // Attributes that lead out of a sandbox have underscores; `%` may become one.
      if (kind === 'text') return /[_%]/.test(text) && !isCompared(all, i);
      if (kind !== 'name') return text === '~' || (text === '+' && !isSum(all, i));
      if (before === '|') return TEXT_FILTERS.has(text);
      if (before === '.') return COMPOSING.has(text) && all[i + 1]?.text === '(';
      // A name of an argument is a key of what comes of it.
      if (all[i + 1]?.text === '=') return text.includes('_') && namesKeys(all, i);
      return this.has(text);
    });
  }

  #add(tokens: readonly Token[]): void {
    for (const [i, { kind, text }] of tokens.entries())
      if (kind === 'name' && tokens[i - 1]?.text !== '.') this.#names.add(text);
  }

  #followTag({ isStatement, tokens }: Tag): void {
    const statement = isStatement ? tokens[0]?.text : undefined;
    const rest = tokens.slice(1);
    if (statement === 'set') {
      const [target = [], ...values] = split(rest, ({ kind, text }) => kind === 'sign' && text === '=');
      // A block form takes whatever is printed.
      if (values.length === 0 || values.some((value) => this.isBuilt(value))) this.#add(target);
    } else if (statement === 'for') {
      const [target = [], value = []] = split(rest, ({ kind, text }) => kind === 'name' && text === 'in');
      const [iterated = []] = split(value, ({ kind, text }) => kind === 'name' && text === 'if');
      // One that calls itself iterates over what it is called with.
      if (rest.at(-1)?.text === 'recursive' || rest.length === 0 || this.isBuilt(iterated)) this.#add(target);
    } else if (statement === 'macro') {
      for (const { keyword, value } of argumentsOf(inside(tokens, 2).inner))
        if (keyword !== undefined && (keyword === '*' || this.isBuilt(value))) this.#names.add(keyword);
    } else if (statement === 'call' && rest[0]?.text === '(') this.#add(inside(rest, 0).inner);
    this.#followCalls(tokens);
  }

  #followCalls(tokens: readonly Token[]): void {
    for (const [i, { kind, text }] of tokens.entries()) {
      if (kind !== 'name' || tokens[i + 1]?.text !== '(') continue;
      const given = argumentsOf(inside(tokens, i + 1).inner);
      const isMethod = tokens[i - 1]?.text === '.';
      if (
        isMethod &&
        MUTATING.has(text) &&
        given.some(({ keyword, value }) => keyword?.includes('_') === true || this.isBuilt(value))
      )
        this.#add(tokens);
      const parameters = isMethod ? undefined : this.#macros.get(text)?.parameters;
      if (parameters === undefined || tokens[i - 1]?.text === 'macro') continue;
      for (const [at, { keyword, value }] of given.entries()) {
        if (!this.isBuilt(value)) continue;
        if (keyword === '*') for (const one of parameters) this.#names.add(one);
        else this.#names.add(keyword ?? parameters[at] ?? 'varargs');
      }
    }
  }
}

/** Without what is only looked up by: the keys of subscripts, and of `get`. */
function flowing(tokens: readonly Token[]): Token[] {
  const kept: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token;
    const isKey = token.kind === 'sign' && token.text === '[' && isSubscript(tokens[i - 1]);
    const isGet =
      token.kind === 'text' &&
      tokens[i - 1]?.text === '(' &&
      tokens[i - 2]?.text === 'get' &&
      tokens[i - 3]?.text === '.';
    if (isKey) i = inside(tokens, i).end;
    else if (!isGet) kept.push(token);
  }
  return kept;
}

/** Of a comparison only whether it holds goes on. */
function isCompared(tokens: readonly Token[], at: number): boolean {
  return [tokens[at - 1], tokens[at + 1]].some(
    (token) => token !== undefined && (/^[=!]=$/.test(token.text) || (token.kind === 'name' && token.text === 'in')),
  );
}

/** Of numbers: one of both sides is one that stands there, or a position in a loop. */
function isSum(tokens: readonly Token[], at: number): boolean {
  const [before, after] = [tokens[at - 1], tokens[at + 1]];
  const isPosition = before?.kind === 'name' && /^(rev)?index0?$/.test(before.text) && tokens[at - 2]?.text === '.';
  return before?.kind === 'number' || after?.kind === 'number' || isPosition;
}

/** Whether the call that a keyword is an argument of makes a dictionary of it. */
function namesKeys(tokens: readonly Token[], at: number): boolean {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: '' };
    if (kind !== 'sign') continue;
    if (/^[\])}]$/.test(text)) depth++;
    if (/^[[({]$/.test(text) && depth-- === 0) return tokens[i - 1]?.text === 'dict';
  }
  return false;
}

/** Words after which a bracket opens an expression of its own. */
export function isWord(text: string): boolean {
  return /^(and|or|not|in|is|if|else|elif|recursive)$/.test(text);
}

/** Whether a bracket behind this is a subscript of it. */
export function isSubscript(before: Token | undefined): boolean {
  if (before === undefined) return false;
  if (before.kind === 'name') return !isWord(before.text);
  return before.kind === 'text' || before.text === ')' || before.text === ']' || before.text === '}';
}
