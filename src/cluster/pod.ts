import { cutBytes } from '../cut-bytes.ts';
import { type Container, type PodSpec, VERIFIER } from '../inject/index.ts';
import { jsonObject } from '../json-object.ts';
import { type NamespaceMetadata, whyNotPlatforms } from './injected.ts';

/** What of a pod a report is made of. */
export interface Pod {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: PodSpec;
  readonly status?: {
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** A container as the API server has it. */
export interface PodContainer extends Container {
  readonly command?: unknown;
  readonly envFrom?: unknown;
  readonly lifecycle?: unknown;
  readonly workingDir?: unknown;
}

interface ContainerStatus {
  readonly name?: string;
  readonly imageID?: string;
  readonly state?: { readonly terminated?: Terminated };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface Terminated {
  readonly exitCode?: number;
  readonly message?: string;
  readonly finishedAt?: string;
}

/** What the verifier of a pod said when it ended last. */
export interface Word {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly result: 'pass' | 'fail' | 'warn' | 'error';
  readonly exitCode: number;
  readonly codes: readonly string[];
  /** For people, at most 1024 bytes of UTF-8. */
  readonly message: string;
  readonly artifacts: readonly { readonly name: string; readonly result: string; readonly sha256?: string }[];
  /** RFC 3339; when it ended. */
  readonly time: string;
}

/** More is none of the verifier's: it names at most four artifacts and the codes that there are. */
const MAX_NAMES = 64;

/** Whose verifiers are believed. */
export interface Believed {
  /** Digests (`sha256:...`) of the verifier's image; none believes any image. */
  readonly images: readonly string[];
  /** Also verifiers that a pod's author configured: on artifacts of his choice, by a policy of his choice. */
  readonly authors: boolean;
}

/**
 * Reads the last word of a pod's verifier. Whatever a container wrote is its author's: it counts as a pass only where it ran
 * the verifier's own image, as the platform injects it.
 *
 * @param owner - labels and annotations of the pod's namespace; undefined when they could not be read
 */
export function wordOf(pod: Pod, { images, authors }: Believed, owner?: NamespaceMetadata): Word | undefined {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const status = all.find((one) => one.name === VERIFIER);
  const terminated = status?.state?.terminated ?? status?.lastState?.terminated;
  if (status === undefined || terminated === undefined || name === '' || uid === '') return undefined;
  const { exitCode = 70, message = '', finishedAt = '' } = terminated;
  const common = { namespace, pod: name, uid, exitCode, time: finishedAt };
  const isOurs = images.length === 0 || images.some((digest) => (status.imageID ?? '').endsWith(digest));
  if (!isOurs) {
    const why = `the container ${status.name} does not run the verifier's image, but ${status.imageID}`;
    return { ...common, result: 'fail', codes: ['IMAGE_UNKNOWN'], message: cutBytes(why, 1024), artifacts: [] };
  }
  const { result, codes, artifacts } = machineLine(message);
  const verdict = exitCode === 65 ? 'fail' : exitCode !== 0 ? 'error' : result === 'PASSED' ? 'pass' : 'warn';
  const foreign = verdict === 'pass' && !authors ? whyNotPlatforms(pod, owner) : undefined;
  if (foreign === undefined) return { ...common, result: verdict, codes, message: forPeople(message), artifacts };
  const why = `not counted as a pass: ${foreign}\n${forPeople(message)}`;
  return { ...common, result: 'warn', codes: ['NOT_INJECTED', ...codes], message: cutBytes(why, 1024), artifacts };
}

/** The last line of a termination message: the one for programs. */
function machineLine(message: string): Pick<Word, 'codes' | 'artifacts'> & { result: unknown } {
  const line = message.trimEnd().split('\n').pop() ?? '';
  // Cut off, or from a verifier that died: the exit code still says enough.
  const value = jsonObject(line);
  const list = (key: string) => (Array.isArray(value[key]) ? (value[key] as unknown[]).slice(0, MAX_NAMES) : []);
  return {
    result: value['result'],
    codes: list('codes').filter((code) => typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code)) as string[],
    artifacts: list('artifacts').flatMap((one) => {
      const { name, result, sha256 } = (one ?? {}) as Record<string, unknown>;
      if (typeof name !== 'string' || typeof result !== 'string') return [];
      const isDigest = typeof sha256 === 'string' && /^[a-f0-9]{64}$/.test(sha256);
      return [{ name: name.slice(0, 63), result: result.slice(0, 20), ...(isDigest ? { sha256 } : {}) }];
    }),
  };
}

function forPeople(message: string): string {
  const lines = message.trimEnd().split('\n');
  const text = lines.filter((line) => !line.startsWith('{')).join('\n');
  // Control characters in somebody's file names must not reach a terminal.
  return cutBytes(
    text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === '\n' ? c : ' ')),
    1024,
  );
}
