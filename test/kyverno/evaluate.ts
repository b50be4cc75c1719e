// Evaluates Kyverno's CEL policies without Kyverno: variables in order, conditions, then JSON
// patches or validations. Struct literals (`Object.spec.x{..}`, `JSONPatch{..}`) become maps. What
// this cannot show is compile-time typing: the system tests run the same policies through the
// Kyverno command line where there is one.
import { readFileSync } from 'node:fs';
import { Environment } from '@marcbachmann/cel-js';
import { parseAllDocuments } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes, as a cluster has them
export type Json = any;

export interface Request {
  readonly object: Json;
  readonly oldObject?: Json;
  readonly namespace?: Json;
  /** More of the admission request. */
  readonly request?: Json;
}

export const NAMESPACE = {
  metadata: {
    name: 'ml',
    labels: { 'weighlock.dev/enforce': 'true' },
    annotations: {
      'weighlock.dev/scratch-claims': 'ckpt,cache',
      'weighlock.dev/host-paths': '/usr/lib/nvidia',
      'weighlock.dev/platform-containers': 'juicefs=registry.example.com/juicefs,mirror=registry.example.com',
    },
  },
};

/** The first document of a file in examples/kyverno. */
export function load(file: string): Json {
  const text = readFileSync(new URL(`../../examples/kyverno/${file}`, import.meta.url), 'utf8');
  return documentsOf(text)[0];
}

export function documentsOf(text: string): Json[] {
  const documents = parseAllDocuments(text);
  return Array.isArray(documents) ? documents.map((document) => document.toJS()) : [];
}

/** What a mutating policy makes of a pod. */
export function mutate(policy: Json, request: Request): Json {
  const context = contextOf(policy, request);
  if (!inScope(policy, context)) return request.object;
  const patches = policy.spec.mutations.flatMap(({ jsonPatch }: Json) =>
    plain(evaluate(jsonPatch.expression, context)),
  );
  if (patches.length === 0) return request.object;
  return patches.reduce(apply, structuredClone(request.object));
}

/** The message of the first validation that fails; undefined when the request is admitted. */
export function deny(policy: Json, request: Request): string | undefined {
  const context = contextOf(policy, request);
  if (!inScope(policy, context)) return undefined;
  for (const { expression, message } of policy.spec.validations)
    if (evaluate(expression, context) !== true) return message;
  return undefined;
}

function contextOf(policy: Json, { object, oldObject = {}, namespace = NAMESPACE, request = {} }: Request): Json {
  const variables: Record<string, unknown> = {};
  const context = { object, oldObject, namespaceObject: namespace, request, variables };
  for (const { name, expression } of policy.spec.variables ?? []) {
    // Lazy, as in a cluster: a variable that nobody needs may fail.
    Object.defineProperty(variables, name, {
      enumerable: true,
      configurable: true,
      get: () => {
        const value = evaluate(expression, context);
        Object.defineProperty(variables, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return context;
}

/** As everywhere but in Kyverno 1.19: match conditions know neither the namespace nor variables. */
function inScope(policy: Json, { object, oldObject, request }: Json): boolean {
  const context = { object, oldObject, request, namespaceObject: null };
  return (policy.spec.matchConditions ?? []).every(({ expression }: Json) => evaluate(expression, context) === true);
}

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
})
  .registerFunction('list.flatten(): list', (list: unknown[]) => list.flat())
  .registerFunction('list.distinct(): list', (list: unknown[]) => [...new Set(list)])
  .registerFunction('list.indexOf(dyn): int', (list: unknown[], value: unknown) => BigInt(list.indexOf(value)));

function evaluate(expression: string, context: Json): unknown {
  return environment.parse(maps(expression))(context);
}

function maps(expression: string): string {
  if (!/\b(Object|JSONPatch)\b/.test(expression)) return expression;
  return expression.replace(/\b(?:Object(?:\.\w+)*|JSONPatch)\{/g, '{').replace(/([{,]\s*)([A-Za-z_]\w*):/g, '$1"$2":');
}

function plain(value: unknown): Json {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]));
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  return value;
}

/** RFC 6902 `add`: into a list before an index, otherwise in the place of what is there. */
function apply(document: Json, { op, path, value }: Json): Json {
  if (op !== 'add') throw new Error(`unexpected operation ${op}`);
  const keys = path
    .split('/')
    .slice(1)
    .map((key: string) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop();
  const parent = keys.reduce((node: Json, key: string) => node[key], document);
  if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value);
  else parent[last] = value;
  return document;
}
