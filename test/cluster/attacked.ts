// Pods of the tests of admission, as somebody sends them to a real API server, and how that ended.
import { isDeepStrictEqual } from 'node:util';
import { injectable } from '../kyverno/attacks.ts';
import { deny, load, mutate } from '../kyverno/evaluate.ts';
import type { Answer, Json } from './api-server.ts';

export const REQUIRE = load('base/pods/require.yaml');
export const INJECT = load('base/pods/inject.yaml');
/** What the provenance policy asks of the attacked pod, which is one for inference. */
const NOTES = { 'model.ai/name': 'm', 'model.ai/version': '1', 'model.ai/source': 'pvc://mistral' };
/** How an API server says that a pod is none, whatever the policies. */
export const BY_ITSELF = /is invalid|strict decoding|cannot be handled|Forbidden: |unmarshal|must not be provided/;
export const HELD = /^(?!.*failed calling webhook).*(denied|denied the request)/s;

export function placed(pod: Json, namespace: string): Json {
  const copy = structuredClone(pod);
  copy.metadata.namespace = namespace;
  copy.metadata.annotations = { ...copy.metadata.annotations, ...NOTES };
  return copy;
}

export function attacked(attack: (pod: Json) => void): Json {
  const pod = mutate(INJECT, { object: placed(injectable(), 'ml') });
  attack(pod);
  return pod;
}

export function verifierOf(pod: Json): Json {
  return pod.spec?.initContainers?.find(({ name }: Json) => name === 'weighlock');
}

/** Without what the API server adds. */
export function essence(verifier: Json): Json {
  if (verifier === undefined) return undefined;
  const { terminationMessagePath: _, volumeMounts, ...kept } = JSON.parse(JSON.stringify(verifier));
  return { ...kept, volumeMounts: volumeMounts.filter(({ name }: Json) => !name.startsWith('kube-api-access-')) };
}

/** What came back, as somebody would send it again. */
export function clean(pod: Json): Json {
  const { name, namespace, labels, annotations } = pod.metadata;
  return { ...pod, metadata: { name, namespace, labels, annotations }, status: undefined };
}

/** How an attack ended; undefined when it got through. */
export function outcomeOf({ status, body, message }: Answer, refusal: RegExp): string | undefined {
  if (status >= 400) {
    if (refusal.test(message)) return 'refused';
    if (BY_ITSELF.test(message)) return 'refused by the API server itself';
    return HELD.test(message) ? 'refused for another reason' : undefined;
  }
  const expected = mutate(INJECT, { object: body });
  const isRepaired =
    deny(REQUIRE, { object: body }) === undefined &&
    isDeepStrictEqual(essence(verifierOf(body)), essence(verifierOf(expected)));
  return isRepaired ? 'repaired' : undefined;
}
