import type { Options } from 'yargs';
import { Api, explainPod, type PodRow, podTable, readPods, rowsOf } from '../cluster/index.ts';
import { EXIT } from '../error/index.ts';
import { jsonText } from '../visible-text.ts';
import { API_OPTIONS, KUBECONFIG_OPTIONS, targetOf } from './api-connection.ts';
import type { Context, Finished } from './context.ts';
import { choiceOf, flagOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';
import { IMAGE_OPTION, imagesOf } from './verifier-image.ts';

export const PODS_OPTIONS = {
  namespace: { type: 'string', alias: 'n', describe: 'namespace [default: that of the context]' },
  'all-namespaces': { type: 'boolean', alias: 'A', default: false, describe: 'look at all namespaces' },
  selector: { type: 'string', alias: 'l', describe: 'labels that pods must have, as with kubectl get' },
  explain: { type: 'string', describe: 'say everything that is known of one POD' },
  output: { type: 'string', alias: 'o', default: 'text', describe: 'text, wide or json' },
  ...KUBECONFIG_OPTIONS,
  ...IMAGE_OPTION,
  ...API_OPTIONS,
} as const satisfies Record<string, Options>;

/** `weighlock pods`, `kubectl weighlock`: what the verifiers of pods said, and who confirms it. */
export async function pods(values: RawValues, { environment, out, err, signal }: Context): Promise<Finished> {
  const output = choiceOf(values, 'output', ['text', 'wide', 'json'] as const);
  const images = imagesOf(values);
  const { connection, namespace: usual } = await targetOf(values, environment);
  const pod = textOf(values, 'explain');
  const isEverywhere = flagOf(values, 'all-namespaces');
  if (isEverywhere && (pod !== undefined || values['namespace'] !== undefined))
    throw usage('--all-namespaces goes with neither --namespace nor --explain', 'name the namespace: -n NAMESPACE');
  const selector = textOf(values, 'selector');
  const namespace = textOf(values, 'namespace') ?? usual;
  const wanted = {
    ...(isEverywhere ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(selector === undefined ? {} : { selector }),
  };
  const isJudging = images.length > 0;
  const read = await readPods(new Api(connection), wanted, isJudging, signal);
  const rows = rowsOf(read.pods, read.reports, { images, authors: !isJudging }, (name) => read.namespaces.get(name));
  const now = Date.now();
  const explained = pod === undefined ? undefined : rows.find((row) => row.pod === pod);
  if (pod !== undefined && explained === undefined)
    throw usage(`there is no pod ${pod} in ${namespace}`, 'see: kubectl get pods');
  const items = explained === undefined ? rows : [explained];
  if (output === 'json')
    await out.writeAll(`${jsonText({ apiVersion: API_VERSION, kind: 'PodVerdictList', items })}\n`);
  else if (explained !== undefined) await out.writeAll(explainPod(explained, now));
  else if (rows.length === 0) err.write(isEverywhere ? 'No pods found.\n' : `No pods found in ${namespace}.\n`);
  else {
    await out.writeAll(podTable(rows, { withNamespace: isEverywhere, isWide: output === 'wide', now }));
    if (rows.some(isUnconfirmed)) err.write(UNCONFIRMED);
  }
  return { exitCode: EXIT.verified };
}

const API_VERSION = 'weighlock.dev/v1alpha1';

const UNCONFIRMED =
  'unconfirmed: the reporter has said nothing of these pods, and whoever writes a pod can write such a verdict; install the\n' +
  'reporter, or name the digest of the verifier: --verifier-image sha256:...\n';

function isUnconfirmed({ verdict }: PodRow): boolean {
  return verdict === 'unconfirmed';
}
