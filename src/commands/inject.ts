import { readFileSync } from 'node:fs';
import type { Options } from 'yargs';
import { EXIT, errno, WeighlockError } from '../error/index.ts';
import { injectManifests } from '../inject/index.ts';
import { visible } from '../report/index.ts';
import type { Context, Finished } from './context.ts';
import { flagOf, namesOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

export const INJECT_OPTIONS = {
  filename: { alias: 'f', type: 'string', describe: 'manifests; - for standard input' },
  image: { type: 'string', describe: 'image of the verifier, by digest (REPOSITORY@sha256:...)' },
  'scratch-claims': { type: 'string', array: true, nargs: 1, describe: 'claim that holds nothing to verify' },
  volumes: { type: 'string', array: true, nargs: 1, describe: 'volume to verify beside those that always are' },
  'host-paths': { type: 'string', array: true, nargs: 1, describe: 'folder of the node that holds nothing to verify' },
  'platform-containers': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'NAME=REPOSITORY of init containers that the platform answers for',
  },
  cpu: { type: 'string', default: '1', describe: 'processors that the verifier may use' },
  memory: { type: 'string', default: '512Mi', describe: 'memory that the verifier may use' },
  'cpu-request': { type: 'string', default: '100m', describe: 'processors that a node must have free for it' },
  'memory-request': { type: 'string', default: '256Mi', describe: 'memory that a node must have free for it' },
  'kinds-without-pods': { type: 'string', array: true, nargs: 1, describe: 'kind of object without a pod in it' },
  check: { type: 'boolean', default: false, describe: 'change nothing: exit 65 when the verifier is missing' },
} as const satisfies Record<string, Options>;

/** By digest, as a policy compares it: a tag could be moved to an image that verifies nothing. */
const BY_DIGEST = /^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[a-f0-9]{64}$/;

/**
 * `weighlock inject -f FILE`: puts the verifier into the pods of manifests. It ends with 65 where a
 * pod cannot be verified as it is written, or an object is not understood.
 */
export async function inject(values: RawValues, { out, err }: Context): Promise<Finished> {
  const file = textOf(values, 'filename');
  if (file === undefined)
    throw usage('no manifest was given', 'name it: weighlock inject -f FILE, or -f - for standard input');
  const image = textOf(values, 'image');
  if (image === undefined) throw usage('no image was given', 'name it by digest: --image REPOSITORY@sha256:...');
  if (!BY_DIGEST.test(image)) throw usage(`--image is not by digest: ${image}`, 'write it as REPOSITORY@sha256:...');
  const settings = {
    image,
    scratchClaims: namesOf(values, 'scratch-claims'),
    volumes: namesOf(values, 'volumes'),
    hostPaths: namesOf(values, 'host-paths'),
    platformContainers: namesOf(values, 'platform-containers'),
    cpu: quantity(values, 'cpu'),
    memory: quantity(values, 'memory'),
    cpuRequest: quantity(values, 'cpu-request'),
    memoryRequest: quantity(values, 'memory-request'),
  };
  for (const name of ['cpu', 'memory'] as const)
    if (amount(settings[`${name}Request`]) > amount(settings[name]))
      throw usage(
        `--${name} ${settings[name]} is less than --${name}-request ${settings[`${name}Request`]}`,
        `give --${name}-request too: Kubernetes refuses a pod that asks for more than it may use`,
      );
  const before = read(file);
  const { text, touched } = await injectManifests(before, settings, namesOf(values, 'kinds-without-pods'));
  for (const { name, result, reasons } of touched) {
    err.write(`${visible(name)}: ${result}\n`);
    for (const reason of reasons) err.write(`  ${visible(reason)}\n`);
  }
  if (!flagOf(values, 'check')) await out.writeAll(text);
  const isOpen = touched.some(({ result }) => result === 'refused' || result === 'not understood');
  const isMissing = flagOf(values, 'check') && touched.some(({ result }) => result === 'injected');
  return { exitCode: isOpen || isMissing ? EXIT.verificationFailed : EXIT.verified };
}

/**
 * A quantity of Kubernetes:
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
function quantity(values: RawValues, name: 'cpu' | 'memory' | 'cpu-request' | 'memory-request'): string {
  const text = textOf(values, name) ?? '';
  if (/^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|Ki|M|Mi|G|Gi)?$/.test(text)) return text;
  throw usage(`--${name} cannot be "${text}"`, 'give a quantity of Kubernetes, such as 500m or 512Mi');
}

const UNITS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  Ki: 2 ** 10,
  M: 1e6,
  Mi: 2 ** 20,
  G: 1e9,
  Gi: 2 ** 30,
};

function amount(quantity: string): number {
  return Number.parseFloat(quantity) * (UNITS[quantity.replace(/^[0-9.]+/, '')] ?? 1);
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `the manifest ${file} cannot be read: ${errno(error) ?? 'unknown error'}`,
        remedy: 'correct the path',
      },
      { cause: error },
    );
  }
}
