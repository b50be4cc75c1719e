import { FORMATS, KINDS, type Kind } from '../content/index.ts';
import { WeighlockError } from '../error/index.ts';
import { nearest } from './nearest.ts';

/** Stars of one pattern: each multiplies what matching may cost. */
const MOST_STARS = 8;
const MOST_PATTERN = 1024;

/** Files that may be what the others may not be. */
export interface ContentException {
  /**
   * Patterns of whole paths from the artifact's root: `*` and `?` within a name, `**` across
   * folders.
   */
  readonly paths: readonly string[];
  readonly kinds: readonly Kind[];
}

/** Every file is of a format that is named, and sound. */
export interface ContentRequirement {
  readonly kind: 'content';
  /** Never empty. */
  readonly allowed: readonly Kind[];
  readonly exceptions: readonly ContentException[];
  /** CEL over `content`, each of which must be true. */
  readonly conditions: readonly string[];
  readonly origin: string;
}

/**
 * One name of a format, or of something that a harmless file may have.
 *
 * @returns undefined, and what is near, for none
 */
export function kindNamed(text: string): { readonly kind: Kind } | { readonly near: string | undefined } {
  const kind = KINDS.find((one) => one === text);
  return kind === undefined ? { near: nearest(text, [...KINDS]) } : { kind };
}

/** Why a pattern cannot be used, if so. */
export function patternFault(pattern: string): string | undefined {
  if (pattern === '' || pattern.length > MOST_PATTERN) return 'it is empty or very long';
  if (pattern.startsWith('/') || pattern.split('/').some((part) => part === '..' || part === '.' || part === ''))
    return 'it is no path from the root of the artifact';
  if ((pattern.match(/\*/g) ?? []).length > MOST_STARS) return `it has more than ${MOST_STARS} stars`;
  return undefined;
}

/**
 * `--allow-formats`, and the exceptions of `--allow-formats-in` (`PATTERN=KIND[,KIND...]`).
 *
 * @throws WeighlockError `USAGE`
 */
export function contentFromFlags(
  formats: readonly string[],
  exceptions: readonly string[],
): ContentRequirement | undefined {
  if (formats.length === 0 && exceptions.length === 0) return undefined;
  const allowed = kindsOf(formats, '--allow-formats');
  if (allowed.length === 0)
    throw usage('--allow-formats-in was given without --allow-formats', 'name what all files may be');
  return {
    kind: 'content',
    allowed,
    exceptions: exceptions.map((text) => {
      const at = text.lastIndexOf('=');
      const pattern = at < 0 ? '' : text.slice(0, at);
      const fault = at < 0 ? 'it has no =' : patternFault(pattern);
      if (fault !== undefined)
        throw usage(`--allow-formats-in ${text}: ${fault}`, "write PATTERN=FORMAT, e.g. 'code/*.py=python'");
      return { paths: [pattern], kinds: kindsOf([text.slice(at + 1)], '--allow-formats-in') };
    }),
    conditions: [],
    origin: '--allow-formats',
  };
}

function kindsOf(lists: readonly string[], flag: string): Kind[] {
  return lists
    .flatMap((list) => list.split(','))
    .map((text) => {
      const found = kindNamed(text.trim());
      if ('kind' in found) return found.kind;
      const near = found.near === undefined ? '' : `; did you mean ${found.near}?`;
      throw usage(`${flag}: there is no format ${JSON.stringify(text)}${near}`, `formats are ${FORMATS.join(', ')}`);
    });
}

function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}

/** Whether a path is one of those that patterns mean. */
export function matcherOf(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${expressionOf(pattern)}$`, 's'));
  return (path) => expressions.some((one) => one.test(path));
}

function expressionOf(pattern: string): string {
  return pattern.replace(/\*\*\/|\*+|\?|[\\^$.|+()[\]{}]/g, (part) => {
    if (part === '**/') return '(?:[^/]+/)*';
    if (part === '*') return '[^/]*';
    if (part.startsWith('*')) return '.*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
}
