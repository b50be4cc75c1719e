import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Options } from 'yargs';
import { Api, Lease, REPORT_CHOICES, Reporter, type ReporterOptions, reporterMetrics } from '../cluster/index.ts';
import { EXIT } from '../error/index.ts';
import { type Environment, parseDuration } from '../plan/index.ts';
import { JsonLinesReporter } from '../report/index.ts';
import { serve } from '../watch/index.ts';
import { ACCOUNT, API_OPTIONS, KUBECONFIG_OPTIONS, podConnection, targetOf } from './api-connection.ts';
import type { Context, Finished } from './context.ts';
import { writePage } from './evidence-page.ts';
import { addressOf } from './listen.ts';
import { choiceOf, flagOf, type RawValues, textOf } from './option-values.ts';
import { usage } from './usage.ts';
import { IMAGE_OPTION, imagesOf } from './verifier-image.ts';

export const REPORT_OPTIONS = {
  namespace: { type: 'string', alias: 'n', describe: 'look at one namespace [default: all]' },
  ...IMAGE_OPTION,
  'count-authors': {
    type: 'boolean',
    default: false,
    describe: "count as a pass what a verifier says that a pod's author configured",
  },
  events: { type: 'boolean', default: true, describe: 'write an event of each refusal (--no-events)' },
  'pass-events': { type: 'boolean', default: false, describe: 'write an event of each pass too' },
  reports: {
    type: 'string',
    default: 'auto',
    describe: 'API of the reports: auto (what the API server has), wgpolicyk8s, openreports or none',
  },
  relist: { type: 'string', default: '10m', describe: 'time after which all pods are listed again' },
  once: { type: 'boolean', default: false, describe: 'report the pods that there are, and end' },
  listen: { type: 'string', describe: 'HOST:PORT of /healthz, /readyz and /metrics [default: nowhere]' },
  'leader-elect': {
    type: 'boolean',
    default: false,
    describe: 'write only while holding a Lease: for several replicas',
  },
  'lease-name': { type: 'string', default: 'weighlock-reporter', describe: 'name of that Lease' },
  'lease-namespace': { type: 'string', describe: 'namespace of that Lease [default: that of the pod]' },
  html: { type: 'string', describe: 'write an evidence page to FILE instead, and end; - for standard output' },
  ...KUBECONFIG_OPTIONS,
  ...API_OPTIONS,
} as const satisfies Record<string, Options>;

/** Listing more often is what a watch is for. */
const MIN_RELIST = 10_000;

/** `weighlock report`: what verifiers said when they ended becomes reports and events. */
export async function report(values: RawValues, context: Context): Promise<Finished> {
  const { environment, out, signal } = context;
  const page = textOf(values, 'html');
  if (page !== undefined) return writePage(page, values, context);
  // A reporter waits; its memory is what it costs. With 1,000 pods this takes a third off the peak
  // (`npm run bench -- reporter`).
  process.getBuiltinModule('node:v8').setFlagsFromString('--optimize-for-size');
  const lines = new JsonLinesReporter(out);
  const notice = (text: string) => lines.notice(text);
  const options = optionsOf(values, notice);
  const listen = textOf(values, 'listen');
  const address = listen === undefined ? undefined : addressOf(listen);
  const isNamed = values['kubeconfig'] !== undefined || values['context'] !== undefined;
  const target = isNamed ? await targetOf(values, environment) : undefined;
  const api = new Api(target?.connection ?? podConnection(values, environment));
  if (options.images.length === 0)
    notice(
      'without --verifier-image whoever writes a pod can write its report: any container called weighlock is believed',
    );
  if (flagOf(values, 'once')) {
    const missing = await new Reporter(api, options, true).once(signal);
    if (missing > 0) notice(`${missing} could not be written, or read`);
    return { exitCode: missing === 0 ? EXIT.verified : EXIT.notEvaluated };
  }
  const lease = flagOf(values, 'leader-elect') ? new Lease(api, leaseOf(values, environment, notice)) : undefined;
  let reporter: Reporter | undefined;
  const server =
    address &&
    (await serve(address, {
      isReady: () => reporter?.isReady ?? lease?.isAnswered ?? false,
      state: () => stateOf(reporter, lease),
      metrics: () => reporterMetrics(api, reporter, lease),
    }));
  const lead = async (term: AbortSignal) => {
    reporter = new Reporter(api, { ...options, mayWrite: () => lease?.isHeld ?? true });
    await reporter.run(term);
    reporter = undefined;
  };
  try {
    await (lease === undefined ? lead(signal) : lease.run(signal, lead));
    return { exitCode: EXIT.sigterm };
  } finally {
    server?.closeAllConnections();
    server?.close();
  }
}

function optionsOf(values: RawValues, notice: (text: string) => void): ReporterOptions {
  const namespace = textOf(values, 'namespace');
  const images = imagesOf(values);
  const relist = parseDuration(textOf(values, 'relist') ?? '') ?? 0;
  if (relist < MIN_RELIST) throw usage('--relist is no duration of at least 10 seconds', 'write 5m, 10m or 1h');
  const events = flagOf(values, 'events');
  const passEvents = flagOf(values, 'pass-events');
  if (passEvents && !events) throw usage('--pass-events and --no-events contradict each other', 'leave one out');
  return {
    ...(namespace === undefined ? {} : { namespace }),
    images,
    authors: flagOf(values, 'count-authors'),
    events: passEvents ? 'all' : events ? 'refusals' : 'none',
    reports: choiceOf(values, 'reports', REPORT_CHOICES),
    notice,
    timing: { relist },
  };
}

function leaseOf(values: RawValues, environment: Environment, notice: (text: string) => void) {
  const namespace = textOf(values, 'lease-namespace') ?? environment['POD_NAMESPACE'] ?? podNamespace();
  if (namespace === undefined)
    throw usage('--leader-elect needs to know where the Lease is', 'name it: --lease-namespace weighlock-system');
  const name = textOf(values, 'lease-name') ?? '';
  return { namespace, name, identity: `${hostname()}_${crypto.randomUUID()}`, notice };
}

function podNamespace(): string | undefined {
  try {
    return readFileSync(`${ACCOUNT}/namespace`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function stateOf(reporter: Reporter | undefined, lease: Lease | undefined): string {
  if (reporter === undefined) return lease?.isAnswered === true ? 'another reporter writes' : 'not begun';
  if (!reporter.feed.isCurrent) return 'the pods are not known';
  const { forbidden } = reporter.queue;
  return forbidden.length === 0 ? 'reporting' : `may not write ${forbidden.slice(0, 3).join(', ')}`;
}
