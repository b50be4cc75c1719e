import { existsSync } from 'node:fs';
import type { Options } from 'yargs';
import { Api, type ApiSettings, Reporter } from '../cluster/index.ts';
import { EXIT } from '../error/index.ts';
import type { Environment } from '../plan/index.ts';
import { JsonLinesReporter } from '../report/index.ts';
import type { Context, Finished } from './context.ts';
import { flagOf, listOf, type RawValues, textOf } from './options.ts';
import { usage } from './usage.ts';

export const REPORT_OPTIONS = {
  namespace: { type: 'string', describe: 'look at one namespace [default: all]' },
  'verifier-image': { type: 'string', array: true, nargs: 1, describe: "digest of the verifier's image (sha256:...)" },
  'count-authors': {
    type: 'boolean',
    default: false,
    describe: "count as a pass what a verifier says that a pod's author configured",
  },
  events: { type: 'boolean', default: true, describe: 'write events too (--no-events)' },
  once: { type: 'boolean', default: false, describe: 'report the pods that there are, and end' },
  'api-server': { type: 'string', describe: 'address of the API server [default: that of the pod]' },
  'token-file': { type: 'string', describe: 'token to speak with [default: that of the pod]' },
  'ca-file': { type: 'string', describe: 'CA of the API server [default: that of the pod]' },
} as const satisfies Record<string, Options>;

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** `weighlock report`: what verifiers said when they ended becomes PolicyReports and events. */
export async function report(values: RawValues, { environment, out, signal }: Context): Promise<Finished> {
  const namespace = textOf(values, 'namespace');
  const images = listOf(values, 'verifier-image').flatMap((value) => value.split(','));
  const wrong = images.find((image) => !/^sha256:[a-f0-9]{64}$/.test(image));
  if (wrong !== undefined) throw usage(`--verifier-image cannot be "${wrong}"`, 'give its digest: sha256:...');
  const lines = new JsonLinesReporter(out);
  const notice = (text: string) => lines.notice(text);
  if (images.length === 0)
    notice(
      'without --verifier-image whoever writes a pod can write its report: any container called weighlock is believed',
    );
  const reporter = new Reporter(new Api(settingsOf(values, environment)), {
    ...(namespace === undefined ? {} : { namespace }),
    images,
    authors: flagOf(values, 'count-authors'),
    events: flagOf(values, 'events'),
    notice,
  });
  if (!flagOf(values, 'once')) {
    await reporter.run(signal);
    return { exitCode: EXIT.sigterm };
  }
  await reporter.list(signal);
  return { exitCode: EXIT.verified };
}

function settingsOf(values: RawValues, environment: Environment): ApiSettings {
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
  return {
    server,
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
