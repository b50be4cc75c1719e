import { resolve } from 'node:path';
import { EXIT, WeighlockError } from '../error/index.ts';
import { explainPolicy, type Policy, type PolicyError, parsePolicy, readTrust } from '../plan/index.ts';
import { visible } from '../report/index.ts';
import type { Context, Finished } from './context.ts';
import { listOf, type RawValues, textOf } from './options.ts';
import { usage } from './usage.ts';

/** `weighlock policy check|explain FILE...`: validates policies; says in words what they would check. */
export async function policy(values: RawValues, { out, err }: Context): Promise<Finished> {
  const action = textOf(values, 'action');
  const files = listOf(values, 'files');
  if (action !== 'check' && action !== 'explain')
    throw usage(
      `policy cannot "${action ?? ''}"`,
      'use: weighlock policy check FILE, or weighlock policy explain FILE',
    );
  if (files.length === 0) throw usage('no policy was given', `name it: weighlock policy ${action} FILE`);
  const policies: Policy[] = [];
  const problems: PolicyError[] = [];
  for (const file of files) {
    const path = resolve(file);
    const read = await attempt(problems, () => parsePolicy(readTrust(path, 'the policy'), path, problems));
    if (read !== undefined) policies.push(read);
  }
  for (const { file, message, remedy } of problems)
    err.write(
      `${visible(`${file === undefined ? '' : `${file}: `}${message}${remedy === undefined ? '' : ` (${remedy})`}`)}\n`,
    );
  if (problems.length > 0) return { exitCode: EXIT.configuration };
  const lines =
    action === 'explain'
      ? policies.flatMap((one, i) => [...(i === 0 ? [] : ['']), ...explainPolicy(one)])
      : policies.map(summary);
  await out.writeAll(lines.map((line) => `${visible(line)}\n`).join(''));
  return { exitCode: EXIT.verified };
}

function summary({ name, mode, artifacts, files }: Policy): string {
  const requirements = artifacts.reduce((sum, { require }) => sum + require.length, 0);
  return `${files[0]}: policy ${name} is valid: ${mode}, ${artifacts.length} artifacts, ${requirements} requirements`;
}

async function attempt<T>(problems: PolicyError[], action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    problems.push(error);
    return undefined;
  }
}
