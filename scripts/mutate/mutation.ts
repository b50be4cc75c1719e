import { stripTypeScriptTypes } from 'node:module';

/** One way to break a security check, and the tests that must notice it. */
export interface Mutation {
  /** Unique among all lists: the subject and what is broken, as in `stage-owner`. */
  readonly id: string;
  /** Path of the source file, from the root of the checkout. */
  readonly file: string;
  /** Source text that stands exactly once in the file. */
  readonly from: string;
  /** What is put in its place. */
  readonly to: string;
  /** Test files of which at least one must fail: the quickest ones that do. */
  readonly tests: readonly string[];
  /** Runs only the tests whose names match this pattern, as `node --test-name-pattern` takes it. */
  readonly name?: string;
  /** True where the broken code never ends: then a time-out counts as caught. */
  readonly hangs?: boolean;
}

/** An entry that cannot be judged: it is stale, or says nothing about the tests. */
export class InvalidMutation extends Error {}

/**
 * The source with the check broken.
 *
 * @throws InvalidMutation when the text does not stand there exactly once, or what comes out is not
 * a program
 */
export function breakSource(source: string, { file, from, to }: Mutation): string {
  if (from === '' || from === to) throw new InvalidMutation('it changes nothing');
  const at = source.indexOf(from);
  if (at < 0) throw new InvalidMutation(`stale: its text is not in ${file}`);
  if (source.indexOf(from, at + 1) >= 0) throw new InvalidMutation(`its text stands more than once in ${file}`);
  const broken = source.slice(0, at) + to + source.slice(at + from.length);
  if (/\.[cm]?ts$/.test(file)) requireProgram(broken);
  return broken;
}

/** A program that does not even parse is noticed by every test, and proves nothing about any. */
function requireProgram(source: string): void {
  try {
    stripTypeScriptTypes(source);
  } catch (error) {
    throw new InvalidMutation(`the broken code is not a program: ${error instanceof Error ? error.message : error}`);
  }
}
