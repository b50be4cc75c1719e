// Chat templates: which of them stay within what a template needs. Loaders run them in a sandbox,
// some of them in none (CVE-2024-34359), and a sandbox that is left by an attribute of an attribute
// is the history of Jinja's advisories. So there is a grammar, and nothing else: no attribute that
// begins with an underscore, by whatever spelling; no filter, function or statement that is not
// listed.
import { type Finding, shown } from './format.ts';
import { argumentsOf, inside, type Tag, type Token, tagsOf } from './jinja-tokens.ts';
import { BuiltNames, isSubscript, isWord, type Macro, macrosOf } from './jinja-values.ts';

/** The longest ones of public models have some 30,000 characters. */
const MOST_TEMPLATE = 1 << 18;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const STATEMENTS = words(
  'for endfor if elif else endif set endset macro endmacro break continue generation endgeneration filter endfilter call endcall',
);
const FILTERS = words(
  'abs batch capitalize count default d dictsort e escape first float groupby indent int items join last length list lower map max min reject rejectattr replace reverse round safe select selectattr slice sort string sum title tojson trim truncate unique upper urlencode wordcount',
);
const FUNCTIONS = words('raise_exception strftime_now range namespace dict caller loop');
const METHODS = words(
  'append capitalize count endswith extend find get index insert isdigit items join keys lower lstrip pop replace rfind rsplit rstrip split splitlines startswith strip title upper values update',
);
/** What sandboxes were left through. */
const OBJECTS = words('self cycler joiner lipsum request config url_for get_flashed_messages context environment');
/**
 * Filters that take the name of an attribute, and from which argument on they take values alone.
 */
const BY_ATTRIBUTE = new Map(
  'groupby map max min sort sum unique'
    .split(' ')
    .map((name) => [name, Number.POSITIVE_INFINITY] as const)
    .concat([
      ['selectattr', 2],
      ['rejectattr', 2],
      ['select', 1],
      ['reject', 1],
    ]),
);
/** Keywords of these filters that name no attribute. */
const VALUE_KEYWORDS = words('d default start reverse case_sensitive');
const NUMERIC_FILTERS = words('length count int abs round');

/** What a chat template does beyond the grammar, if anything. */
export function templateFinding(template: string): Finding[] {
  const fault = faultOf(template);
  return fault === undefined ? [] : [{ kind: 'jinja', text: `a chat template ${fault}` }];
}

function faultOf(template: string): string | undefined {
  if (template.length > MOST_TEMPLATE) return `has more than ${MOST_TEMPLATE} characters`;
  const tags = tagsOf(template);
  if (typeof tags === 'string') return tags;
  const macros = macrosOf(tags);
  const built = new BuiltNames(macros);
  if (!built.follow(tags)) return 'hands on values further than can be followed';
  const check = new Check(macros, built);
  for (const tag of tags) {
    const fault = check.tag(tag);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

class Check {
  readonly #macros: ReadonlyMap<string, Macro>;
  readonly #built: BuiltNames;

  constructor(macros: ReadonlyMap<string, Macro>, built: BuiltNames) {
    this.#macros = macros;
    this.#built = built;
  }

  /** What is beyond the grammar in a tag. */
  tag({ isStatement, tokens }: Tag): string | undefined {
    if (!isStatement) return this.#expression(tokens);
    const first = tokens[0]?.text ?? '';
    if (!STATEMENTS.has(first)) return `has the statement ${shown(first)}`;
    const rest = tokens.slice(1);
    if (first === 'filter' && (rest.length !== 1 || !FILTERS.has(rest[0]?.text ?? '')))
      return `has the filter ${shown(rest[0]?.text ?? '')}`;
    const renamed = this.#renamed(first, rest);
    if (renamed !== undefined) return `gives the name ${shown(renamed)} to something else`;
    return this.#expression(first === 'macro' ? rest.slice(1) : rest, first === 'macro');
  }

  /** A function's name that becomes that of something else, which could then be called. */
  #renamed(statement: string, rest: readonly Token[]): string | undefined {
    const end = rest.findIndex(({ text }) => text === (statement === 'for' ? 'in' : '='));
    const targets =
      statement === 'macro'
        ? inside(rest, 1).inner
        : statement === 'call'
          ? rest[0]?.text === '('
            ? inside(rest, 0).inner
            : []
          : statement === 'set' || statement === 'for'
            ? rest.slice(0, end < 0 ? 1 : end)
            : [];
    if (statement === 'macro' && FUNCTIONS.has(rest[0]?.text ?? '')) return rest[0]?.text;
    return targets.find(
      ({ kind, text }, i) =>
        kind === 'name' && targets[i - 1]?.text !== '.' && (FUNCTIONS.has(text) || this.#macros.has(text)),
    )?.text;
  }

  #expression(tokens: readonly Token[], isSignature = false): string | undefined {
    for (const [i, token] of tokens.entries()) {
      const before = tokens[i - 1];
      const after = tokens[i + 1];
      if (token.kind === 'text' && /__/.test(token.text)) return `has the text ${shown(token.text)}`;
      const fault = token.kind === 'name' ? this.#name(tokens, i, isSignature) : undefined;
      if (fault !== undefined) return fault;
      if (token.kind !== 'sign') continue;
      if (token.text === '(' && before?.kind === 'sign' && /^[)\]}]$/.test(before.text))
        return 'calls what another call returned';
      if (token.text === '[' && isSubscript(before)) {
        const wrong = this.#subscript(inside(tokens, i).inner);
        if (wrong !== undefined) return wrong;
      }
      if (token.text === '|' && after?.kind !== 'name') return 'uses a filter without a name';
    }
    return undefined;
  }

  #name(tokens: readonly Token[], i: number, isSignature: boolean): string | undefined {
    const { text } = tokens[i] as Token;
    const before = tokens[i - 1];
    const isCalled = tokens[i + 1]?.kind === 'sign' && tokens[i + 1]?.text === '(';
    if (before?.text === '|') {
      if (!FILTERS.has(text)) return `uses the filter ${shown(text)}`;
      return isCalled ? this.#filterArguments(text, inside(tokens, i + 1).inner) : undefined;
    }
    if (before?.text === '.' && before.kind === 'sign') {
      if (text.startsWith('_')) return `uses the attribute ${shown(text)}`;
      if (isCalled && !METHODS.has(text)) return `calls the method ${shown(text)}`;
      if (/^(format_map|mro|gi_|cr_|ag_|f_|tb_|co_|func_|im_)/.test(text)) return `uses the attribute ${shown(text)}`;
      return undefined;
    }
    if (text.includes('__')) return `uses the name ${shown(text)}`;
    if (OBJECTS.has(text)) return `uses the name ${shown(text)}`;
    if (!isCalled || isWord(text) || before?.text === 'is' || isSignature) return undefined;
    // A test: `x is not in(y)`.
    if (before?.text === 'not' && tokens[i - 2]?.text === 'is') return undefined;
    return FUNCTIONS.has(text) || this.#macros.has(text) ? undefined : `calls ${shown(text)}`;
  }

  /** The name of an attribute is one text, or it is not put together out of any. */
  #filterArguments(filter: string, inner: readonly Token[]): string | undefined {
    const first = BY_ATTRIBUTE.get(filter) ?? (filter === 'join' ? Number.POSITIVE_INFINITY : 0);
    for (const [i, { keyword, value }] of argumentsOf(inner).entries()) {
      if (keyword === '*' && first > 0) return `gives the filter ${filter} arguments that cannot be seen`;
      if (keyword === undefined ? i >= first || (filter === 'join' && i === 0) : first === 0) continue;
      if (keyword !== undefined && VALUE_KEYWORDS.has(keyword)) continue;
      const [only] = value;
      if (value.length !== 1 || only === undefined) {
        if (this.#built.isBuilt(value)) return 'puts the name of an attribute together';
      } else if (only.kind === 'text') {
        if (only.text.split('.').some((part) => part.startsWith('_'))) return `uses the attribute ${shown(only.text)}`;
        if (filter === 'map' && i === 0 && keyword === undefined && !FILTERS.has(only.text))
          return `uses the filter ${shown(only.text)}`;
      } else if (this.#built.isBuilt(value)) return 'puts the name of an attribute together';
      else if (filter === 'map' && i === 0 && keyword === undefined) return 'uses a filter that cannot be seen';
    }
    return undefined;
  }

  /**
   * A subscript is an attribute by another name: it is one text, or not put together out of any.
   */
  #subscript(tokens: readonly Token[]): string | undefined {
    const [only] = tokens;
    if (tokens.length === 1 && only?.kind === 'text')
      return only.text.startsWith('_') ? `uses the attribute ${shown(only.text)}` : undefined;
    const isPiped = tokens.some(({ text }, i) => tokens[i - 1]?.text === '|' && !NUMERIC_FILTERS.has(text));
    return this.#built.isBuilt(tokens) || isPiped ? 'puts the name of an attribute together' : undefined;
  }
}
