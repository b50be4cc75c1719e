import { resolve } from 'node:path';
import { EXIT, WeighlockError } from '../error/index.ts';
import {
  explainNodeImagePolicy,
  explainPolicy,
  NODE_IMAGE_POLICY_KIND,
  type NodeImagePolicy,
  type Policy,
  type PolicyError,
  parseNodeImagePolicy,
  parsePolicy,
  readTrust,
} from '../plan/index.ts';
import { visible } from '../report/index.ts';
import type { Context, Finished } from './context.ts';
import { listOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

/**
 * `weighlock policy check|explain FILE...`: validates policies; says in words what they would
 * check.
 */
export async function policy(values: RawValues, { out, err }: Context): Promise<Finished> {
  const action = textOf(values, 'action');
  const files = listOf(values, 'files');
  if (action !== 'check' && action !== 'explain')
    throw usage(
      `policy cannot "${action ?? ''}"`,
      'use: weighlock policy check FILE, or weighlock policy explain FILE',
    );
  if (files.length === 0) throw usage('no policy was given', `name it: weighlock policy ${action} FILE`);
  const policies: Checked[] = [];
  const problems: PolicyError[] = [];
  for (const file of files) {
    const path = resolve(file);
    const read = await attempt(problems, () => check(readTrust(path, 'the policy'), path, problems));
    if (read !== undefined) policies.push(read);
  }
  for (const { file, message, remedy } of problems)
    err.write(
      `${visible(`${file === undefined ? '' : `${file}: `}${message}${remedy === undefined ? '' : ` (${remedy})`}`)}\n`,
    );
  if (problems.length > 0) return { exitCode: EXIT.configuration };
  const lines =
    action === 'explain'
      ? policies.flatMap((one, i) => [...(i === 0 ? [] : ['']), ...one.explain()])
      : policies.map(({ summary }) => summary);
  await out.writeAll(lines.map((line) => `${visible(line)}\n`).join(''));
  return { exitCode: EXIT.verified };
}

interface Checked {
  readonly summary: string;
  explain(): string[];
}

/** The line by which a policy for the images of a node says so; its parser looks again. */
const OF_A_NODE = new RegExp(`^kind:[ ]{1,8}["']?${NODE_IMAGE_POLICY_KIND}["']?[ ]{0,8}$`, 'm');

async function check(text: string, file: string, problems: PolicyError[]): Promise<Checked | undefined> {
  if (OF_A_NODE.test(text)) {
    const policy = await parseNodeImagePolicy(text, file, problems);
    return policy && { summary: summaryOfNode(policy, file), explain: () => explainNodeImagePolicy(policy) };
  }
  const policy = await parsePolicy(text, file, problems);
  return policy && { summary: summary(policy), explain: () => explainPolicy(policy) };
}

function summaryOfNode({ name, mode, unmatched, rules }: NodeImagePolicy, file: string): string {
  return `${file}: policy ${name} is valid: ${mode}, ${rules.length} rules, others: ${unmatched}`;
}

function summary({ name, mode, artifacts, files, sha256 }: Policy): string {
  const requirements = artifacts.reduce((sum, { require }) => sum + require.length, 0);
  const what = `${artifacts.length} artifacts, ${requirements} requirements`;
  return `${files[0]}: policy ${name} is valid: ${mode}, ${what}; in verdicts it is sha256:${sha256}`;
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
