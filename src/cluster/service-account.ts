import { readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import type { Connection } from './api.ts';

/** Files of a pod's service account, or others of their kind. */
export interface AccountFiles {
  readonly server: string;
  /** Read again for every request: the kubelet renews it. */
  readonly tokenFile?: string;
  readonly caFile?: string;
}

/** A connection with the files that the kubelet puts into a pod. */
export function accountConnection({ server, tokenFile, caFile }: AccountFiles): Connection {
  return {
    server,
    credentials: () => ({
      ...(tokenFile === undefined ? {} : { token: read(tokenFile, 'the token').trim() }),
      ...(caFile === undefined ? {} : { ca: read(caFile, 'the CA certificate') }),
    }),
  };
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `${what} ${file} cannot be read: ${errno(error) ?? 'unknown error'}`,
        remedy: 'run it in a pod with automountServiceAccountToken, or name --api-server and --token-file',
      },
      { cause: error },
    );
  }
}
