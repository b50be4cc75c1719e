import { breakSource, InvalidMutation, type Mutation } from './mutation.ts';
import type { TestRun } from './run-tests.ts';

/** What became of a mutation. */
export interface Outcome {
  readonly mutation: Mutation;
  readonly result: 'caught' | 'SURVIVED' | 'invalid';
  readonly seconds: number;
  /** The test that noticed it, or what is wrong with the entry. */
  readonly detail: string;
}

/** Where a mutation is tried. */
export interface Bench {
  read(file: string): string;
  with<T>(file: string, content: string, action: () => Promise<T>): Promise<T>;
  run(tests: readonly string[], name: string | undefined, limit: number): Promise<TestRun>;
}

/**
 * A first run may take this long, in milliseconds: that of the slowest test file on a loaded
 * machine.
 */
const FIRST_LIMIT = 600_000;

/**
 * Errors of code that was broken too far: a name that is not there is noticed by whatever runs it.
 */
const NOT_A_VERDICT = new Set(['SyntaxError', 'ReferenceError']);

/** Milliseconds that the unbroken tests take, by files and name, for all benches together. */
export type Baselines = Map<string, Promise<number>>;

/** Breaks the code, and says whether the tests noticed. The unbroken code must pass them first. */
export async function judge(mutation: Mutation, bench: Bench, baselines: Baselines): Promise<Outcome> {
  const start = performance.now();
  const outcome = (result: Outcome['result'], detail: string): Outcome => {
    return { mutation, result, seconds: (performance.now() - start) / 1000, detail };
  };
  try {
    const broken = breakSource(bench.read(mutation.file), mutation);
    const usual = await baseline(mutation, bench, baselines);
    const limit = Math.min(FIRST_LIMIT, 60_000 + 5 * usual);
    const run = await bench.with(mutation.file, broken, () => bench.run(mutation.tests, mutation.name, limit));
    return outcome(...verdict(mutation, run));
  } catch (error) {
    if (error instanceof InvalidMutation) return outcome('invalid', error.message);
    throw error;
  }
}

function verdict(mutation: Mutation, run: TestRun): readonly [Outcome['result'], string] {
  const failed = run.tests.filter(({ passed }) => !passed);
  const noticed = failed.find(
    ({ error, name, isTimeout }) => isTimeout !== true && !NOT_A_VERDICT.has(error ?? '') && !isFile(mutation, name),
  );
  if (noticed !== undefined) return ['caught', noticed.name];
  if (run.status === null || failed.some(({ isTimeout }) => isTimeout))
    return mutation.hangs ? ['caught', 'it hangs'] : ['invalid', 'its tests do not end'];
  const [first] = failed;
  if (first !== undefined) return ['invalid', `its tests do not run: ${first.error}: ${first.message}`];
  if (run.status === 0) return ['SURVIVED', mutation.tests.join(' ')];
  return ['invalid', `its tests do not run: ${run.complaint}`];
}

/** A test file that does not load counts as one failed test of its own name. */
function isFile({ tests }: Pick<Mutation, 'tests'>, name: string): boolean {
  return tests.some((file) => name === file || name.endsWith(`/${file}`));
}

function baseline(mutation: Mutation, bench: Bench, baselines: Baselines): Promise<number> {
  const key = JSON.stringify([mutation.tests, mutation.name]);
  const known = baselines.get(key) ?? measure(mutation, bench);
  baselines.set(key, known);
  return known;
}

async function measure({ tests, name }: Pick<Mutation, 'tests' | 'name'>, bench: Bench): Promise<number> {
  const run = await bench.run(tests, name, FIRST_LIMIT);
  const failed = run.tests.find(({ passed }) => !passed);
  if (failed !== undefined) throw new InvalidMutation(`a test fails without it: ${failed.name}: ${failed.message}`);
  if (run.status !== 0) throw new InvalidMutation(`its tests fail without it: ${run.complaint}`);
  // A file in which no test has the name is told as one test that passed.
  if (run.tests.every(({ name: test }) => isFile({ tests }, test)))
    throw new InvalidMutation('no test has such a name');
  return run.milliseconds;
}
