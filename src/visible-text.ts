/**
 * What a reader cannot see or what moves the rest of a line: control characters (C0, DEL, C1),
 * formatting and bidirectional ones, separators of lines, blanks that are no space, lone
 * surrogates, and everything that Unicode says to draw as nothing (zero-width characters, variation
 * selectors, fillers, tags).
 */
const HIDDEN = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}\p{Cs}\p{Default_Ignorable_Code_Point}]--[ ]]/gv;

/**
 * Text from outside (a file name, a variable) made safe to show to a person: what is hidden becomes
 * `\u{...}`.
 */
export function visible(text: string): string {
  return text.replace(HIDDEN, (c) => (c === '\n' ? '\\n' : `\\u{${c.codePointAt(0)?.toString(16)}}`));
}

/**
 * JSON in which nothing is hidden either; it says the same to whoever parses it.
 *
 * @param indent - blanks of each level, on lines of its own
 */
export function jsonText(value: unknown, indent = 0): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  // A line break that is there is between values: those in texts are escaped already.
  return JSON.stringify(value, null, indent).replace(HIDDEN, (c) =>
    c === '\n' ? c : c.split('').map(escaped).join(''),
  );
}

/** The same for text of several lines, which stay lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
