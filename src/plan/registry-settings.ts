import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { errno, WeighlockError } from '../error/index.ts';
import {
  type DockerConfig,
  MAX_CONFIG_BYTES,
  mergeDockerConfigs,
  type Platform,
  parseDockerConfig,
  proxySettings,
  type RegistrySettings,
} from '../registry/index.ts';
import type { Environment } from './environment.ts';

/** What the command line says about registries and servers. */
export interface RegistryFlags {
  /** `--registry-config FILE`, each a Docker config.json or a mounted pull secret. */
  readonly configs: readonly string[];
  /** `--registry-cacert FILE` */
  readonly caFiles: readonly string[];
  /** `--plain-http HOST[:PORT]` */
  readonly plainHttp: readonly string[];
  /** `--mirror REGISTRY=HOST` */
  readonly mirrors: readonly string[];
}

/**
 * Collects how registries are reached. Files that were named must be there; the usual places of Docker and Podman are
 * looked at as well, after them. A file that is there but malformed is an error, never "no credentials".
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function registrySettings(flags: RegistryFlags, environment: Environment): RegistrySettings {
  const named = flags.configs.map((file) => read(file, true));
  const usual = usualPlaces(environment).map((file) => read(file, false));
  const credentials = mergeDockerConfigs([...named, ...usual].filter((config) => config !== undefined));
  const { caFiles } = flags;
  return {
    credentials,
    caFiles,
    plainHttp: flags.plainHttp,
    mirrors: parseMirrors(flags.mirrors),
    proxy: proxySettings(environment),
  };
}

function usualPlaces(environment: Environment): string[] {
  const home = environment['HOME'];
  const docker = environment['DOCKER_CONFIG'];
  return [
    ...(docker === undefined ? [] : [join(docker, 'config.json')]),
    ...(environment['REGISTRY_AUTH_FILE'] === undefined ? [] : [environment['REGISTRY_AUTH_FILE']]),
    ...(docker === undefined && home !== undefined ? [join(home, '.docker/config.json')] : []),
    ...(environment['XDG_RUNTIME_DIR'] === undefined
      ? []
      : [join(environment['XDG_RUNTIME_DIR'], 'containers/auth.json')]),
  ];
}

function read(file: string, required: boolean): DockerConfig | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if (!required && (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR')) return undefined;
    throw unreadable(file, errno(error) ?? 'unknown error', error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > MAX_CONFIG_BYTES)
      throw unreadable(file, `not a file of at most ${MAX_CONFIG_BYTES} bytes`);
    return parseDockerConfig(readFileSync(descriptor, 'utf8'), file);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `cannot read the registry credentials ${file}: ${why}`,
      remedy: 'mount the pull secret, readable by the verifying user',
    },
    { cause },
  );
}

function parseMirrors(mirrors: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, string[]>();
  for (const text of mirrors) {
    const [, registry = '', host = ''] = /^([a-zA-Z0-9.:_-]+)=([a-zA-Z0-9.:_-]+)$/.exec(text) ?? [];
    if (registry === '') {
      throw new WeighlockError({
        code: 'USAGE',
        message: `--mirror cannot be "${text}"`,
        remedy: 'write it as REGISTRY=HOST[:PORT]',
      });
    }
    result.set(registry, [...(result.get(registry) ?? []), host]);
  }
  return result;
}

/** Architectures as Go, and so the OCI specifications, call them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/**
 * `os/architecture[/variant]`; what this machine is when nothing is asked for.
 *
 * @throws WeighlockError `USAGE`
 */
export function parsePlatform(text: string | undefined): Platform {
  if (text === undefined) return { os: 'linux', architecture: ARCHITECTURES[arch()] ?? arch() };
  const [, os = '', architecture = '', variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/.exec(text) ?? [];
  if (os === '')
    throw new WeighlockError({
      code: 'USAGE',
      message: `--platform cannot be "${text}"`,
      remedy: 'write it as linux/amd64',
    });
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
