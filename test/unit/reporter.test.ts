// The reporter on an API server's bad days: what was not written is written later, and what was
// missed is listed again.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Reporter } from '../../src/cluster/reporter.ts';
import { statusOf } from '../kubernetes/fake-status.ts';
import { FAILED, fill, message, PASSED, pod } from '../kubernetes/pods.ts';
import { clientOf, fakeApi, optionsOf, report, resultsIn, until } from '../kubernetes/reporting.ts';

const MANY = Array.from({ length: 60 }, (_, i) => pod(`p${i}`, i % 3 === 0 ? 65 : 0, i % 3 === 0 ? FAILED : PASSED));

describe('17.6: a write that failed', () => {
  for (const [what, fault] of Object.entries({
    'an internal error': { status: 500 },
    'a conflict': { status: 409 },
    'too many requests': { status: 429, headers: { 'retry-after': '0' } },
    'a server that is not available': { status: 503 },
    'a connection that breaks': 'break',
  } as const))
    it(`17.6: is tried again after ${what}`, async () => {
      const api = await fakeApi();
      fill(api, pod('bad', 65, FAILED), pod('good', 0, PASSED));
      let left = 5;
      // An event that is there already is one that was written.
      const isMeant = (verb: string) => verb === 'patch' || (verb === 'create' && what !== 'a conflict');
      api.faults.add(({ verb }) => (isMeant(verb) && left-- > 0 ? fault : undefined));
      report(api);
      await until(() => Object.keys(resultsIn(api)).length === 2 && api.all('events').length === 1);
      assert.deepEqual(resultsIn(api), { bad: 'fail', good: 'pass' });
      assert.ok(left < 0);
    });

  it('17.6: waits for as long as the server asks, with everything', async () => {
    const api = await fakeApi();
    fill(api, ...MANY);
    let busyUntil = 0;
    let early = 0;
    api.faults.add(({ method, resource }) => {
      if (method === 'GET' || resource !== 'policyreports') return undefined;
      if (busyUntil === 0) busyUntil = performance.now() + 900;
      else if (performance.now() < busyUntil) early += 1;
      return performance.now() < busyUntil ? { status: 429, headers: { 'retry-after': '1' } } : undefined;
    });
    report(api);
    await until(() => Object.keys(resultsIn(api)).length === MANY.length);
    assert.ok(early <= 3, `${early}: only what was in flight already came before its time`);
  });

  it('17.6: gives way to a newer state of the same pod', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 75, message('UNEVALUATED', 75, ['TIMEOUT'])));
    let isDown = true;
    api.faults.add(({ method }) => (method === 'PATCH' && isDown ? { status: 503 } : undefined));
    const { reporter } = report(api);
    await until(() => api.count('patch', 'policyreports') >= 2);
    api.put('pods', pod('one', 0, PASSED));
    await until(() => [...reporter.verdicts.all()][0]?.result === 'pass');
    isDown = false;
    await until(() => resultsIn(api)['one'] === 'pass');
    const written = api.writes('policyreports').filter(({ body }) => body.scope.kind === 'Pod');
    const last = written.slice(written.findIndex(({ body }) => body.results[0].result === 'pass'));
    assert.ok(
      last.every(({ body }) => body.results[0].result === 'pass'),
      'the old state never comes back',
    );
  });

  it('17.6: ends --once with a count, after a few attempts', async () => {
    const api = await fakeApi();
    fill(api, pod('bad', 65, FAILED), pod('good', 0, PASSED));
    const notices: string[] = [];
    const once = () => new Reporter(clientOf(api), optionsOf(notices), true).once(new AbortController().signal);
    api.faults.add(({ body }) => (body?.scope?.name === 'bad' ? { status: 500 } : undefined));
    assert.equal(await once(), 1);
    assert.deepEqual(resultsIn(api), { good: 'pass' });
    assert.equal(notices.filter((text) => /^ml\/bad: answered 500/.test(text)).length, 1, notices.join('\n'));
    api.faults.clear();
    assert.equal(await once(), 0);
    api.faults.add(({ verb }) => (verb === 'patch' ? { status: 403 } : undefined));
    assert.equal(await once(), 3, 'two pods and their namespace');
  });
});

describe('17.6: a reporter that may not write', () => {
  it('17.6: says so once, is not ready, tries slowly, and goes on when it may', async () => {
    const api = await fakeApi();
    fill(api, ...MANY);
    let mayWrite = false;
    // As an API server says it: by the name of each object.
    const forbidden = (name: string) => ({
      status: 403,
      body: statusOf(403, `policyreports "${name}" is forbidden: User "x" cannot patch resource "policyreports"`),
    });
    api.faults.add(({ verb, resource, name }) =>
      verb === 'patch' && resource === 'policyreports' && !mayWrite ? forbidden(name) : undefined,
    );
    const { reporter, notices } = report(api);
    await until(() => reporter.queue.counts.failed >= 10);
    assert.equal(reporter.isReady, false);
    const said = notices.filter((text) => text.includes('policyreports in ml'));
    assert.equal(said.length, 1, said.join('\n'));
    assert.ok(reporter.queue.counts.failed < MANY.length, 'one refusal stands for all of its kind');
    assert.equal(api.all('events').length, 20, 'events are another right');
    mayWrite = true;
    await until(() => Object.keys(resultsIn(api)).length === MANY.length);
    await until(() => reporter.isReady);
    assert.ok(notices.includes('policyreports in ml: written again'));
  });

  it('17.6: is not held up in other namespaces', async () => {
    const api = await fakeApi();
    fill(api, ...MANY);
    api.put('namespaces', { metadata: { name: 'free' } });
    const other = pod('other', 65, FAILED);
    other.metadata.namespace = 'free';
    api.put('pods', other);
    api.faults.add(({ verb, namespace }) => (verb === 'patch' && namespace === 'ml' ? { status: 403 } : undefined));
    report(api);
    await until(() => resultsIn(api)['other'] === 'fail');
  });
});

describe('17.6: the list is made again', () => {
  it('17.6: after versions are forgotten, and what was missed is reported', async () => {
    const api = await fakeApi();
    fill(api, pod('before', 0, PASSED));
    const { reporter } = report(api);
    await until(() => api.watchers === 1 && resultsIn(api)['before'] === 'pass');
    api.faults.add(({ verb }) => (verb === 'watch' ? 'break' : undefined));
    api.cut();
    await until(() => api.watchers === 0);
    api.put('pods', pod('missed', 65, FAILED));
    api.remove('pods', 'ml', 'before');
    api.forget();
    api.faults.clear();
    await until(() => resultsIn(api)['missed'] === 'fail' && reporter.feed.isCurrent && api.watchers === 1);
    assert.deepEqual(reporter.verdicts.uids, ['uid-missed'], 'what is gone is forgotten');
  });

  it('17.6: after a watch says 410, whichever way', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const { reporter } = report(api);
    for (const say of [
      () => {
        api.bookmark();
        api.send('ERROR', statusOf(410, 'too old resource version'));
        api.endWatches();
      },
      () => {
        api.faults.add(({ verb }) => (verb === 'watch' ? { status: 410 } : undefined));
        api.endWatches();
      },
    ]) {
      await until(() => api.watchers === 1);
      const { count } = reporter.feed.lists;
      say();
      await until(() => reporter.feed.lists.count > count);
      api.faults.clear();
    }
  });

  it('17.6: after a line that is cut off, which is never taken for a whole one', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const { reporter, notices } = report(api);
    for (let cuts = 1; cuts <= 3; cuts++) {
      await until(() => api.watchers === 1);
      const { count } = reporter.feed.lists;
      api.cut();
      await until(() => reporter.feed.lists.count > count);
    }
    assert.ok(notices.length >= 1 && notices.length <= 6, notices.join('\n'));
  });

  it('17.6: from time to time, whatever the watch says', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const { reporter, notices } = report(api, { timing: { relist: 20, reapply: 10 } });
    await until(() => reporter.feed.lists.count >= 4 && api.count('patch', 'policyreports') >= 6);
    assert.deepEqual(notices, [], 'that is no failure');
  });

  it('17.6: from where a watch ended by itself, without a list', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const { reporter } = report(api);
    await until(() => api.watchers === 1);
    for (let ends = 1; ends <= 3; ends++) {
      const watches = api.count('watch', 'pods');
      api.bookmark();
      api.endWatches();
      await until(() => api.count('watch', 'pods') > watches && api.watchers === 1);
    }
    assert.equal(reporter.feed.lists.count, 1);
  });

  it('17.6: after the server was restarted', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const { reporter, notices } = report(api);
    await until(() => api.watchers === 1);
    await api.stop();
    await until(() => !reporter.isReady);
    await until(() => notices.length > 0);
    api.put('pods', pod('two', 65, FAILED));
    await api.start();
    await until(() => resultsIn(api)['two'] === 'fail' && reporter.isReady);
    // Each failure is told once; which of the connections met a reset and which a refusal is
    // chance.
    assert.equal(new Set(notices).size, notices.length, notices.join('\n'));
    assert.ok(notices.length <= 8, notices.join('\n'));
  });

  it('17.6: in smaller pages when pods are large', async () => {
    const api = await fakeApi();
    const ballast = 'x'.repeat(1 << 20);
    fill(api, ...MANY.slice(0, 45).map((one) => ({ ...one, metadata: { ...one.metadata, annotations: { ballast } } })));
    const { reporter } = report(api);
    await until(() => reporter.feed.isCurrent);
    assert.equal(Object.keys(reporter.verdicts.uids).length, 45);
    const limits = api.requests.filter(({ verb, resource }) => verb === 'list' && resource === 'pods');
    assert.ok(
      limits.slice(2).every(({ query }) => Number(query.get('limit')) <= 1),
      'as many as fit into 1 MiB',
    );
  });
});

describe('17.6: what goes away', () => {
  it('17.6: a namespace that is deleted in the middle: nothing of it is tried again', async () => {
    const api = await fakeApi();
    fill(api, ...MANY);
    const doomed = api.put('namespaces', { metadata: { name: 'doomed', labels: {} } });
    for (let i = 0; i < 5; i++) {
      const one = pod(`d${i}`, 65, FAILED);
      one.metadata.namespace = 'doomed';
      api.put('pods', one);
    }
    api.faults.add(({ method, namespace }) => {
      if (method === 'GET' || namespace !== 'doomed') return undefined;
      doomed.metadata.deletionTimestamp = '2026-11-20T10:00:00Z';
      return undefined;
    });
    const { reporter } = report(api);
    await until(() => Object.keys(resultsIn(api)).length === MANY.length && reporter.queue.size === 0);
    assert.ok(reporter.queue.counts.dropped >= 10, `${reporter.queue.counts.dropped}`);
    // That is nobody denying us a right.
    await until(() => reporter.isReady);
    api.remove('namespaces', '', 'doomed');
    for (let i = 0; i < 5; i++) api.remove('pods', 'doomed', `d${i}`);
    await until(() => reporter.queue.size === 0 && [...reporter.verdicts.of('doomed')].length === 0);
    assert.deepEqual(reporter.verdicts.namespaces, ['ml']);
  });

  it('17.6: a pod that goes before it was written of', async () => {
    const api = await fakeApi();
    fill(api, pod('gone', 65, FAILED));
    api.faults.add(({ body }) => (body?.scope?.name === 'gone' ? { status: 500 } : undefined));
    const { reporter } = report(api);
    await until(() => reporter.queue.counts.failed >= 2);
    api.remove('pods', 'ml', 'gone');
    await until(() => reporter.queue.size === 0);
    assert.deepEqual(resultsIn(api), {});
  });
});

describe('17.6: two thousand changes', () => {
  it('17.6: of fifty pods are a few writes of each, and the last one is written', async () => {
    const api = await fakeApi();
    fill(api, ...Array.from({ length: 50 }, (_, i) => pod(`p${i}`, 0, PASSED)));
    const { reporter } = report(api, { timing: { interval: 400 } });
    await until(() => Object.keys(resultsIn(api)).length === 50 && api.watchers === 1);
    const start = performance.now();
    for (let round = 1; round <= 40; round++)
      for (let i = 0; i < 50; i++)
        api.put('pods', pod(`p${i}`, 65, message('FAILED', 65, [`ROUND_${'I'.repeat(round % 9)}`, 'X'])));
    const last = pod('p49', 0, PASSED);
    api.put('pods', last);
    await until(() => resultsIn(api)['p49'] === 'pass' && resultsIn(api)['p0'] === 'fail' && reporter.queue.size === 0);
    const periods = 2 + Math.ceil((performance.now() - start) / 400);
    const writes = api.count('patch', 'policyreports');
    assert.ok(writes <= 51 * periods, `${writes} writes in ${periods} periods`);
    assert.ok(writes < 1000, `${writes}`);
  });
});

describe('17.6: a namespace of which nobody can say anything at the moment', () => {
  it('17.6: is asked for again; until then nothing is said of its pods', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    let isDown = true;
    api.faults.add(({ resource, verb }) => {
      if (resource !== 'namespaces' || !isDown) return undefined;
      return verb === 'list' ? { status: 403 } : { status: 500 };
    });
    const { reporter } = report(api);
    await until(() => api.count('get', 'namespaces') >= 2);
    assert.deepEqual(resultsIn(api), {});
    assert.deepEqual(reporter.verdicts.uids, []);
    isDown = false;
    await until(() => resultsIn(api)['one'] === 'pass');
  });
});
