// Makes require.yaml: the rules of base/require.yaml as a ClusterPolicy, for Kyverno before 1.17.
//   node examples/kyverno/legacy/make.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

export function legacy(text: string): string {
  const { metadata, spec } = parse(text);
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
          match: {
            any: [{ resources: { kinds: ['Pod', 'Pod/ephemeralcontainers'], operations: ['CREATE', 'UPDATE'] } }],
          },
          celPreconditions: spec.matchConditions,
          validate: {
            failureAction: 'Enforce',
            cel: { variables: spec.variables, expressions: spec.validations },
          },
        },
      ],
    },
  };
  const head = '# Made by make.ts from base/require.yaml. ClusterPolicy is deprecated, and gone after Kyverno 1.19.\n';
  return head + stringify(policy, { lineWidth: 0 });
}

if (import.meta.main) {
  const here = (name: string) => new URL(name, import.meta.url);
  writeFileSync(here('./require.yaml'), legacy(readFileSync(here('../base/require.yaml'), 'utf8')));
}
