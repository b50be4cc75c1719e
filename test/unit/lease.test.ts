// Of several reporters one writes: whoever holds the Lease, by nobody's clock but its own.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Lease, type LeaseTiming } from '../../src/cluster/lease.ts';
import { Reporter } from '../../src/cluster/reporter.ts';
import type { FakeApi } from '../kubernetes/fake-api.ts';
import { FAILED, fill, PASSED, pod } from '../kubernetes/pods.ts';
import { clientOf, fakeApi, optionsOf, resultsIn, until } from '../kubernetes/reporting.ts';

const TIMING: LeaseTiming = { duration: 1000, deadline: 300, retry: 20 };

/** A candidate that writes down when it leads. */
class Candidate {
  readonly lease: Lease;
  readonly notices: string[] = [];
  leads = 0;
  isLeading = false;
  readonly #controller = new AbortController();
  readonly #ended: Promise<void>;

  constructor(api: FakeApi, identity: string, work = (_: AbortSignal, __: Lease) => Promise.resolve()) {
    this.lease = new Lease(clientOf(api), {
      namespace: 'weighlock-system',
      name: 'weighlock-reporter',
      identity,
      notice: (text) => void this.notices.push(text),
      timing: TIMING,
    });
    this.#ended = this.lease.run(this.#controller.signal, async (term) => {
      this.leads += 1;
      this.isLeading = true;
      await work(term, this.lease);
      if (!term.aborted) await new Promise((resolve) => term.addEventListener('abort', resolve));
      this.isLeading = false;
    });
    after(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#ended;
  }
}

async function server(): Promise<FakeApi> {
  const api = await fakeApi();
  api.put('namespaces', { metadata: { name: 'weighlock-system' } });
  return api;
}

const holder = (api: FakeApi) => api.all('leases')[0]?.spec.holderIdentity;

describe('17.6: the Lease', () => {
  it('17.6: has one holder among several, and the next one when that ends', async () => {
    const api = await server();
    const all = ['a', 'b', 'c'].map((identity) => new Candidate(api, identity));
    await until(() => all.some(({ isLeading }) => isLeading));
    const transitions: unknown[] = [];
    for (let turn = 0; turn < 3; turn++) {
      await until(() => all.some(({ isLeading }) => isLeading));
      await until(() => api.count('get', 'leases') > 30 * (turn + 1));
      const leading = all.filter(({ isLeading }) => isLeading);
      assert.equal(leading.length, 1);
      transitions.push(api.all('leases')[0].spec.leaseTransitions);
      const [first] = leading;
      assert.ok(first);
      await first.stop();
      assert.equal(first.isLeading, false);
    }
    assert.deepEqual(transitions, [0, 1, 2]);
    assert.equal(holder(api), '');
  });

  it('17.6: is taken from a holder that is gone, only when it did not change for its whole duration', async () => {
    const api = await server();
    const dead = {
      metadata: { namespace: 'weighlock-system', name: 'weighlock-reporter' },
      // A clock far ahead, then one far behind: neither is looked at.
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, renewTime: '2099-01-01T00:00:00.000000Z' },
    };
    api.put('leases', dead);
    const start = performance.now();
    const next = new Candidate(api, 'next');
    await until(() => api.count('get', 'leases') >= 3);
    dead.spec.renewTime = '1999-01-01T00:00:00.000000Z';
    const renewed = performance.now();
    api.put('leases', dead);
    await until(() => next.isLeading);
    assert.ok(performance.now() - renewed >= 950, `${performance.now() - start}`);
    assert.equal(holder(api), 'next');
  });

  it('17.6: is lost when it cannot be renewed, before anybody else may take it', async () => {
    const api = await server();
    const first = new Candidate(api, 'first');
    await until(() => first.isLeading);
    api.faults.add(({ resource }) => (resource === 'leases' ? { status: 503 } : undefined));
    const start = performance.now();
    await until(() => !first.lease.isHeld);
    assert.ok(performance.now() - start < TIMING.duration, 'sooner than others may begin');
    await until(() => !first.isLeading);
    api.faults.clear();
    await until(() => first.isLeading);
    assert.equal(first.leads, 2);
  });

  it('17.6: is not had where another one was quicker, or took it', async () => {
    const api = await server();
    let conflicts = 0;
    api.faults.add(({ resource, verb }) =>
      resource === 'leases' && verb === 'create' && conflicts++ < 3 ? { status: 409 } : undefined,
    );
    const first = new Candidate(api, 'first');
    await until(() => conflicts >= 2);
    assert.equal(first.leads, 0);
    await until(() => first.isLeading);
    const [lease] = api.all('leases');
    api.put('leases', { ...lease, spec: { ...lease.spec, holderIdentity: 'robber' } });
    await until(() => !first.isLeading);
    assert.equal(holder(api), 'robber');
    await first.stop();
    assert.equal(holder(api), 'robber', "another one's is left alone");
  });

  it('17.6: keeps a reporter from writing that slept while another one took it', async () => {
    const api = await server();
    fill(api, pod('one', 0, PASSED));
    let reporter: Reporter | undefined;
    const sleepy = new Candidate(api, 'sleepy', (term, lease) => {
      reporter = new Reporter(clientOf(api), optionsOf([], { mayWrite: () => lease.isHeld }));
      return reporter.run(term);
    });
    await until(() => resultsIn(api)['one'] === 'pass' && reporter?.queue.size === 0);
    // Neither answers nor refuses: the term goes on until the request about the Lease is over.
    api.faults.add(({ resource }) => (resource === 'leases' ? 'hang' : undefined));
    await until(() => !sleepy.lease.isHeld);
    api.put('pods', pod('two', 65, FAILED));
    await until(() => !sleepy.isLeading);
    assert.deepEqual(resultsIn(api), { one: 'pass' });
    assert.deepEqual(api.all('events'), []);
  });
});
