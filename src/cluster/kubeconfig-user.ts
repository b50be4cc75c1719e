import { resolve } from 'node:path';
import type { Credentials } from './api.ts';
import { execCredentials } from './exec-plugin.ts';
import { dataIn, type Fields, fieldsOf, invalidField, readNamed, textIn } from './kubeconfig-fields.ts';

/** How the server has to show who it is. */
export function tlsOf(cluster: Fields, folder: string): () => Credentials {
  const servername = textIn(cluster, 'tls-server-name');
  const isInsecure = cluster['insecure-skip-tls-verify'] === true;
  return () => {
    const ca = dataIn(cluster, 'certificate-authority', folder);
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(servername === undefined ? {} : { servername }),
      ...(isInsecure ? { rejectUnauthorized: false as const } : {}),
    };
  };
}

/** What kubectl took once, and does not take any more. */
const GONE = {
  'auth-provider': 'auth-provider was removed from Kubernetes 1.26: use an exec plug-in',
  username: 'a user name and password are accepted by no API server since 1.19',
} as const;

/**
 * What a user shows to the server: a token, a client certificate, or what an exec plug-in gives for
 * either.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function userCredentials(
  user: Fields,
  folder: string,
  server: string,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<Credentials> | Credentials {
  for (const [key, why] of Object.entries(GONE)) if (user[key] !== undefined) throw invalidField(why);
  const plugin = user['exec'] === undefined || user['exec'] === null ? undefined : fieldsOf(user['exec'], 'exec');
  const fromPlugin = plugin === undefined ? undefined : execCredentials(plugin, folder, environment);
  const headers = impersonation(user);
  const hasToken = textIn(user, 'token') !== undefined || textIn(user, 'tokenFile') !== undefined;
  // A token goes to nobody who has not shown who he is.
  if ((hasToken || plugin !== undefined) && !server.startsWith('https:'))
    throw invalidField(`a token is not sent to ${server} without TLS`);
  return async () => ({
    ...ownCredentials(user, folder),
    ...(await fromPlugin?.()),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  });
}

function ownCredentials(user: Fields, folder: string): Credentials {
  const cert = dataIn(user, 'client-certificate', folder);
  const key = dataIn(user, 'client-key', folder);
  if ((cert === undefined) !== (key === undefined))
    throw invalidField('a client certificate and its key go together, and one of them is missing');
  const file = textIn(user, 'tokenFile');
  const token = file === undefined ? textIn(user, 'token') : readNamed(resolve(folder, file)).toString('utf8').trim();
  return {
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(token === undefined ? {} : { token }),
  };
}

/** `as`, `as-uid`, `as-groups`: to be taken for somebody else, by a user who may. */
function impersonation(user: Fields): Record<string, string | readonly string[]> {
  const as = textIn(user, 'as');
  const uid = textIn(user, 'as-uid');
  const groups = Array.isArray(user['as-groups']) ? (user['as-groups'] as unknown[]).map(String) : [];
  if (user['as-user-extra'] !== undefined) throw invalidField('as-user-extra is not supported');
  return {
    ...(as === undefined ? {} : { 'Impersonate-User': as }),
    ...(uid === undefined ? {} : { 'Impersonate-Uid': uid }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups }),
  };
}
