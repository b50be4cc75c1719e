// Makes, from the Kyverno policies in kyverno/base, the same rules for clusters without Kyverno
// (admission/base) and for Kyverno before 1.17 (kyverno/legacy/require.yaml).
//   node examples/make-policies.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAllDocuments, stringify } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
type Json = any;

const BASE = 'kyverno/base';
const HEAD = `# Made by examples/make-policies.ts from examples/${BASE}; change it there.\n`;

/** Each made file, by its path in `examples/`, and what it is made of. */
export const MADE: Readonly<Record<string, () => string>> = {
  'kyverno/legacy/require.yaml': () => legacy(readBase('pods/require.yaml')[0]),
  'admission/base/inject.yaml': () => native(readBase('pods/inject.yaml')),
  'admission/base/require.yaml': () => native(readBase('pods/require.yaml')),
  'admission/base/trust.yaml': () => native(readBase('trust.yaml')),
  'admission/base/no-exec.yaml': () => native(readBase('no-exec.yaml')),
  'admission/base/status.yaml': () => native(readBase('status.yaml')),
  'admission/base/evidence.yaml': () => native(readBase('evidence.yaml')),
  'admission/base/provenance.yaml': () => native(readBase('provenance.yaml')),
};

/**
 * `admissionregistration.k8s.io/v1`: policies that the API server evaluates by itself, each with
 * its binding.
 */
function native(policies: readonly Json[]): string {
  return (
    HEAD +
    policies
      .flatMap(nativeOf)
      .map((one) => stringify(one, { lineWidth: 0 }))
      .join('---\n')
  );
}

export function nativeOf({ kind, metadata, spec = {} }: Json): Json[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const { name } = metadata;
  const { failurePolicy, matchConstraints, matchConditions, variables } = spec as Json;
  const common = { failurePolicy, matchConstraints, matchConditions, variables: variables?.map(withoutKyverno) };
  const pair = (type: string, more: object, binding: object) => [
    { apiVersion, kind: `${type}AdmissionPolicy`, metadata: { name }, spec: { ...common, ...more } },
    { apiVersion, kind: `${type}AdmissionPolicyBinding`, metadata: { name }, spec: { policyName: name, ...binding } },
  ];
  if (kind === 'ValidatingPolicy')
    return pair('Validating', { validations: spec.validations }, { validationActions: spec.validationActions });
  if (kind === 'MutatingPolicy')
    return pair('Mutating', { reinvocationPolicy: 'IfNeeded', mutations: spec.mutations }, {});
  // The API server generates nothing: admins write the trust of a namespace by themselves.
  return [];
}

/** Where there is no Kyverno, whoever makes a namespace of that name is not it. */
function withoutKyverno(variable: Json): Json {
  return variable.name === 'writers'
    ? { ...variable, expression: "['system:serviceaccount:kube-system:namespace-controller']" }
    : variable;
}

/**
 * The rules as a ClusterPolicy. Its preconditions do not know the namespace either; its `match`
 * does.
 */
function legacy({ metadata, spec }: Json): string {
  const common = { kinds: ['Pod', 'Pod/ephemeralcontainers'], operations: ['CREATE', 'UPDATE'] };
  const scopes = [
    { selector: { matchLabels: { 'app.kubernetes.io/component': 'inference' } } },
    { selector: { matchLabels: { 'workload-type': 'training' } } },
    { namespaceSelector: { matchLabels: { 'weighlock.dev/enforce': 'true' } } },
  ];
  const policy = {
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: {
      name: metadata.name,
      annotations: { ...metadata.annotations, 'pod-policies.kyverno.io/autogen-controllers': 'none' },
    },
    spec: {
      background: false,
      webhookConfiguration: { failurePolicy: 'Fail', timeoutSeconds: 10 },
      rules: [
        {
          name: metadata.name,
          match: { any: scopes.map((scope) => ({ resources: { ...common, ...scope } })) },
          celPreconditions: spec.matchConditions,
          validate: {
            failureAction: 'Enforce',
            cel: {
              variables: spec.variables.map((one: Json) =>
                one.name === 'inScope' ? { ...one, expression: 'true' } : one,
              ),
              expressions: spec.validations,
            },
          },
        },
      ],
    },
  };
  const age = '# ClusterPolicy is deprecated, and gone after Kyverno 1.19.\n';
  return HEAD + age + stringify(policy, { lineWidth: 0 });
}

/** The documents of a file in `kyverno/base`. */
export function readBase(name: string): Json[] {
  const documents = parseAllDocuments(readFileSync(new URL(`${BASE}/${name}`, import.meta.url), 'utf8'));
  return Array.isArray(documents) ? documents.map((one) => one.toJS()) : [];
}

if (import.meta.main)
  for (const [file, make] of Object.entries(MADE)) writeFileSync(new URL(file, import.meta.url), make());
