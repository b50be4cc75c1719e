// The reporter with 1,000 pods: memory and requests, at the start and in a minute of 10,000
// changes; then 40 pods of 1 MB.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeApi, type Json } from '../test/kubernetes/fake-api.ts';
import { IMAGE, oneOfMany } from '../test/kubernetes/pods.ts';
import { NAMESPACE } from '../test/kyverno/evaluate.ts';
import { dropPages } from './measure.ts';

const PODS = 1000;
const NAMESPACES = 20;
const CHANGES = 10_000;

/** What managed fields, scheduling and statuses make of a pod in a cluster: about 12 KB. */
const BALLAST = { 'example.com/ballast': 'x'.repeat(8000) };

export async function benchReporter(program: readonly string[]): Promise<object> {
  const api = new FakeApi();
  await api.start();
  for (let i = 0; i < NAMESPACES; i++) api.put('namespaces', { metadata: { ...NAMESPACE.metadata, name: `ml-${i}` } });
  for (let i = 0; i < PODS; i++) api.put('pods', one(i, i % 10 === 0));
  const [command = '', ...words] = program;
  dropPages(command);
  const start = performance.now();
  const child = spawn(command, [...words, 'report', `--api-server=${api.url}`, `--verifier-image=${IMAGE}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    const reports = () => api.all('policyreports').length;
    while (reports() < PODS + NAMESPACES || api.watchers === 0) await delay(20);
    const seconds = (performance.now() - start) / 1000;
    const requests = api.requests.length;
    const rss = peakOf(child);
    await minuteOfChanges(api);
    const minute = api.requests.length - requests;
    const busy = peakOf(child);
    for (let i = 0; i < 40; i++) api.put('pods', one(PODS + i, false, { 'example.com/large': 'x'.repeat(1e6) }));
    const known = reports();
    api.send('ERROR', { kind: 'Status', code: 410, message: 'the bench wants a list' });
    while (reports() < known + 40 || api.watchers === 0) await delay(20);
    const large = peakOf(child);
    console.log(`\n| ${PODS} pods in ${NAMESPACES} namespaces, one in ten refused | |\n|---|---|`);
    console.log(`| all reported after | ${seconds.toFixed(1)} s |`);
    console.log(`| requests, of all kinds | ${requests} (${(requests / PODS).toFixed(2)} a pod) |`);
    console.log(`| peak RSS | ${rss} MiB |`);
    console.log(`| ${CHANGES} changes of verdicts in a minute | ${minute} requests, peak RSS ${busy} MiB |`);
    console.log(`| and 40 pods of 1 MB | peak RSS ${large} MiB |`);
    return { seconds, requests, rss, minute, busy, large };
  } finally {
    child.kill('SIGTERM');
    await api.stop();
  }
}

async function minuteOfChanges(api: FakeApi): Promise<void> {
  const start = performance.now();
  for (let i = 0; i < CHANGES; i++) {
    const due = start + (60_000 * i) / CHANGES;
    await delay(Math.max(0, due - performance.now()));
    api.put('pods', one(i % 100, i % 200 < 100));
  }
}

function one(i: number, isRefused: boolean, annotations: object = {}): Json {
  const made = oneOfMany(i, isRefused);
  made.metadata = { ...made.metadata, namespace: `ml-${i % NAMESPACES}`, annotations: { ...BALLAST, ...annotations } };
  return made;
}

/** MiB. */
function peakOf({ pid }: ChildProcess): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
