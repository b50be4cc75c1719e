/**
 * Which files of a store are wanted: those that an `include` names, or all, without those that an
 * `exclude` names.
 */
export interface Patterns {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/**
 * What huggingface_hub's `filter_repo_objects` keeps: fnmatch(3) of Python on the whole path, where
 * `*` and `?` stand for a slash, too; a pattern that ends with a slash means what is below that
 * folder.
 */
export function isWanted(name: string, { include, exclude }: Patterns): boolean {
  const fits = (pattern: string) => matchesPattern(name, pattern.endsWith('/') ? `${pattern}*` : pattern);
  return (include.length === 0 || include.some(fits)) && !exclude.some(fits);
}

/**
 * Python's `fnmatch.fnmatchcase`: `*`, `?`, `[set]`, `[!set]`, where a bracket that is not closed
 * stands for itself. One star is remembered, so the time is at most the product of the two lengths.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  const characters = [...text];
  const steps = parsePattern(pattern);
  let at = 0;
  let step = 0;
  let star = -1;
  let from = 0;
  while (at < characters.length) {
    const wanted = steps[step];
    if (wanted === 'star') {
      star = step++;
      from = at;
    } else if (wanted?.(characters[at] ?? '') === true) {
      at++;
      step++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++from;
    } else return false;
  }
  return steps.slice(step).every((rest) => rest === 'star');
}

type Step = 'star' | ((character: string) => boolean);

function parsePattern(pattern: string): Step[] {
  const characters = [...pattern];
  const steps: Step[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? '';
    if (character === '*') {
      if (steps.at(-1) !== 'star') steps.push('star');
    } else if (character === '?') steps.push(() => true);
    else if (character === '[') {
      // The first character of a set may be the bracket that would end it.
      const begin = i + (characters[i + 1] === '!' ? 2 : 1);
      const end = characters.indexOf(']', begin + 1);
      if (end < 0) steps.push((one) => one === '[');
      else {
        steps.push(setOf(characters.slice(begin, end), characters[i + 1] === '!'));
        i = end;
      }
    } else steps.push((one) => one === character);
  }
  return steps;
}

function setOf(characters: readonly string[], isNegated: boolean): Step {
  const ranges: [string, string][] = [];
  for (let i = 0; i < characters.length; i++) {
    const first = characters[i] ?? '';
    const isRange = characters[i + 1] === '-' && i + 2 < characters.length;
    ranges.push([first, isRange ? (characters[i + 2] ?? '') : first]);
    if (isRange) i += 2;
  }
  return (one) =>
    ranges.some(([first, last]) => codeOf(first) <= codeOf(one) && codeOf(one) <= codeOf(last)) !== isNegated;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
