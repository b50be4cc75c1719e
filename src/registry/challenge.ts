/**
 * One challenge of a `WWW-Authenticate` header: scheme in lower case, parameters with lower-case
 * names.
 */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** RFC 9110 `token` characters. */
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;

/** A registry needs two or three short challenges; more text than this is not one. */
const MAX_HEADER = 8192;

/**
 * Parses `WWW-Authenticate` (RFC 9110, section 11.6.1): several challenges in one or several
 * headers, parameters quoted or not, commas inside quotes. What does not parse ends the list; it is
 * never guessed at.
 */
export function parseChallenges(headers: string | readonly string[] | undefined): Challenge[] {
  const list = headers === undefined ? [] : typeof headers === 'string' ? [headers] : headers;
  return list.flatMap((header) => (header.length > MAX_HEADER ? [] : new Parser(header).challenges()));
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  challenges(): Challenge[] {
    const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
    for (;;) {
      this.#skip(/[\s,]*/y);
      const word = this.#take(TOKEN);
      if (word === undefined) return challenges;
      const parameter = this.#value();
      if (parameter === undefined) challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
      else {
        const current = challenges.at(-1);
        if (current === undefined) return challenges;
        const name = word.toLowerCase();
        // The first value of a name counts: a second one is an attempt to say two things at once.
        if (!current.parameters.has(name)) current.parameters.set(name, parameter);
      }
    }
  }

  /** What follows `=`, if there is one; a scheme is followed by a space instead. */
  #value(): string | undefined {
    const before = this.#at;
    this.#skip(/\s*/y);
    if (this.#text[this.#at] !== '=') {
      this.#at = before;
      return undefined;
    }
    this.#at += 1;
    this.#skip(/\s*/y);
    if (this.#text[this.#at] !== '"') return this.#take(TOKEN) ?? '';
    const quoted = this.#take(/"(?:[^"\\]|\\.)*"/y);
    if (quoted === undefined) {
      this.#at = this.#text.length;
      return '';
    }
    return quoted.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skip(pattern: RegExp): void {
    this.#take(pattern);
  }
}
