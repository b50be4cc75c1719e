import type { Document, Node, YAMLMap } from 'yaml';
import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { injectPod } from './pod.ts';
import type { InjectSettings, PodSpec } from './spec.ts';

/** Where workloads have their pods (`*` is every entry of a map or list). */
const POD_PATHS: Readonly<Record<string, string>> = {
  Pod: '',
  PodTemplate: 'template',
  Deployment: 'spec.template',
  ReplicaSet: 'spec.template',
  ReplicationController: 'spec.template',
  StatefulSet: 'spec.template',
  DaemonSet: 'spec.template',
  Job: 'spec.template',
  CronJob: 'spec.jobTemplate.spec.template',
  PyTorchJob: 'spec.pytorchReplicaSpecs.*.template',
  TFJob: 'spec.tfReplicaSpecs.*.template',
  MPIJob: 'spec.mpiReplicaSpecs.*.template',
  JobSet: 'spec.replicatedJobs.*.template.spec.template',
  LeaderWorkerSet: 'spec.leaderWorkerTemplate.*',
  RayCluster: 'spec.workerGroupSpecs.*.template',
};

/** What became of one document. */
export interface Touched {
  /** `Kind/name` */
  readonly name: string;
  readonly result: 'injected' | 'unchanged' | 'nothing to verify' | 'no pod';
}

export interface Manifests {
  readonly text: string;
  readonly touched: readonly Touched[];
}

/** More is no manifest. */
const MAX_BYTES = 32 << 20;

/**
 * Puts the verifier into every pod of a YAML or JSON stream. Comments and order stay; a second time changes nothing.
 *
 * @param podPath - where other kinds have their pod template, such as `spec.worker.template`
 * @throws WeighlockError `CONFIG_INVALID` for text that is no YAML
 */
export async function injectManifests(text: string, settings: InjectSettings, podPath?: string): Promise<Manifests> {
  const { parseAllDocuments, isMap } = await library('yaml');
  if (text.length > MAX_BYTES) throw invalid(`it is larger than ${MAX_BYTES} bytes`);
  const documents = parseAllDocuments(text, { prettyErrors: true, strict: true, uniqueKeys: true });
  if (!Array.isArray(documents)) throw invalid('it is empty');
  const touched: Touched[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw invalid(error.message.split('\n')[0] ?? '');
    if (document.contents === null) continue;
    if (!isMap(document.contents)) throw invalid('a document is not an object of Kubernetes');
    touched.push(...injectObject(document, [], settings, podPath));
  }
  if (touched.length === 0) throw invalid('there is no object in it');
  // What needs no change keeps every byte.
  if (touched.every(({ result }) => result !== 'injected')) return { text, touched };
  if (isJson(text)) return { text: `${JSON.stringify(documents[0]?.toJS(), null, 2)}\n`, touched };
  const indentSeq = !/^( *)(?! |#|-)[^\n]*:[ \t]*(?:#[^\n]*)?\n\1- /m.test(text);
  const options = { lineWidth: 0, indentSeq, flowCollectionPadding: !/\{\w/.test(text) } as const;
  return { text: documents.map((document, i) => printed(document, i, options)).join(''), touched };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function printed(document: Document.Parsed, i: number, options: object): string {
  const body = document.toString(options);
  return i > 0 && !body.startsWith('---') && !document.directives?.docStart ? `---\n${body}` : body;
}

type Path = readonly (string | number)[];

function injectObject(document: Document.Parsed, at: Path, settings: InjectSettings, podPath?: string): Touched[] {
  const text = (key: string) => String(document.getIn([...at, ...key.split('.')]) ?? '');
  const kind = text('kind');
  const name = `${kind}/${text('metadata.name') || text('metadata.generateName')}`;
  if (kind === 'List') {
    const items = (document.getIn([...at, 'items']) as { items?: unknown[] } | undefined)?.items ?? [];
    return items.flatMap((_, i) => injectObject(document, [...at, 'items', i], settings, podPath));
  }
  const path = POD_PATHS[kind] ?? podPath;
  if (path === undefined) return [{ name, result: 'no pod' }];
  const claims = plain(document, [...at, 'spec', 'volumeClaimTemplates']) as
    | { metadata?: { name?: string } }[]
    | undefined;
  const names = (Array.isArray(claims) ? claims : []).map((claim) => claim.metadata?.name ?? '');
  const templates = expand(document, at, path === '' ? [] : path.split('.'));
  if (templates.length === 0) return [{ name, result: 'no pod' }];
  const results = templates.map((template) => injectSpec(document, [...template, 'spec'], settings, names));
  const result = results.find((one) => one === 'injected') ?? results.find((one) => one === 'unchanged');
  return [{ name, result: result ?? results[0] ?? 'no pod' }];
}

/** Paths that a pattern leads to. */
function expand(document: Document.Parsed, at: Path, [key, ...rest]: readonly string[]): Path[] {
  if (key === undefined) return document.hasIn([...at, 'spec']) ? [at] : [];
  if (key !== '*') return document.hasIn([...at, key]) ? expand(document, [...at, key], rest) : [];
  const value = plain(document, at);
  if (value === null || typeof value !== 'object') return [];
  const keys = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  return keys.flatMap((one) => expand(document, [...at, one], rest));
}

function injectSpec(
  document: Document.Parsed,
  at: Path,
  settings: InjectSettings,
  claims: readonly string[],
): Touched['result'] {
  const spec = plain(document, at) as PodSpec;
  const annotated = plain(document, [...at.slice(0, -1), 'metadata', 'annotations']) as
    | Record<string, string>
    | undefined;
  const more = annotated?.['weighlock.dev/volumes']?.split(',') ?? [];
  const injected = injectPod(spec, { ...settings, volumes: [...settings.volumes, ...more] }, claims);
  if (injected === undefined) return 'nothing to verify';
  const { initContainers, volumes } = injected;
  if (isDeepStrictEqual(spec.initContainers, initContainers) && isDeepStrictEqual(spec.volumes, volumes))
    return 'unchanged';
  replace(document, at, 'initContainers', initContainers);
  replace(document, at, 'volumes', volumes);
  return 'injected';
}

/** Sets a list of named things; those that stay as they are keep their nodes, and so their comments. */
function replace(document: Document.Parsed, at: Path, key: string, wanted: readonly object[]): void {
  const node = document.getIn([...at, key]) as { items?: Node[] } | undefined;
  const old = (node?.items ?? []).map((item) => ({ item, value: (item as YAMLMap).toJS(document) as object }));
  const items = wanted.map(
    (value) => old.find((one) => isDeepStrictEqual(one.value, value))?.item ?? document.createNode(value),
  );
  if (node?.items !== undefined) {
    node.items.splice(0, node.items.length, ...(items as Node[]));
    return;
  }
  const list = document.createNode([]);
  (list as unknown as { items: unknown[] }).items.push(...items);
  document.setIn([...at, key], list);
}

/** The order of keys does not matter. */
function isDeepStrictEqual(a: unknown, b: unknown): boolean {
  return process.getBuiltinModule('node:util').isDeepStrictEqual(a, b);
}

function plain(document: Document.Parsed, at: Path): unknown {
  const node = at.length === 0 ? document.contents : document.getIn(at, true);
  const value = node as { toJS?: (document: Document) => unknown } | undefined;
  return typeof value?.toJS === 'function' ? value.toJS(document) : value;
}

function invalid(why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `the manifest cannot be read: ${why}`,
    remedy: 'give objects of Kubernetes as YAML or JSON, as "kubectl apply" takes them',
  });
}
