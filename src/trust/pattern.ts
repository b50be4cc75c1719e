import { WeighlockError } from '../error/index.ts';

/**
 * Milliseconds by the clock: a pattern that has not decided by then never will, within reason. A
 * container with a tenth of a processor stands still for 90 ms at a time.
 */
const MATCH_MS = 500;

/** RFC 5280 sets no bound for names; nobody's workflow address is longer. */
const MAX_SUBJECT_LENGTH = 4096;

/**
 * Exactly one text, or every text that a regular expression matches from its first to its last
 * character.
 */
export type TextPattern = { readonly exact: string } | { readonly regexp: string };

/**
 * Of certificates that name no OIDC issuer, as GitHub's for its releases: written `none`. Every
 * certificate of the public instance names one, so that nobody there fits.
 */
export const NO_ISSUER: TextPattern = { exact: '' };

/**
 * Checks that a regular expression is one that can be meant.
 *
 * @throws WeighlockError `CONFIG_INVALID` when it does not compile, or matches everything
 */
export function checkPattern(pattern: TextPattern, name: string): void {
  const invalid = (message: string, remedy: string) => new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
  if ('exact' in pattern) {
    if (pattern.exact === '') throw invalid(`${name} is empty`, 'name whom you trust');
    return;
  }
  if (pattern.regexp.length > 1000) throw invalid(`${name} is longer than 1000 characters`, 'write it shorter');
  let compiled: RegExp;
  try {
    compiled = anchored(pattern.regexp);
  } catch (error) {
    throw invalid(`${name} is not a regular expression: ${(error as Error).message}`, 'correct the expression');
  }
  // What matches these, and nothing in particular, matches anybody.
  if (['', 'a', 'https://attacker.example/x', 'nobody@attacker.example'].some((text) => compiled.test(text)))
    throw invalid(`${name} matches anybody`, 'name at least the host and the organisation that you trust');
}

/**
 * True when the text is the one that is meant; a match that takes too long is none (catastrophic
 * backtracking).
 */
export async function matchesPattern(pattern: TextPattern, text: string): Promise<boolean> {
  if ('exact' in pattern) return pattern.exact === text;
  if (text.length > MAX_SUBJECT_LENGTH) return false;
  const { runInNewContext } = await import('node:vm');
  try {
    return (
      runInNewContext(
        'new RegExp(source, "u").test(text)',
        { source: `^(?:${pattern.regexp})$`, text },
        { timeout: MATCH_MS },
      ) === true
    );
  } catch {
    return false;
  }
}

export function patternText(pattern: TextPattern): string {
  return 'exact' in pattern ? pattern.exact : `/^${pattern.regexp}$/`;
}

function anchored(source: string): RegExp {
  // Compiled alone first: `a)|(b` is two halves of one that escapes its anchors.
  new RegExp(source, 'u');
  return new RegExp(`^(?:${source})$`, 'u');
}
