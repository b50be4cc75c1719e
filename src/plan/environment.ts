import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { parsePin } from './pin.ts';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the pod's author said about one artifact with `DATASET_*` or `MODEL_*`. */
export interface EnvironmentArtifact {
  /** `dataset` or `model`. */
  readonly name: string;
  /** `*_PATH` */
  readonly path?: string;
  /** `*_SOURCE_URL` */
  readonly sourceUrl?: string;
  /** `*_SIGNATURE`: a file with a signature; whose counts is not said here. */
  readonly signature?: string;
  /** `*_SHA256` */
  readonly pin?: { readonly digest: string; readonly origin: string };
}

const KINDS = ['MODEL', 'DATASET'] as const;

/**
 * Reads `MODEL_*` and `DATASET_*`. A variable that is set but empty is an error: it is what a
 * template leaves behind when a value is missing, and taking it for "not set" would check nothing.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function readEnvironment(environment: Environment): EnvironmentArtifact[] {
  return KINDS.flatMap((kind) => {
    const path = variable(environment, `${kind}_PATH`);
    const sourceUrl = variable(environment, `${kind}_SOURCE_URL`);
    const digest = variable(environment, `${kind}_SHA256`);
    const signature = variable(environment, `${kind}_SIGNATURE`);
    if (path === undefined && sourceUrl === undefined && digest === undefined && signature === undefined) return [];
    const origin = `${kind}_SHA256`;
    return [
      {
        name: kind.toLowerCase(),
        ...(path === undefined ? {} : { path }),
        ...(sourceUrl === undefined ? {} : { sourceUrl }),
        ...(signature === undefined ? {} : { signature: resolve(signature) }),
        ...(digest === undefined ? {} : { pin: { digest: parsePin(digest, origin), origin } }),
      },
    ];
  });
}

function variable(environment: Environment, name: string): string | undefined {
  const value = environment[name];
  if (value === '') {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `${name} is set but empty`,
      remedy: `give ${name} its value, or remove it from the pod`,
    });
  }
  if (value?.includes('\0')) {
    throw new WeighlockError({ code: 'CONFIG_INVALID', message: `${name} contains a NUL byte`, remedy: 'remove it' });
  }
  return value;
}
