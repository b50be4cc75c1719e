import { join } from 'node:path';
import type { WeighlockError } from '../error/index.ts';
import { type ArtifactPlan, type Environment, type Output, placesOf, requireOutputsOutside } from '../plan/index.ts';
import { TERMINATION_LOG } from '../report/index.ts';
import { isUrl, parseLocation } from '../source/index.ts';
import { listOf, type RawValues, textOf } from './option-values.ts';

/** Variables of a pod's author that name what is verified. */
const PLACES = ['MODEL_PATH', 'DATASET_PATH', 'MODEL_SOURCE_URL', 'DATASET_SOURCE_URL'] as const;

/** Those that name what is read beside it. */
const INPUTS = ['MODEL_SIGNATURE', 'DATASET_SIGNATURE'] as const;

/** Options that name no file to read. */
const NO_INPUTS = new Set(['report', 'verdict', 'receipts', 'termination-log', 'terminationLog', 'sources', '_', '$0']);

/**
 * The files that `verify` writes beside a copy. Each is written only as long as it lies in nothing
 * that is verified and is nothing that is read: what the command line names is known before
 * anything else happens, and what the policies name before anything is read.
 */
export class Outputs {
  readonly #report: Output | undefined;
  readonly #verdict: Output | undefined;
  readonly #receipts: Output | undefined;
  readonly #terminationLog: Output;
  readonly #inputs: readonly string[];
  readonly #refused = new Set<Output>();
  #places: readonly string[];

  constructor(values: RawValues, environment: Environment) {
    const report = textOf(values, 'report');
    this.#report = report === undefined ? undefined : { flag: '--report', path: report };
    const verdict = textOf(values, 'verdict');
    this.#verdict = verdict === undefined ? undefined : { flag: '--verdict', path: verdict };
    const receipts = textOf(values, 'receipts');
    this.#receipts = receipts === undefined ? undefined : { flag: '--receipts', path: join(receipts, 'receipt') };
    const terminationLog = textOf(values, 'termination-log') ?? TERMINATION_LOG;
    this.#terminationLog = { flag: '--termination-log', path: terminationLog };
    const asked = [
      ...listOf(values, 'sources'),
      ...(textOf(values, 'targets')?.split(':') ?? []),
      ...PLACES.map((name) => environment[name]),
    ];
    const trust = textOf(values, 'trust');
    this.#places = [...asked.flatMap(pathsIn), ...(trust === undefined ? [] : [trust])];
    const given = Object.entries(values).flatMap(([key, value]) => (NO_INPUTS.has(key) ? [] : [value].flat()));
    this.#inputs = [...given, ...INPUTS.map((name) => environment[name])].flatMap((value) =>
      typeof value === 'string' ? [value, ...value.split(',')] : [],
    );
  }

  /** @throws WeighlockError `CONFIG_INVALID` */
  require(artifacts: readonly ArtifactPlan[] = []): void {
    const places = artifacts.map(placesOf).flatMap(({ source, destination }) => [source, destination]);
    this.#places = [...this.#places, ...places.filter((place) => place !== undefined)];
    const failures = [this.#report, this.#verdict, this.#receipts, this.#terminationLog].flatMap((output) => {
      const failure = output === undefined ? undefined : this.#failureOf(output);
      return failure === undefined ? [] : [failure];
    });
    if (failures[0] !== undefined) throw failures[0];
  }

  /**
   * Where the report is written, if one was asked for: undefined where that was refused.
   *
   * @throws WeighlockError `CONFIG_INVALID` for what somebody put there since
   */
  reportPath(): string | undefined {
    return this.#pathOf(this.#report);
  }

  /**
   * Where the verdict is written, in the same way.
   *
   * @throws WeighlockError `CONFIG_INVALID`
   */
  verdictPath(): string | undefined {
    return this.#pathOf(this.#verdict);
  }

  #pathOf(output: Output | undefined): string | undefined {
    if (output === undefined || this.#refused.has(output)) return undefined;
    const failure = this.#failureOf(output);
    if (failure !== undefined) throw failure;
    return output.path;
  }

  /** Undefined where nothing may be written: the log has it all. */
  terminationLogPath(): string | undefined {
    const isRefused = this.#refused.has(this.#terminationLog) || this.#failureOf(this.#terminationLog) !== undefined;
    return isRefused ? undefined : this.#terminationLog.path;
  }

  #failureOf(output: Output): WeighlockError | undefined {
    try {
      requireOutputsOutside([output], this.#places, this.#inputs);
      return undefined;
    } catch (error) {
      this.#refused.add(output);
      return error as WeighlockError;
    }
  }
}

function pathsIn(word: string | undefined): string[] {
  if (word === undefined || word === '') return [];
  if (!isUrl(word)) return [word];
  try {
    const { source, destination } = placesOf({ name: '', source: parseLocation(word) });
    return [source, destination].filter((path) => path !== undefined);
  } catch {
    // Refused with a better message when it is parsed.
    return [];
  }
}
