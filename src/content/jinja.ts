// Chat templates: which of them stay within what a template needs. Loaders run them in a sandbox, some of them in none (CVE-2024-34359), and a
// sandbox that is left by an attribute of an attribute is the history of Jinja's advisories. So there is a grammar, and nothing else:
// no attribute that begins with an underscore, by whatever spelling; no filter, test, function or statement that is not listed.
import { type Finding, shown } from './format.ts';

const MOST_TEMPLATE = 1 << 20;

const STATEMENTS = new Set(
  'for endfor if elif else endif set endset macro endmacro break continue generation endgeneration raw endraw filter endfilter call endcall'.split(
    ' ',
  ),
);
const FILTERS = new Set(
  'abs batch capitalize count default d dictsort e escape first float groupby indent int items join last length list lower map max min reject rejectattr replace reverse round safe select selectattr slice sort string sum title tojson trim truncate unique upper urlencode wordcount'.split(
    ' ',
  ),
);
const FUNCTIONS = new Set('raise_exception strftime_now range namespace dict caller loop'.split(' '));
const METHODS = new Set(
  'append capitalize count endswith find get index isdigit items join keys lower lstrip pop replace rfind rsplit rstrip split splitlines startswith strip title upper values update'.split(
    ' ',
  ),
);
/** What sandboxes were left through. */
const OBJECTS = new Set(
  'self cycler joiner lipsum request config url_for get_flashed_messages context environment'.split(' '),
);

interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign';
  readonly text: string;
}

/** What a chat template does beyond the grammar, if anything. */
export function templateFinding(template: string): Finding[] {
  const fault = faultOf(template);
  return fault === undefined ? [] : [{ kind: 'jinja', text: `a chat template ${fault}` }];
}

function faultOf(template: string): string | undefined {
  if (template.length > MOST_TEMPLATE) return `has more than ${MOST_TEMPLATE} characters`;
  const macros = new Set([...template.matchAll(/\{%[-+]?\s*macro\s+(\w+)/g)].map(([, name]) => name ?? ''));
  const built = new Set<string>();
  for (let at = template.search(/\{[{%#]/); at >= 0; ) {
    const kind = template[at + 1];
    if (kind === '#') {
      const end = template.indexOf('#}', at + 2);
      if (end < 0) return 'has a comment without end';
      at = nextTag(template, end + 2);
      continue;
    }
    const read = tokensOf(template, at + 2, kind === '%' ? '%}' : '}}');
    if (typeof read === 'string') return read;
    const fault =
      kind === '%' ? statementFault(read.tokens, macros, built) : expressionFault(read.tokens, macros, built);
    if (fault !== undefined) return fault;
    const isRaw = kind === '%' && read.tokens[0]?.text === 'raw';
    const end = isRaw ? /\{%[-+]?\s*endraw\s*[-+]?%\}/.exec(template.slice(read.end)) : undefined;
    if (end === null) return 'has raw text without end';
    at = nextTag(template, end === undefined ? read.end : read.end + end.index + end[0].length);
  }
  return undefined;
}

function nextTag(template: string, from: number): number {
  const pattern = /\{[{%#]/g;
  pattern.lastIndex = from;
  return pattern.exec(template)?.index ?? -1;
}

/** The tokens of a tag, up to its end outside of any text. */
function tokensOf(template: string, from: number, end: string): { tokens: Token[]; end: number } | string {
  const pattern =
    /\s+|([A-Za-z_]\w*)|('(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)|([-+]?%\}|[-+]?\}\}|\*\*|\/\/|[=!<>]=|[-+*/%~|.,:()[\]{}<>=])/y;
  const tokens: Token[] = [];
  let depth = 0;
  pattern.lastIndex = from;
  for (;;) {
    const match = pattern.exec(template);
    if (match === null) return 'cannot be read as Jinja';
    const [all, name, text, number] = match;
    let [, , , , sign] = match;
    if (sign !== undefined && depth > 0 && sign.endsWith('}')) {
      // Braces of a dictionary within the tag.
      const first = sign[0] ?? '';
      pattern.lastIndex -= sign.length - first.length;
      sign = first;
    }
    if (sign?.endsWith(end) === true && depth === 0) return { tokens, end: pattern.lastIndex };
    if (sign === '{') depth++;
    if (sign === '}') depth--;
    if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (text !== undefined) {
      const decoded = unescaped(text);
      if (decoded === undefined) return `has the escape of a text that is not usual: ${shown(text)}`;
      tokens.push({ kind: 'text', text: decoded });
    } else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
    else if (all.trim() !== '') return 'cannot be read as Jinja';
  }
}

function unescaped(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  if (/\\[^nrt\\'"\n]/.test(inner)) return undefined;
  return inner.replace(/\\([\s\S])/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t' })[c] ?? c);
}

function statementFault(tokens: readonly Token[], macros: ReadonlySet<string>, built: Set<string>): string | undefined {
  const first = tokens[0]?.text ?? '';
  if (first === '-' || first === '+') return statementFault(tokens.slice(1), macros, built);
  if (!STATEMENTS.has(first)) return `has the statement ${shown(first)}`;
  const rest = tokens.slice(1);
  if (first === 'filter' && !FILTERS.has(rest[0]?.text ?? '')) return `has the filter ${shown(rest[0]?.text ?? '')}`;
  const fault = expressionFault(first === 'macro' ? rest.slice(1) : rest, macros, built, first === 'macro');
  if (fault !== undefined) return fault;
  // What a text was put together in may be a name that no single text shows. A block form takes whatever is printed.
  if (first === 'set') {
    const equals = rest.findIndex(({ text }) => text === '=');
    const value = equals < 0 ? undefined : rest.slice(equals + 1);
    const names = rest.slice(0, equals < 0 ? 1 : equals).filter(({ kind }) => kind === 'name');
    if (value === undefined || isBuilt(value, built)) for (const { text } of names) built.add(text);
  }
  if (first === 'for') {
    const at = rest.findIndex(({ text, kind }) => kind === 'name' && text === 'in');
    if (isBuilt(rest.slice(at + 1), built)) for (const { text } of rest.slice(0, at)) built.add(text);
  }
  return undefined;
}

/** Whether a value may be a text that the template made itself. */
function isBuilt(tokens: readonly Token[], built: ReadonlySet<string>): boolean {
  return tokens.some(
    ({ kind, text }, i) =>
      kind === 'text' || text === '~' || (kind === 'name' && built.has(text) && tokens[i - 1]?.text !== '.'),
  );
}

function expressionFault(
  tokens: readonly Token[],
  macros: ReadonlySet<string>,
  built: ReadonlySet<string>,
  isSignature = false,
): string | undefined {
  for (const [i, token] of tokens.entries()) {
    const before = tokens[i - 1];
    const after = tokens[i + 1];
    if (token.kind === 'text' && /__/.test(token.text)) return `has the text ${shown(token.text)}`;
    if (token.kind === 'name') {
      const { text } = token;
      if (text.startsWith('_')) return `uses the name ${shown(text)}`;
      if (before?.text === '|') {
        if (!FILTERS.has(text)) return `uses the filter ${shown(text)}`;
      } else if (before?.text === '.' && before.kind === 'sign') {
        if (after?.text === '(' && !METHODS.has(text)) return `calls the method ${shown(text)}`;
        if (/^(format|format_map|mro|gi_|cr_|f_|tb_|co_|func_|im_)/.test(text) && text !== 'format')
          return `uses the attribute ${shown(text)}`;
      } else {
        if (OBJECTS.has(text)) return `uses the name ${shown(text)}`;
        const isCall = after?.kind === 'sign' && after.text === '(' && !isWord(text);
        if (isCall && before?.text !== 'is' && !isSignature && !FUNCTIONS.has(text) && !macros.has(text))
          return `calls ${shown(text)}`;
      }
    }
    if (token.kind === 'sign' && token.text === '(' && before?.kind === 'sign' && /^[)\]]$/.test(before.text))
      return 'calls what another call returned';
    if (token.kind === 'sign' && token.text === '[' && isSubscript(before)) {
      const fault = subscriptFault(inside(tokens, i), built);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

/** Words after which a bracket opens an expression of its own. */
function isWord(text: string): boolean {
  return /^(and|or|not|in|is|if|else|elif|recursive)$/.test(text);
}

function isSubscript(before: Token | undefined): boolean {
  if (before === undefined) return false;
  if (before.kind === 'name') return !isWord(before.text);
  return before.kind === 'text' || before.text === ')' || before.text === ']' || before.text === '}';
}

function inside(tokens: readonly Token[], open: number): readonly Token[] {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: '' };
    if (kind !== 'sign') continue;
    if (text === '[' || text === '(' || text === '{') depth++;
    else if ((text === ']' || text === ')' || text === '}') && --depth === 0) return tokens.slice(open + 1, i);
  }
  return tokens.slice(open + 1);
}

/** A subscript is an attribute by another name: it is one text, or not put together out of any. */
function subscriptFault(tokens: readonly Token[], built: ReadonlySet<string>): string | undefined {
  const [only] = tokens;
  if (tokens.length === 1 && only?.kind === 'text')
    return only.text.startsWith('_') ? `uses the attribute ${shown(only.text)}` : undefined;
  // Texts within a further pair of brackets are subscripts of their own.
  const own: Token[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'sign' && token.text === ']') depth--;
    if (depth === 0) own.push(token);
    if (token.kind === 'sign' && token.text === '[') depth++;
  }
  const isPiped = own.some(({ kind, text }) => kind === 'sign' && text === '|');
  if (isBuilt(own, built) || isPiped) return 'puts the name of an attribute together';
  return undefined;
}
