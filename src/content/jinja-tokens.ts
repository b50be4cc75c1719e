import { shown } from './format.ts';

export interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign';
  readonly text: string;
}

/** `{% ... %}` or `{{ ... }}`. */
export interface Tag {
  readonly isStatement: boolean;
  readonly tokens: readonly Token[];
}

/** What is looked at again for each bracket that it lies in. */
const MOST_NESTED = 64;

const TOKEN =
  /\s+|([A-Za-z_]\w*)|('(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")|(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)|([-+]?%\}|[-+]?\}\}|\*\*|\/\/|[=!<>]=|[-+*/%~|.,:()[\]{}<>=])/y;

/** The tags of a template, without comments and raw text. @returns why it cannot be read, if so */
export function tagsOf(template: string): Tag[] | string {
  const tags: Tag[] = [];
  for (let at = nextTag(template, 0); at >= 0; ) {
    const kind = template[at + 1];
    if (kind === '#') {
      const end = template.indexOf('#}', at + 2);
      if (end < 0) return 'has a comment without end';
      at = nextTag(template, end + 2);
      continue;
    }
    const isStatement = kind === '%';
    // What takes away white space before the tag.
    const from = /[-+]/.test(template[at + 2] ?? '') ? at + 3 : at + 2;
    const read = tokensOf(template, from, isStatement ? '%}' : '}}');
    if (typeof read === 'string') return read;
    const [first, second] = read.tokens;
    let next = read.end;
    if (isStatement && first?.text === 'raw' && second === undefined) {
      const end = /\{%[-+]?\s*endraw\s*[-+]?%\}/.exec(template.slice(next));
      if (end === null) return 'has raw text without end';
      next += end.index + end[0].length;
    } else tags.push({ isStatement, tokens: read.tokens });
    at = nextTag(template, next);
  }
  return tags;
}

function nextTag(template: string, from: number): number {
  const pattern = /\{[{%#]/g;
  pattern.lastIndex = from;
  return pattern.exec(template)?.index ?? -1;
}

/** The tokens of a tag, up to its end outside of any text. */
function tokensOf(template: string, from: number, end: string): { tokens: Token[]; end: number } | string {
  const pattern = new RegExp(TOKEN);
  const tokens: Token[] = [];
  let depth = 0;
  let nested = 0;
  pattern.lastIndex = from;
  for (;;) {
    const match = pattern.exec(template);
    if (match === null) return 'cannot be read as Jinja';
    const [, name, text, number] = match;
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
    if (sign !== undefined && /^[[({]$/.test(sign) && ++nested > MOST_NESTED)
      return `nests brackets more than ${MOST_NESTED} deep`;
    if (sign !== undefined && /^[\])}]$/.test(sign)) nested--;
    if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (text !== undefined) {
      const decoded = unescaped(text);
      if (decoded === undefined) return `has the escape of a text that is not usual: ${shown(text)}`;
      tokens.push({ kind: 'text', text: decoded });
    } else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
}

function unescaped(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  if (/\\[^nrt\\'"\n]/.test(inner)) return undefined;
  // A line that goes on joins what is on both sides.
  return inner.replace(/\\([\s\S])/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t', '\n': '' })[c] ?? c);
}

/** The tokens between a bracket and its partner, and where that is. */
export function inside(tokens: readonly Token[], open: number): { readonly inner: readonly Token[]; end: number } {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    const { kind, text } = tokens[i] ?? { kind: 'sign', text: '' };
    if (kind !== 'sign') continue;
    if (text === '[' || text === '(' || text === '{') depth++;
    else if ((text === ']' || text === ')' || text === '}') && --depth === 0)
      return { inner: tokens.slice(open + 1, i), end: i };
  }
  return { inner: tokens.slice(open + 1), end: tokens.length };
}

/** Tokens between separators that lie in no bracket. */
export function split(tokens: readonly Token[], isSeparator: (token: Token) => boolean): (readonly Token[])[] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (depth === 0 && isSeparator(token)) {
      parts.push([]);
      continue;
    }
    if (token.kind === 'sign' && /^[[({]$/.test(token.text)) depth++;
    if (token.kind === 'sign' && /^[\])}]$/.test(token.text)) depth--;
    parts.at(-1)?.push(token);
  }
  return parts;
}

export interface Argument {
  /** Name of a keyword, or a star. */
  readonly keyword: string | undefined;
  readonly value: readonly Token[];
}

/** Arguments of a call, or parameters of a macro with what they are when nothing is given. */
export function argumentsOf(inner: readonly Token[]): Argument[] {
  if (inner.length === 0) return [];
  return split(inner, ({ kind, text }) => kind === 'sign' && text === ',').map((tokens) => {
    const [first, second] = tokens;
    if (first?.kind === 'sign' && /^\*\*?$/.test(first.text)) return { keyword: '*', value: tokens.slice(1) };
    if (first?.kind === 'name' && second?.kind === 'sign' && second.text === '=')
      return { keyword: first.text, value: tokens.slice(2) };
    return { keyword: undefined, value: tokens };
  });
}
