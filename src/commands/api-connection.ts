import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { accountConnection, type Connection, kubeconfigTarget } from '../cluster/index.ts';
import type { Environment } from '../plan/index.ts';
import { type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';

/** Where the API server is, and who asks. */
export const API_OPTIONS = {
  'api-server': { type: 'string', describe: 'address of the API server [default: that of the pod]' },
  'token-file': { type: 'string', describe: 'token to speak with [default: that of the pod]' },
  'ca-file': { type: 'string', describe: 'CA of the API server [default: that of the pod]' },
} as const satisfies Record<string, Options>;

/** For a person outside of the cluster. */
export const KUBECONFIG_OPTIONS = {
  kubeconfig: { type: 'string', describe: 'file to use [default: KUBECONFIG, or ~/.kube/config]' },
  context: { type: 'string', describe: 'context of the kubeconfig to use' },
} as const satisfies Record<string, Options>;

/** What the kubelet mounts into a pod. */
export const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The API server of the pod that this runs in, or the one that is named.
 *
 * @throws WeighlockError `USAGE`
 */
export function podConnection(values: RawValues, environment: Environment): Connection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT_HTTPS: port = '443' } = environment;
  const server =
    textOf(values, 'api-server') ?? (host === undefined ? undefined : `https://${bracketed(host)}:${port}`);
  if (server === undefined || !URL.canParse(server))
    throw usage('there is no API server to speak to', 'run it in a pod, or name it: --api-server https://HOST:PORT');
  const usual = (flag: string, name: string) => {
    const file = textOf(values, flag) ?? `${ACCOUNT}/${name}`;
    return values[flag] !== undefined || existsSync(file) ? file : undefined;
  };
  const tokenFile = usual('token-file', 'token');
  const caFile = usual('ca-file', 'ca.crt');
  // A token goes to nobody who has not shown who he is.
  if (tokenFile !== undefined && !server.startsWith('https:'))
    throw usage('a token is not sent without TLS', 'use https, or leave out --token-file (kubectl proxy needs none)');
  return accountConnection({
    server,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** What is named on the command line, the kubeconfig, or the pod that this runs in. */
export async function targetOf(
  values: RawValues,
  environment: Environment,
): Promise<{ connection: Connection; namespace: string }> {
  const kubeconfig = textOf(values, 'kubeconfig');
  const context = textOf(values, 'context');
  const isNamed = values['api-server'] !== undefined;
  if (isNamed && (kubeconfig !== undefined || context !== undefined))
    throw usage('--api-server and --kubeconfig or --context contradict each other', 'leave one out');
  const target = isNamed
    ? undefined
    : await kubeconfigTarget(environment, {
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
        ...(context === undefined ? {} : { context }),
      });
  return target ?? { connection: podConnection(values, environment), namespace: 'default' };
}
