import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import type { Connection } from './api.ts';
import { type Fields, fieldsOf, textIn } from './kubeconfig-fields.ts';
import { tlsOf, userCredentials } from './kubeconfig-user.ts';

/** What the flags of kubectl of the same names say. */
export interface KubeconfigChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A cluster as the current context names it. */
export interface KubeconfigTarget {
  readonly connection: Connection;
  readonly context: string;
  readonly namespace: string;
}

/** One named entry, and the folder that relative paths in it start from. */
interface Entry {
  readonly fields: Fields;
  readonly folder: string;
}

interface Merged {
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
}

/** A kubeconfig of a thousand clusters has a megabyte. */
const MAX_BYTES = 16 << 20;

/**
 * The cluster that kubectl would speak to: `--kubeconfig`, the files of `KUBECONFIG`, or
 * `~/.kube/config`; of several files the first that says something counts.
 *
 * @returns undefined when no file was asked for and there is none
 * @throws WeighlockError `CONFIG_INVALID`
 */
export async function kubeconfigTarget(
  environment: Readonly<Record<string, string | undefined>>,
  choice: KubeconfigChoice,
): Promise<KubeconfigTarget | undefined> {
  const files = filesOf(environment, choice);
  const texts = files.flatMap((file) => {
    const text = read(file, choice.kubeconfig !== undefined);
    return text === undefined ? [] : [{ file, text }];
  });
  if (texts.length === 0) {
    if (choice.context !== undefined) throw invalid(`there is no kubeconfig with a context ${choice.context}`);
    return undefined;
  }
  const { parseDocument } = await library('yaml');
  const parsed = texts.map(({ file, text }) => {
    const document = parseDocument(text, { uniqueKeys: true });
    const [problem] = document.errors;
    if (problem !== undefined) throw invalid(`${file} is no YAML: ${problem.message.split('\n')[0]}`);
    return { file, fields: fieldsOf(document.toJS({ maxAliasCount: 100 }), file) };
  });
  return targetOf(mergeFiles(parsed), choice, environment);
}

function filesOf(environment: Readonly<Record<string, string | undefined>>, choice: KubeconfigChoice): string[] {
  if (choice.kubeconfig !== undefined) return [resolve(choice.kubeconfig)];
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return listed.map((file) => resolve(file));
  return [join(environment['HOME'] ?? homedir(), '.kube', 'config')];
}

/** @returns undefined for a file that is not there, unless it was asked for by name */
function read(file: string, isAskedFor: boolean): string | undefined {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_BYTES) throw invalid(`${file} has ${bytes.length} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    if (errno(error) === 'ENOENT' && !isAskedFor) return undefined;
    throw invalid(`${file} cannot be read: ${errno(error) ?? 'unknown error'}`);
  }
}

function mergeFiles(files: readonly { readonly file: string; readonly fields: Fields }[]): Merged {
  const named = (list: string, key: string) => {
    const entries = new Map<string, Entry>();
    for (const { file, fields } of files) {
      for (const one of Array.isArray(fields[list]) ? (fields[list] as unknown[]) : []) {
        const entry = fieldsOf(one, file);
        const name = textIn(entry, 'name') ?? '';
        if (!entries.has(name)) entries.set(name, { fields: fieldsOf(entry[key], file), folder: dirname(file) });
      }
    }
    return entries;
  };
  return {
    currentContext: files.map(({ fields }) => textIn(fields, 'current-context') ?? '').find((one) => one !== '') ?? '',
    clusters: named('clusters', 'cluster'),
    contexts: named('contexts', 'context'),
    users: named('users', 'user'),
  };
}

function targetOf(
  merged: Merged,
  choice: KubeconfigChoice,
  environment: Readonly<Record<string, string | undefined>>,
): KubeconfigTarget {
  const name = choice.context ?? merged.currentContext;
  if (name === '') throw invalid('the kubeconfig has no current context: choose one with --context');
  const context = merged.contexts.get(name);
  if (context === undefined) throw invalid(`the kubeconfig has no context ${name}`);
  const clusterName = textIn(context.fields, 'cluster') ?? '';
  const cluster = merged.clusters.get(clusterName);
  if (cluster === undefined) throw invalid(`the kubeconfig has no cluster ${clusterName}`);
  const userName = textIn(context.fields, 'user') ?? '';
  const user = merged.users.get(userName);
  if (user === undefined && userName !== '') throw invalid(`the kubeconfig has no user ${userName}`);
  const server = textIn(cluster.fields, 'server') ?? '';
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) throw invalid(`the cluster ${clusterName} has no server`);
  if (textIn(cluster.fields, 'proxy-url') !== undefined)
    throw invalid(`the cluster ${clusterName} is behind a proxy (proxy-url), which is not supported`);
  const tls = tlsOf(cluster.fields, cluster.folder);
  const own = user === undefined ? () => ({}) : userCredentials(user.fields, user.folder, server, environment);
  return {
    connection: { server, credentials: async () => ({ ...tls(), ...(await own()) }) },
    context: name,
    namespace: textIn(context.fields, 'namespace') ?? 'default',
  };
}

function invalid(message: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message,
    remedy: 'see: kubectl config view; or name a file: --kubeconfig FILE',
  });
}
