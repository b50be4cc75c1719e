import type { Document, Node, YAMLMap } from 'yaml';
import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { findPods, hasNoPod, type Path } from './find-pods.ts';
import { injectPod } from './pod.ts';
import { problemsOf } from './problems.ts';
import type { InjectSettings, PodSpec } from './spec.ts';

/** What became of one object. */
export interface Touched {
  /** `Kind/name` */
  readonly name: string;
  readonly result: 'injected' | 'unchanged' | 'nothing to verify' | 'no pod' | 'not understood' | 'refused';
  /** Why it is not understood, or refused; one sentence each. */
  readonly reasons: readonly string[];
}

export interface Manifests {
  readonly text: string;
  readonly touched: readonly Touched[];
}

/** More is no manifest. */
const MAX_BYTES = 32 << 20;

/**
 * Puts the verifier into every pod of a YAML or JSON stream, wherever in an object it is. Comments
 * and order stay, except in a document with aliases, which is written out; a second time changes
 * nothing.
 *
 * @param podless - kinds that are known to have no pod in them, beside those of Kubernetes
 * @throws WeighlockError `CONFIG_INVALID` for text that is no YAML
 */
export async function injectManifests(
  text: string,
  settings: InjectSettings,
  podless: readonly string[] = [],
): Promise<Manifests> {
  const { Document, isMap, parseAllDocuments, visit } = await library('yaml');
  if (text.length > MAX_BYTES) throw invalid(`it is larger than ${MAX_BYTES} bytes`);
  const documents = parseAllDocuments(text, {
    prettyErrors: true,
    strict: true,
    uniqueKeys: true,
    // As kubectl reads it.
    merge: true,
  });
  if (!Array.isArray(documents)) throw invalid('it is empty');
  const touched: Touched[] = [];
  for (const [i, parsed] of documents.entries()) {
    const document = isShared(parsed, visit) ? writtenOut(parsed, Document) : parsed;
    documents[i] = document;
    const [error] = document.errors;
    if (error !== undefined) throw invalid(error.message.split('\n')[0] ?? '');
    if (document.contents === null) continue;
    if (!isMap(document.contents)) throw invalid('a document is not an object of Kubernetes');
    touched.push(...injectObject(document, [], { settings, podless }));
  }
  if (touched.length === 0) throw invalid('there is no object in it');
  // What needs no change keeps every byte.
  if (touched.every(({ result }) => result !== 'injected')) return { text, touched };
  if (isJson(text)) return { text: `${JSON.stringify(documents[0]?.toJS(), null, 2)}\n`, touched };
  const indentSeq = !hasFlushList(text);
  const options = { lineWidth: 0, indentSeq, flowCollectionPadding: !/\{\w/.test(text) } as const;
  return { text: documents.map((document, i) => printed(document, i, options)).join(''), touched };
}

/**
 * True when a list begins in the column of its key: the way to go on writing lists. Linear in the
 * text.
 */
export function hasFlushList(text: string): boolean {
  const lines = text.split('\n');
  return lines.some((line, i) => {
    const key = line.replace(/^ +/, '');
    const isKey = !/^[#-]/.test(key) && /:[ \t]*(?:#|$)/.test(key);
    return isKey && (lines[i + 1]?.startsWith(`${' '.repeat(line.length - key.length)}- `) ?? false);
  });
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

/**
 * True when a node stands in several places, so that it cannot be changed in one: an anchor that is
 * used, or merged.
 */
function isShared(document: Document.Parsed, visit: typeof import('yaml').visit): boolean {
  let found = false;
  const shared = () => {
    found = true;
    return visit.BREAK;
  };
  const isMerge = (key: unknown) => (key as { source?: unknown } | null)?.source === '<<';
  visit(document, { Alias: shared, Pair: (_, { key }) => (isMerge(key) ? shared() : undefined) });
  return found;
}

function writtenOut(parsed: Document.Parsed, YamlDocument: typeof Document): Document.Parsed {
  if (parsed.errors.length > 0) return parsed;
  try {
    return new YamlDocument(parsed.toJS(), { aliasDuplicateObjects: false }) as Document.Parsed;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'its aliases cannot be followed');
  }
}

interface Work {
  readonly settings: InjectSettings;
  readonly podless: readonly string[];
}

function injectObject(document: Document.Parsed, at: Path, work: Work, listed = ''): Touched[] {
  const object = (plain(document, at) ?? {}) as KubernetesObject;
  const kind = String(object.kind ?? listed);
  const name = `${kind}/${object.metadata?.name ?? object.metadata?.generateName ?? ''}`;
  if (kind.endsWith('List') && Array.isArray(object.items))
    return object.items.flatMap((_, i) => injectObject(document, [...at, 'items', i], work, kind.slice(0, -4)));
  if (hasNoPod(String(object.apiVersion ?? ''), kind, work.podless)) return [{ name, result: 'no pod', reasons: [] }];
  const { pods, unknown } = findPods(object);
  const reasons = unknown.map((path) => `${path.join('.')} is in no list of containers that is known`);
  if (pods.length === 0)
    reasons.push(`no pod was found in it; where there is none, say so: --kinds-without-pods ${kind}`);
  if (reasons.length > 0) return [{ name, result: 'not understood', reasons }];
  const results = pods.map((pod) => injectSpec(document, at, pod, object, work.settings));
  const worst = ORDER.find((one) => results.some(({ result }) => result === one)) ?? 'not understood';
  return [{ name, result: worst, reasons: results.flatMap((one) => one.reasons) }];
}

interface KubernetesObject {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: string; readonly generateName?: string };
  readonly items?: readonly unknown[];
}

/** Of several pods in one object the first of these counts. */
const ORDER = ['refused', 'injected', 'unchanged', 'nothing to verify'] as const;

function injectSpec(
  document: Document.Parsed,
  at: Path,
  pod: Path,
  object: object,
  settings: InjectSettings,
): Pick<Touched, 'result' | 'reasons'> {
  const spec = valueAt(object, pod) as PodSpec;
  const annotated = valueAt(object, [...pod.slice(0, -1), 'metadata', 'annotations']) as
    | Record<string, unknown>
    | undefined;
  const more = String(annotated?.['weighlock.dev/volumes'] ?? '').split(',');
  const own = { ...settings, volumes: [...settings.volumes, ...more] };
  const claims = claimTemplates(object, pod);
  const injected = injectPod(spec, own, claims);
  const reasons = problemsOf(spec, own, claims);
  if (reasons.length > 0) return { result: 'refused', reasons };
  if (injected === undefined) return { result: 'nothing to verify', reasons };
  const { initContainers, volumes } = injected;
  if (isDeepStrictEqual(spec.initContainers, initContainers) && isDeepStrictEqual(spec.volumes, volumes))
    return { result: 'unchanged', reasons };
  replace(document, [...at, ...pod], 'initContainers', initContainers);
  replace(document, [...at, ...pod], 'volumes', volumes);
  return { result: 'injected', reasons };
}

/** Names of the volumes that a StatefulSet, or what is like one, makes for its pods. */
function claimTemplates(object: object, pod: Path): string[] {
  return pod.flatMap((_, i) => {
    const claims = valueAt(object, [...pod.slice(0, i), 'volumeClaimTemplates']);
    if (!Array.isArray(claims)) return [];
    return claims.map((claim) => String((claim as KubernetesObject | null)?.metadata?.name ?? ''));
  });
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce((node: unknown, key) => (node as Record<string | number, unknown> | undefined)?.[key], root);
}

/**
 * Sets a list of named things; those that stay as they are keep their nodes, and so their comments.
 */
function replace(document: Document.Parsed, at: Path, key: string, wanted: readonly object[]): void {
  const node = document.getIn([...at, key]) as { items?: Node[] } | undefined;
  const old = (node?.items ?? []).map((item) => ({ item, value: (item as YAMLMap).toJS(document) as object }));
  const items = wanted.map(
    (value) =>
      old.find((one) => isDeepStrictEqual(one.value, value))?.item ??
      document.createNode(value, { aliasDuplicateObjects: false }),
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
