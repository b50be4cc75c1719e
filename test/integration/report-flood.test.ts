// The reporter while a cluster says the same thing over and over: ten thousand changes of a hundred
// pods.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { FakeApi, Json } from '../kubernetes/fake-api.ts';
import { FAILED, fill, IMAGE, PASSED, pod } from '../kubernetes/pods.ts';
import { fakeApi, until } from '../kubernetes/reporting.ts';
import { run } from './cli.ts';

const PODS = 100;
const CHANGES = 10_000;
/** Least time from one write of an object to the next, in milliseconds (src/cluster/timing.ts). */
const INTERVAL = 10_000;
/** What managed fields, scheduling and statuses make of a pod in a cluster. */
const BALLAST = { 'example.com/ballast': 'x'.repeat(8000) };

function one(i: number, isRefused: boolean): Json {
  const made = pod(`p${i}`, isRefused ? 65 : 0, isRefused ? FAILED : PASSED);
  made.metadata.annotations = BALLAST;
  return made;
}

/** MiB. */
function peakOf({ pid }: ChildProcess): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function resultsOf(api: FakeApi): Json[] {
  return api
    .all('policyreports')
    .filter(({ scope }) => scope.kind === 'Pod')
    .map(({ results: [first] }) => first.result);
}

describe('17: ten thousand events', () => {
  it('17: take neither the memory of them all nor a request for each, and the last state is written', async () => {
    const api = await fakeApi();
    fill(api, ...Array.from({ length: PODS }, (_, i) => one(i, false)));
    let child: ChildProcess | undefined;
    const ended = run(['report', `--api-server=${api.url}`, `--verifier-image=${IMAGE}`, '--no-events'], {
      during: (started) => {
        child = started;
      },
    });
    await until(() => resultsOf(api).length === PODS && api.watchers === 1);
    assert.ok(child !== undefined);
    const before = peakOf(child);
    const writes = api.writes('policyreports').length;
    const start = performance.now();
    for (let i = 0; i < CHANGES; i++) {
      api.put('pods', one(i % PODS, Math.floor(i / PODS) % 2 === 0 || i >= CHANGES - PODS));
      if (i % PODS === 0) await turn();
    }
    await until(() => resultsOf(api).every((result) => result === 'fail'));
    const periods = 2 + Math.ceil((performance.now() - start) / INTERVAL);
    const after = api.writes('policyreports').length - writes;
    assert.ok(after <= (PODS + 1) * periods, `${after} writes in ${periods} periods`);
    const grown = peakOf(child) - before;
    assert.ok(grown < 64, `${grown} MiB more than ${before}`);
    child.kill('SIGTERM');
    assert.equal((await ended).status, 143);
  });
});
