import { cutBytes } from '../cut-bytes.ts';
import { VERIFIER } from '../inject/index.ts';
import { jsonObject } from '../json-object.ts';
import { type NamespaceMetadata, whyNotPlatforms } from './injected.ts';
import type { Pod } from './pod.ts';
import { whyNotVerifier } from './verifier-image.ts';

export type Result = 'pass' | 'fail' | 'warn' | 'error';

/** One artifact, as its verifier reported it. */
export interface ArtifactVerdict {
  readonly name: string;
  readonly result: string;
  /** Of the content, hex. */
  readonly sha256?: string;
  /** Digest of the OCI manifest that was fetched. */
  readonly manifest?: string;
  /** Whose signatures counted, in words. */
  readonly signers?: readonly string[];
  /** Names of the policies that required something of it. */
  readonly policies?: readonly string[];
}

/** What the verifier of a pod said when it ended last. */
export interface PodVerdict {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly result: Result;
  /** False for a verifier that is not the platform's: then nothing that it let pass is a pass. */
  readonly isCounted: boolean;
  readonly exitCode: number;
  readonly codes: readonly string[];
  /** For people, at most 1024 bytes of UTF-8. */
  readonly message: string;
  readonly artifacts: readonly ArtifactVerdict[];
  /** RFC 3339; when it ended. */
  readonly time: string;
}

/** More is none of the verifier's: it names at most four artifacts and the codes that there are. */
const MAX_NAMES = 64;

const MAX_MESSAGE_BYTES = 1024;

/** Whose verifiers are believed. */
export interface Believed {
  /** Digests (`sha256:...`) of the verifier's image; none believes any image. */
  readonly images: readonly string[];
  /**
   * Also verifiers that a pod's author configured: on artifacts of his choice, by a policy of his
   * choice.
   */
  readonly authors: boolean;
}

/** True for a pod whose verifier has said something. */
export function hasVerdict(pod: Pod): boolean {
  return terminatedOf(pod)?.terminated !== undefined;
}

/**
 * Reads the last verdict of a pod's verifier. Whatever a container wrote is its author's: it counts
 * as a pass only where it ran the verifier's own image, as the platform injects it.
 *
 * @param owner - labels and annotations of the pod's namespace; undefined when they could not be
 * read
 */
export function verdictOf(pod: Pod, { images, authors }: Believed, owner?: NamespaceMetadata): PodVerdict | undefined {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const { status, terminated } = terminatedOf(pod) ?? {};
  if (status === undefined || terminated === undefined || name === '' || uid === '') return undefined;
  const { exitCode = 70, message = '', finishedAt = '' } = terminated;
  const common = { namespace, pod: name, uid, exitCode, time: finishedAt };
  const stranger = images.length === 0 ? undefined : whyNotVerifier(status.imageID ?? '', referenceOf(pod), images);
  if (stranger !== undefined) {
    const text = cutBytes(`the container ${VERIFIER} ${stranger}`, MAX_MESSAGE_BYTES);
    return { ...common, result: 'fail', isCounted: false, codes: ['IMAGE_UNKNOWN'], message: text, artifacts: [] };
  }
  const { result, codes, artifacts } = machineLine(message);
  const verdict = exitCode === 65 ? 'fail' : exitCode !== 0 ? 'error' : result === 'PASSED' ? 'pass' : 'warn';
  const foreign = authors ? undefined : whyNotPlatforms(pod, owner);
  const isCounted = foreign === undefined;
  const all = { ...common, result: verdict, isCounted, codes, message: forPeople(message) } as const;
  if (isCounted) return { ...all, artifacts };
  // Whoever chose the policy chose whom to call a signer.
  const unvouched = artifacts.map(({ signers: _, policies: __, ...rest }) => rest);
  if (verdict !== 'pass') return { ...all, artifacts: unvouched };
  const why = cutBytes(`not counted as a pass: ${foreign}\n${forPeople(message)}`, MAX_MESSAGE_BYTES);
  return { ...all, result: 'warn', codes: ['NOT_INJECTED', ...codes], message: why, artifacts: unvouched };
}

function terminatedOf({ status: { initContainerStatuses = [], containerStatuses = [] } = {} }: Pod) {
  const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === VERIFIER);
  if (status === undefined) return undefined;
  return { status, terminated: status.state?.terminated ?? status.lastState?.terminated };
}

function referenceOf({ spec: { initContainers = [], containers = [] } = {} }: Pod): string {
  return [...initContainers, ...containers].find(({ name }) => name === VERIFIER)?.image ?? '';
}

/** The last line of a termination message: the one for programs. */
function machineLine(message: string): Pick<PodVerdict, 'codes' | 'artifacts'> & { result: unknown } {
  const line = message.trimEnd().split('\n').pop() ?? '';
  // Cut off, or from a verifier that died: the exit code still says enough.
  const value = jsonObject(line);
  return {
    result: value['result'],
    codes: textsOf(value['codes'], /^[A-Z_]{1,40}$/),
    artifacts: listOf(value['artifacts']).flatMap((one) => {
      const { name, result, sha256, manifest, signers, policies } = (one ?? {}) as Record<string, unknown>;
      if (typeof name !== 'string' || typeof result !== 'string') return [];
      const who = textsOf(signers, /^.{1,200}$/s);
      const by = textsOf(policies, /^.{1,100}$/s);
      return [
        {
          name: name.slice(0, 63),
          result: result.slice(0, 20),
          ...(typeof sha256 === 'string' && /^[a-f0-9]{64}$/.test(sha256) ? { sha256 } : {}),
          ...(typeof manifest === 'string' && /^sha256:[a-f0-9]{64}$/.test(manifest) ? { manifest } : {}),
          ...(who.length === 0 ? {} : { signers: who }),
          ...(by.length === 0 ? {} : { policies: by }),
        },
      ];
    }),
  };
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_NAMES) : [];
}

function textsOf(value: unknown, form: RegExp): string[] {
  return listOf(value).filter((one): one is string => typeof one === 'string' && form.test(one));
}

function forPeople(message: string): string {
  const lines = message.trimEnd().split('\n');
  const text = lines.filter((line) => !line.startsWith('{')).join('\n');
  // Control characters in somebody's file names must not reach a terminal.
  return cutBytes(
    text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === '\n' ? c : ' ')),
    MAX_MESSAGE_BYTES,
  );
}
