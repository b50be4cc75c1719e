// YAML as configurations are written in, without a parser of it: what names code is refused by how
// it looks, and so is whatever could make it look otherwise (escapes, aliases as keys, tags in
// other spellings).
import type { Finding } from './format.ts';
import { templateFinding } from './jinja.ts';
import { CODE_KEYS } from './json.ts';

export function isYamlName(name: string): boolean {
  return /(\.ya?ml|(^|\/)mlmodel)$/i.test(name);
}

/**
 * A tag that is neither of YAML's own nor a plain word: `!!python/object`, `!new:torch.nn.Linear`,
 * `!<...>`, `!%70...`.
 */
const CALLING_TAG =
  /(?:^|[\s[{,:?-])(!(?:!(?!(?:str|int|float|bool|null|map|seq|set|omap|pairs|binary|timestamp|merge|value)(?:[\s,\]}]|$))|<|[^\s!]+!|[^\s!]*[:/%])\S{0,80})/m;

const KEYS = Object.keys(CODE_KEYS).join('|');

/**
 * A key that names code, with a value that is not nothing. A key has at most 1,024 characters (YAML
 * 1.2, 7.4.2).
 */
const CODE_KEY = new RegExp(
  `(?:^|[\\s{[,"'?-])(${KEYS})["']?[ \\t]{0,1024}:(?!\\s*(?:false|no|off|null|~|\\{\\}|\\[\\]|""|'')\\s*(?:[#,}\\r\\n]|$))`,
  'im',
);

/**
 * Keys that begin with a question mark may have anything before their colon: then the name alone
 * counts.
 */
const EXPLICIT_KEY = /(?:^|[\s[{,-])\?\s/m;
const CODE_NAME = new RegExp(`(?:^|[\\s"'])(${KEYS})(?:["'\\s]|$)`, 'im');

/**
 * What could spell such a key otherwise: escapes within quotes, a line that goes on, an alias as a
 * key, a prefix of tags.
 */
const DISGUISES: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/"[^"]*\\[xuUN]/, 'escapes of characters by their numbers'],
  [/\\\r?$/m, 'a text that goes on behind a backslash'],
  [/(?:^|[\s{,?-])\*[^\s*,{}[\]]+\s*:/m, 'an alias as a key'],
  [/^%TAG/m, 'a prefix of tags of its own'],
];

/** Everything in a text of YAML that makes its reader run code. */
export function codeInYaml(text: string): Finding[] {
  const add = (what: string): Finding => ({ kind: 'auto-map', text: what });
  const findings: Finding[] = [];
  const tag = CALLING_TAG.exec(text)?.[1];
  if (tag !== undefined) findings.push(add(`the tag ${JSON.stringify(tag)} makes a reader of YAML call something`));
  const found = CODE_KEY.exec(text) ?? (EXPLICIT_KEY.test(text) ? CODE_NAME.exec(text) : undefined);
  const key = found?.[1]?.toLowerCase();
  if (key !== undefined) findings.push(add(`the key ${key} ${CODE_KEYS[key] ?? 'names code'}`));
  for (const [pattern, what] of DISGUISES)
    if (pattern.test(text)) findings.push(add(`YAML with ${what}, in which a name of code may hide`));
  if (/\{[{%]/.test(text) && /_template/.test(text)) findings.push(...templateFinding(text));
  return findings;
}
