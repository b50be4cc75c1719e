// A reporter in this process, with pauses of milliseconds, against an API server of its own.
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Api } from '../../src/cluster/api.ts';
import { Reporter, type ReporterOptions } from '../../src/cluster/reporter.ts';
import { FakeApi } from './fake-api.ts';
import { IMAGE } from './pods.ts';

/** Pauses that a test can wait for. */
export const QUICK = {
  pauses: { first: 4, longest: 40 },
  forbiddenPauses: { first: 60, longest: 120 },
  interval: 1,
  settle: 5,
  relist: 60_000,
};

export const optionsOf = (notices: string[], more: Partial<ReporterOptions> = {}): ReporterOptions => ({
  images: [IMAGE],
  authors: false,
  events: 'refusals',
  reports: 'auto',
  notice: (text) => void notices.push(text),
  ...more,
  timing: { ...QUICK, ...more.timing },
});

export interface Reporting {
  readonly api: FakeApi;
  readonly reporter: Reporter;
  readonly notices: string[];
  stop(): Promise<void>;
}

/** A fake API server that ends with the test. */
export async function fakeApi(): Promise<FakeApi> {
  const api = new FakeApi();
  await api.start();
  after(() => api.stop());
  return api;
}

export const clientOf = (api: FakeApi) => new Api({ server: api.url, credentials: () => ({}) });

/** Starts a reporter that follows this server. */
export function report(api: FakeApi, more: Partial<ReporterOptions> = {}): Reporting {
  const notices: string[] = [];
  const reporter = new Reporter(clientOf(api), optionsOf(notices, more));
  const controller = new AbortController();
  const ended = reporter.run(controller.signal);
  const stop = async () => {
    controller.abort();
    await ended;
  };
  after(stop);
  return { api, reporter, notices, stop };
}

/** Longer is never; a loop that goes on would keep the process from ending. */
const NEVER_MILLISECONDS = 30_000;

/** Waits for what has to become true. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + NEVER_MILLISECONDS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`this never became true: ${condition}`);
    await delay(5);
  }
}

/** Names of pods with what their reports say. */
export function resultsIn(api: FakeApi, resource = 'policyreports'): Record<string, string> {
  const own = api.all(resource).filter(({ scope }) => scope.kind === 'Pod');
  return Object.fromEntries(own.map(({ scope, results }) => [scope.name, results[0].result]));
}
