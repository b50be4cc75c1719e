import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import type { RunHelper } from './credential-helper.ts';
import { credentialsFor } from './credentials.ts';
import {
  type AuthEntry,
  type Credential,
  MAX_CONFIG_BYTES,
  matchAuths,
  mergeDockerConfigs,
  parseDockerConfig,
} from './docker-config.ts';

/** Where credentials are; nothing of it is read before a registry is asked for. */
export interface CredentialSources {
  /** Given by name and password, for one registry. */
  readonly given?: AuthEntry;
  /** Configuration files and pull secrets that were named: they must be there. */
  readonly named: readonly string[];
  /** The usual places of Docker and Podman, which may have none. */
  readonly usual: readonly string[];
}

/**
 * The credentials of a run. The files that were named are read when a registry is first asked for,
 * those of the usual places only when a registry wants credentials and the named ones have none for
 * it. What is there but malformed is an error, never "no credentials"; of a usual place that this
 * user may not look into, nobody meant us to know.
 */
export class Keychain {
  readonly #sources: CredentialSources;
  readonly #notice: (text: string) => void;
  readonly #runHelper: RunHelper | undefined;

  constructor(sources: CredentialSources, notice: (text: string) => void, runHelper?: RunHelper) {
    this.#sources = sources;
    this.#notice = notice;
    this.#runHelper = runHelper;
  }

  /** @throws WeighlockError `CONFIG_INVALID` for a named file that cannot be used */
  requireNamed(): void {
    for (const file of this.#sources.named) readConfig(file);
  }

  /** The credentials to try for a repository, in order; none when nobody knows the registry. */
  async credentialsFor(registry: string, repository: string): Promise<Credential[]> {
    const { given, named, usual } = this.#sources;
    const own = { auths: given === undefined ? [] : [given], credHelpers: new Map<string, string>() };
    const first = matchAuths(own, registry, repository);
    if (first.length > 0) return first;
    for (const files of [() => named.map(readConfig), () => usual.flatMap((file) => this.#readUsual(file))]) {
      const config = mergeDockerConfigs(files());
      const found = await credentialsFor(config, registry, repository, this.#runHelper);
      if (found.length > 0) return found;
    }
    return [];
  }

  #readUsual(file: string): ReturnType<typeof readConfig>[] {
    try {
      return [readConfig(file)];
    } catch (error) {
      const code = errno((error as { cause?: unknown }).cause);
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      this.#notice(`${file} may hold registry credentials, and may not be read (${code}): going on without them`);
      return [];
    }
  }
}

function readConfig(file: string): ReturnType<typeof parseDockerConfig> {
  let descriptor: number;
  try {
    // A FIFO would keep a plain open waiting for ever.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(file, errno(error) ?? 'unknown error', error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > MAX_CONFIG_BYTES)
      throw unreadable(file, `not a file of at most ${MAX_CONFIG_BYTES} bytes`);
    return parseDockerConfig(readText(file, descriptor), file);
  } finally {
    closeSync(descriptor);
  }
}

function readText(file: string, descriptor: number): string {
  try {
    return readFileSync(descriptor, 'utf8');
  } catch (error) {
    throw unreadable(file, errno(error) ?? 'unknown error', error);
  }
}

function unreadable(file: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `cannot read the registry credentials ${file}: ${why}`,
      remedy: 'mount the pull secret, readable by the verifying user; or set DOCKER_CONFIG to another folder',
    },
    { cause },
  );
}
