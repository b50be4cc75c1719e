// Pods whose verifier has said something.
import { injectable } from '../kyverno/attacks.ts';
import { load, mutate, NAMESPACE } from '../kyverno/evaluate.ts';
import type { FakeApi, Json } from './fake-api.ts';

/** The verifier's image. */
export const IMAGE = `sha256:${'1'.repeat(64)}`;

/** What the policies make of a pod that its author wrote. */
const INJECTED = mutate(load('base/pods/inject.yaml'), { object: injectable() }).spec;

export interface Said {
  readonly result: string;
  readonly exitCode: number;
  readonly codes?: readonly string[];
  readonly artifacts?: readonly object[];
}

/** A termination message as the verifier writes it. */
export function message(result: string, exitCode: number, codes: readonly string[] = [], artifacts?: object[]): string {
  const named = artifacts ?? [{ name: 'model', result, sha256: 'a'.repeat(64) }];
  const machine = { weighlock: '0.1.0', result, exitCode, codes, artifacts: named };
  return `weighlock ${result} (exit ${exitCode})\nmodel: the content differs\n${JSON.stringify(machine)}\n`;
}

export const PASSED = message('PASSED', 0);
export const FAILED = message('FAILED', 65, ['DIGEST_MISMATCH']);

/** An injected pod whose verifier ended so, a minute ago. */
export function pod(name: string, exitCode: number, text: string, more: Json = {}): Json {
  const finishedAt = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const spec = structuredClone(INJECTED);
  const verifier = spec.initContainers.find((one: Json) => one.name === 'weighlock');
  verifier.image = `ghcr.io/weighlock/weighlock@${IMAGE}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ml', uid: `uid-${name}` },
    spec,
    status: {
      initContainerStatuses: [
        {
          name: 'weighlock',
          image: verifier.image,
          imageID: verifier.image,
          ready: true,
          restartCount: 0,
          state: { terminated: { exitCode, message: text, finishedAt } },
          ...more,
        },
      ],
    },
  };
}

/** One of very many: some are refused, some passed by a pin, and the others by a signature. */
export function oneOfMany(i: number, isRefused = i % 10 === 0): Json {
  if (isRefused) return pod(`pod-${i}`, 65, FAILED);
  return pod(`pod-${i}`, 0, i % 3 === 0 ? PASSED : signed(i));
}

function signed(i: number): string {
  const subject = 'https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main';
  const artifact = { name: `model-${i % 7}`, result: 'PASSED', sha256: 'b'.repeat(64) };
  return message('PASSED', 0, [], [{ ...artifact, signers: [`ci: ${subject}`], policies: ['corp'] }]);
}

/** A cluster with the namespace `ml`, which admins have labelled, and these pods. */
export function fill(api: FakeApi, ...pods: Json[]): void {
  api.put('namespaces', { kind: 'Namespace', metadata: { ...NAMESPACE.metadata, name: 'ml' } });
  for (const one of pods) api.put('pods', one);
}
