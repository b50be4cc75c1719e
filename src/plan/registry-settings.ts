import { arch } from 'node:os';
import { join } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { type AuthEntry, type Platform, proxySettings, type RegistrySettings } from '../registry/index.ts';
import { shownReference } from '../without-secrets.ts';
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
  /** Milliseconds: `--response-timeout` */
  readonly responseTimeout: number;
  /** `--connections` */
  readonly connections: number;
  /** `--registry-username` and its password, or `--registry-token` */
  readonly given?: AuthEntry;
}

/**
 * Collects how registries are reached, and opens nothing: a run that asks no registry must not end
 * because of a file that is meant for one.
 *
 * @throws WeighlockError `USAGE`
 */
export function registrySettings(flags: RegistryFlags, environment: Environment): RegistrySettings {
  const { caFiles, plainHttp, configs, mirrors, responseTimeout, connections, given } = flags;
  return {
    credentials: { named: configs, usual: usualPlaces(environment), ...(given === undefined ? {} : { given }) },
    caFiles,
    plainHttp,
    mirrors: parseMirrors(mirrors),
    responseTimeout,
    connections,
    proxy: proxySettings(environment),
  };
}

/** A variable that is empty names no folder, least of all the working one. */
function usualPlaces(environment: Environment): string[] {
  const folder = (name: string, file: string) => (environment[name] ? [join(environment[name], file)] : []);
  const docker = folder('DOCKER_CONFIG', 'config.json');
  return [
    ...docker,
    ...folder('REGISTRY_AUTH_FILE', ''),
    ...(docker.length === 0 ? folder('HOME', '.docker/config.json') : []),
    ...folder('XDG_RUNTIME_DIR', 'containers/auth.json'),
  ];
}

function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}

function parseMirrors(mirrors: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, string[]>();
  for (const text of mirrors) {
    const [, registry = '', host = ''] = /^([a-zA-Z0-9.:_-]+)=([a-zA-Z0-9.:_-]+)$/.exec(text) ?? [];
    if (registry === '') {
      throw usage(`--mirror cannot be "${shownReference(text)}"`, 'write it as REGISTRY=HOST[:PORT]');
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
  if (os === '') throw usage(`--platform cannot be "${text}"`, 'write it as linux/amd64');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
