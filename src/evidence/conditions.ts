import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import type { Signer } from './signer.ts';
import type { Statement } from './statement.ts';

/** Longer ones are programs. */
const MAX_CONDITION_LENGTH = 4096;

/** One that looks at every package of a large SBOM takes a tenth of it. */
const EVALUATION_MS = 1000;

/** A condition over an attestation that was compiled. */
export type Condition = (statement: Statement, signer: Signer) => string | undefined;

/** What a condition may speak of. */
const ATTESTATION = ['predicate', 'subject', 'signer'] as const;

/**
 * Compiles CEL conditions over `predicate`, `subject` and `signer`.
 *
 * @returns for each: what is wrong with an attestation, or nothing
 * @throws WeighlockError `CONFIG_INVALID` for one that does not compile
 */
export async function compileConditions(sources: readonly string[]): Promise<readonly Condition[]> {
  const compiled = await compile(sources, ATTESTATION);
  return compiled.map((one) => (statement, signer) => one(contextOf(statement, signer)));
}

/**
 * The same over `content`: what an artifact's files are.
 *
 * @param content - for a condition: every name is there
 */
export async function compileContentConditions(
  sources: readonly string[],
): Promise<readonly ((content: Record<string, unknown>) => string | undefined)[]> {
  const compiled = await compile(sources, ['content']);
  return compiled.map((one) => (content) => one({ content }));
}

async function compile(
  sources: readonly string[],
  variables: readonly string[],
): Promise<readonly ((context: Record<string, unknown>) => string | undefined)[]> {
  if (sources.length === 0) return [];
  const { Environment } = await library('conditions');
  const environment = new Environment({ unlistedVariablesAreDyn: false });
  for (const name of variables) environment.registerVariable(name, 'dyn');
  return sources.map((source) => {
    const invalid = (why: string) =>
      new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `the condition cannot be used: ${why}`,
        found: source.slice(0, 200),
        remedy: `write CEL that is true or false, over ${variables.join(', ').replace(/, (?=[a-z]+$)/, ' and ')}`,
      });
    if (source.length > MAX_CONDITION_LENGTH) throw invalid('it is too long');
    let evaluate: (context: Record<string, unknown>) => unknown;
    try {
      evaluate = environment.parse(source) as (context: Record<string, unknown>) => unknown;
      const checked = environment.check(source);
      if (!checked.valid) throw new Error(checked.error?.message ?? 'it does not type-check');
    } catch (error) {
      throw invalid((error as Error).message.split('\n')[0] ?? '');
    }
    return (context) => {
      try {
        const value = withinTime(() => evaluate(context));
        // Anything but true is not true: an error, a number, a text that says "true".
        return value === true ? undefined : `not true of it: ${source}`;
      } catch (error) {
        return `cannot be told of it: ${source} (${(error as Error).message.split('\n')[0]})`;
      }
    };
  });
}

/**
 * Nested macros can take hours over lists of a size that an attacker chooses; what takes too long
 * is not true.
 */
function withinTime(evaluate: () => unknown): unknown {
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  return runInNewContext('evaluate()', { evaluate }, { timeout: EVALUATION_MS });
}

function contextOf({ predicate, predicateType, subjects }: Statement, signer: Signer): Record<string, unknown> {
  return {
    predicate,
    subject: subjects.map(({ name, digest, annotations }) => ({
      name: name ?? '',
      digest: Object.fromEntries(digest),
      annotations,
    })),
    signer: {
      attestor: signer.attestor,
      fingerprint: signer.fingerprint,
      subject: signer.subject ?? '',
      issuer: signer.issuer ?? '',
      time: signer.time?.toISOString() ?? '',
      predicateType,
    },
  };
}
