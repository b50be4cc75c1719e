import { WeighlockError } from '../error/index.ts';
import { execHelper, type RunHelper } from './credential-helper.ts';
import { type Credential, type DockerConfig, matchAuths, normalise } from './docker-config.ts';
import { credentialKey } from './reference.ts';

/**
 * The credentials to try for a repository, in Docker's order: the host's own helper, the store, the
 * entries of `auths`. An empty list means that nobody knows this registry, and we ask anonymously.
 *
 * @throws WeighlockError `CONFIG_INVALID` when a configured helper is not there or answers nonsense
 */
export async function credentialsFor(
  config: DockerConfig,
  registry: string,
  repository: string,
  runHelper: RunHelper = execHelper,
): Promise<Credential[]> {
  const key = credentialKey(registry);
  const [, helper] = [...config.credHelpers].find(([host]) => normalise(host) === normalise(key)) ?? [];
  if (helper !== undefined) return askHelper(helper, key, runHelper);
  const stored = config.credsStore === undefined ? [] : await askHelper(config.credsStore, key, runHelper);
  return [...stored, ...matchAuths(config, key, repository)];
}

async function askHelper(suffix: string, server: string, runHelper: RunHelper): Promise<Credential[]> {
  const { status, stdout } = await runHelper(suffix, server);
  // The protocol's way to say "I have none" (docker-credential-helpers, credentials/error.go).
  if (status !== 0 && /credentials not found in native keychain/.test(stdout)) return [];
  if (status !== 0) throw helperFault(suffix, `it ended with ${status}`);
  try {
    const { Username, Secret } = JSON.parse(stdout) as { Username?: unknown; Secret?: unknown };
    if (typeof Username === 'string' && typeof Secret === 'string') {
      if (Username === '<token>') return [{ kind: 'identity-token', token: Secret }];
      return [{ kind: 'basic', username: Username, password: Secret }];
    }
  } catch {
    // Its output may hold a secret: not in the message.
  }
  throw helperFault(suffix, 'it did not answer in the credential helper protocol');
}

function helperFault(suffix: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `the credential helper docker-credential-${suffix} failed: ${why}`,
    remedy: 'put the helper into the image, in /usr/local/bin, or mount a pull secret with "auths" instead',
  });
}
