import type { Readable } from 'node:stream';
import type { Options } from 'yargs';
import { cutBytes } from '../cut-bytes.ts';
import { EXIT, type Failure, failureOf, WeighlockError } from '../error/index.ts';
import {
  imageName,
  type NodeImagePolicy,
  parsePlatform,
  type RemoteSettings,
  readNodeImagePolicy,
  readTrust,
  registrySettings,
} from '../plan/index.ts';
import {
  type Digest,
  parseDigest,
  parseJson,
  parseReference,
  type Reference,
  referenceText,
} from '../registry/index.ts';
import { failureLine, visible } from '../report/index.ts';
import { type ImageVerdict, verifyImage } from '../run/index.ts';
import { storeSettings } from '../store/index.ts';
import { exitCodeFor } from '../verdict/index.ts';
import type { Context, Finished } from './context.ts';
import { type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

/**
 * How containerd calls what it starts (docs/image-verification.md there); with one hyphen, as Go
 * does.
 */
const OF_CONTAINERD = ['name', 'digest', 'stdin-media-type'] as const;

export const IMAGE_VERIFIER_OPTIONS = {
  policy: {
    type: 'string',
    default: '/etc/weighlock/image-policy.yaml',
    describe: 'NodeImagePolicy of whoever runs the node',
  },
  name: { type: 'string', describe: 'reference of the image (-name, from containerd)' },
  digest: { type: 'string', describe: 'its digest (-digest)' },
  'stdin-media-type': { type: 'string', describe: 'what comes on standard input (-stdin-media-type)' },
} as const satisfies Record<string, Options>;

/** The only one that there is. */
const DESCRIPTOR = 'application/vnd.oci.descriptor.v1+json';

/** A descriptor has a few hundred bytes; its annotations are those of somebody's index. */
const MAX_STDIN_BYTES = 1 << 16;

/** An event of a pod, which repeats it, has at most 1,024 bytes. */
const MAX_REASON_BYTES = 700;

/**
 * `-name X` as containerd writes it becomes `--name=X`. A value is taken whatever it begins with,
 * as Go's `flag` does.
 */
export function fromContainerd(words: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const name = OF_CONTAINERD.find((one) => word === `-${one}` || word === `--${one}`);
    const inline = OF_CONTAINERD.find((one) => word.startsWith(`-${one}=`));
    if (inline !== undefined) result.push(`-${word}`);
    else if (name === undefined) result.push(word);
    else result.push(`--${name}=${words[++i] ?? ''}`);
  }
  return result;
}

/**
 * `weighlock image-verifier`: containerd asks whether an image may be pulled; 0 is yes, everything
 * else is no. The reason is on standard output, in one line.
 */
export async function imageVerifier(values: RawValues, context: Context): Promise<Finished> {
  const file = textOf(values, 'policy') ?? '';
  const policy = await readNodeImagePolicy(readTrust(file, 'the policy for images'), file);
  const say = async (exitCode: number, text: string): Promise<Finished> => {
    await context.out.writeAll(`${cutBytes(visible(text), MAX_REASON_BYTES)}\n`);
    return { exitCode };
  };
  const asked = askedOf(values);
  const { reference, digest } = asked;
  const image = referenceText({ registry: reference.registry, repository: reference.repository, digest });
  let verdict: ImageVerdict | Allowed;
  try {
    verdict = await within(policy, context, (signal) => judge(asked, policy, context, signal));
  } catch (error) {
    verdict = { failures: [failureOf(error)], signers: [] };
  }
  const { failures } = verdict;
  const [failure] = failures;
  if (failure === undefined) return say(EXIT.verified, `${image}: ${howVerified(verdict)}`);
  const exitCode = exitCodeFor(failures, policy.mode, policy.failurePolicy);
  const next = failure.remedy === undefined ? '' : `; ${failure.remedy}`;
  const reason = `${failureLine(failure)}${next}`;
  if (exitCode !== EXIT.verified) return say(exitCode, `${image} is refused: ${reason}`);
  return say(exitCode, `${image} is UNVERIFIED and allowed all the same (policy ${policy.name}): ${reason}`);
}

/** Nothing was asked of it. */
type Allowed = { readonly failures: readonly Failure[]; readonly rules: string };

function howVerified(verdict: ImageVerdict | Allowed): string {
  return 'rules' in verdict ? `allowed by ${verdict.rules}` : `signed by ${verdict.signers.join(', ')}`;
}

interface Asked {
  readonly reference: Reference;
  readonly digest: Digest;
}

function askedOf(values: RawValues): Asked {
  const [name, digestText, type] = OF_CONTAINERD.map((key) => {
    const text = textOf(values, key);
    if (text === undefined) throw usage(`-${key} is missing`, 'containerd gives it: see docs/image-verifier.md');
    return text;
  }) as [string, string, string];
  if (type !== DESCRIPTOR)
    throw usage(`-stdin-media-type is ${type}`, `this version knows ${DESCRIPTOR}: use one that fits this containerd`);
  const digest = parseDigest(digestText);
  if (digest === undefined) throw usage('-digest is not sha256: and 64 lower-case hex digits', 'use SHA-256');
  const reference = parseReference(name);
  if (reference.digest !== undefined && reference.digest !== digest) throw otherDigest('-name', reference.digest);
  return { reference, digest };
}

async function judge(
  { reference, digest }: Asked,
  policy: NodeImagePolicy,
  { environment, pool, err, stdin = process.stdin }: Context,
  signal: AbortSignal,
): Promise<ImageVerdict | Allowed> {
  const described = descriptorDigest(await readStdin(stdin, signal));
  if (described !== digest) throw otherDigest('the descriptor on standard input', described);
  const rules = policy.rules.filter(({ matches }) => matches(imageName(reference)));
  if (rules.length === 0) {
    if (policy.unmatched === 'Refuse') return { failures: [unmatched(policy, imageName(reference))], signers: [] };
    return { failures: [], rules: `policy ${policy.name}: no rule speaks of it` };
  }
  const strange = rules.find(({ digests }) => digests !== undefined && !digests.includes(digest));
  if (strange !== undefined)
    return { failures: [otherImage(strange.name, strange.digests ?? [], digest)], signers: [] };
  const requirements = rules.flatMap(({ require }) => require);
  const names = rules.map(({ name }) => name).join(', ');
  if (requirements.length === 0) return { failures: [], rules: `rule ${names}` };
  const notice = (text: string) => err.write(`${visible(text)}\n`);
  const settings = settingsOf(policy, environment);
  return verifyImage({ reference, digest, requirements }, settings, pool(), notice, signal);
}

function settingsOf({ registries, timeout }: NodeImagePolicy, environment: Context['environment']): RemoteSettings {
  return {
    registry: registrySettings({ ...registries, responseTimeout: timeout, connections: 1 }, environment),
    stores: storeSettings({}),
    platform: parsePlatform(undefined),
    allowUnknownLayers: false,
    replace: false,
    unpack: false,
  };
}

/**
 * Ends in the time that the policy gives, from now on: starting the program takes a part of
 * containerd's.
 */
async function within<T>(
  { timeout }: NodeImagePolicy,
  { signal }: Context,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const all = AbortSignal.any([signal, limit.signal]);
  const expire = () => limit.abort(tooLate(timeout));
  const timer = setTimeout(expire, timeout);
  try {
    const aborted = new Promise<never>((_, reject) => {
      all.addEventListener('abort', () => reject(all.reason), { once: true });
    });
    return await Promise.race([work(all), aborted]);
  } finally {
    clearTimeout(timer);
  }
}

/** All of standard input, which containerd closes. */
async function readStdin(stdin: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { Transform } = process.getBuiltinModule('node:stream');
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(bytes > MAX_STDIN_BYTES ? tooLong() : null, chunk);
    },
  });
  stdin.on('error', (error) => limited.destroy(error));
  signal.addEventListener('abort', () => limited.destroy(signal.reason), { once: true });
  try {
    for await (const chunk of stdin.pipe(limited)) chunks.push(chunk as Buffer);
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw usage('the descriptor on standard input cannot be read', 'containerd gives it: see docs/image-verifier.md');
  } finally {
    stdin.unpipe();
    stdin.pause();
  }
  return Buffer.concat(chunks);
}

/** @throws WeighlockError for what is no descriptor */
function descriptorDigest(bytes: Buffer): Digest {
  const { digest } = parseJson(bytes);
  const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined;
  if (parsed === undefined)
    throw usage('what is on standard input is no descriptor with a digest', 'containerd writes one');
  return parsed;
}

function tooLong(): WeighlockError {
  return usage(`standard input has more than ${MAX_STDIN_BYTES} bytes`, 'containerd writes one descriptor');
}

function tooLate(timeout: number): WeighlockError {
  return new WeighlockError({
    code: 'TIMEOUT',
    message: `no verdict within ${timeout / 1000} s`,
    remedy: 'see whether this node reaches the registry; containerd asks again when the pod is tried again',
  });
}

function otherDigest(where: string, found: string): WeighlockError {
  return usage(
    `${where} names ${found}, and -digest another one`,
    'see docs/image-verifier.md for what containerd gives',
  );
}

function unmatched({ name }: NodeImagePolicy, image: string): Failure {
  return {
    code: 'SIGNER_UNTRUSTED',
    message: `no rule of policy ${name} speaks of ${image}`,
    remedy: 'add a rule for its repository to the policy of the node, or take it from a repository that has one',
  };
}

function otherImage(rule: string, digests: readonly string[], found: string): Failure {
  return {
    code: 'DIGEST_MISMATCH',
    message: `it is none of the images that rule ${rule} lists`,
    expected: digests.slice(0, 3).join(' or '),
    found,
    remedy: 'do not use this image; if it is the right one, add its digest to the rule',
  };
}
