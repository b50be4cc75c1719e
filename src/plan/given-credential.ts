import { readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { type AuthEntry, credentialKey, normalise } from '../registry/index.ts';
import { shownReference } from '../without-secrets.ts';

/** What `--registry-username` and its like say. */
export interface GivenCredential {
  readonly username?: string;
  readonly password?: string;
  /** File with the password; a line break at its end is no part of it. */
  readonly passwordFile?: string;
  readonly token?: string;
}

/** Whose the credential is. */
export interface Addressee {
  /** `--registry-server HOST[:PORT]`, if it was given. */
  readonly server?: string;
  /** True when a variable names the server, and the command line has the credential. */
  readonly isServerOfOthers: boolean;
  /** Registries of all sources. */
  readonly registries: readonly string[];
  /** Those of them that the command line itself names. */
  readonly written: readonly string[];
}

/**
 * A name and password, or a token, for one registry, and never tried at another: the one that
 * `--registry-server` names, or else the only one of the sources. A variable of the pod's author
 * (`MODEL_SOURCE_URL`) must not choose who gets a password of the platform, so a registry that a
 * variable names has to be named for the credential as well.
 *
 * @throws WeighlockError `USAGE` when it is not clear whose they are; `CONFIG_INVALID` for the file
 */
export function givenCredential(given: GivenCredential, addressee: Addressee): AuthEntry | undefined {
  const { username, password, passwordFile, token } = given;
  if ([username, password, passwordFile, token].every((one) => one === undefined)) return undefined;
  const passwords = [password, passwordFile, token].filter((one) => one !== undefined);
  if (passwords.length !== 1 || (token === undefined) !== (username !== undefined)) {
    throw usage(
      '--registry-username, --registry-password and their like do not fit together',
      'give --registry-username with --registry-password-file (or --registry-password), or --registry-token alone',
    );
  }
  const pattern = normalise(credentialKey(serverOf(addressee)));
  if (token !== undefined) return { pattern, credential: { kind: 'registry-token', token } };
  const secret = password ?? readPassword(passwordFile ?? '');
  return { pattern, credential: { kind: 'basic', username: username ?? '', password: secret } };
}

function serverOf({ server, isServerOfOthers, registries, written }: Addressee): string {
  if (server !== undefined) {
    // The same letters as a registry in a reference: no pattern that fits several.
    if (!/^([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/.test(server))
      throw usage(`--registry-server cannot be "${shownReference(server)}"`, 'write it as HOST or HOST:PORT');
    if (!isServerOfOthers) return server;
    throw usage(
      'WEIGHLOCK_REGISTRY_SERVER would choose who gets a credential of the command line',
      'write --registry-server beside the credential',
    );
  }
  const [registry, ...more] = new Set(registries);
  if (registry === undefined || more.length > 0) {
    throw usage(
      '--registry-username and --registry-token are for the registry of the sources, and it is not clear which that is',
      'say whose they are: --registry-server HOST; or mount a pull secret: --registry-config',
    );
  }
  if (written.includes(registry)) return registry;
  throw usage(
    `a variable names the registry ${registry}, and would choose who gets --registry-username or --registry-token`,
    'say whose they are: --registry-server HOST; or mount a pull secret: --registry-config',
  );
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `cannot read the password of the registry from ${file}: ${errno(error)}`,
        remedy: 'mount the secret, readable by the verifying user',
      },
      { cause: error },
    );
  }
}

function usage(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'USAGE', message, remedy });
}
