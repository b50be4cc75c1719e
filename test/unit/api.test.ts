// What comes from an API server: whole, or not at all.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnswerTooLarge, Refused } from '../../src/cluster/api.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { fill, PASSED, pod } from '../kubernetes/pods.ts';
import { clientOf, fakeApi, until } from '../kubernetes/reporting.ts';

const never = new AbortController().signal;
const watchPods = { method: 'GET', path: '/api/v1/pods?watch=true&resourceVersion=1', signal: never } as const;

describe('17.6: the client of the API server', () => {
  it('17.6: gives the whole lines of a watch, and says that the last one was cut', async () => {
    const api = await fakeApi();
    fill(api, pod('one', 0, PASSED));
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const { type } of clientOf(api).watch(watchPods)) seen.push(type);
    })();
    await until(() => seen.length === 1);
    api.cut();
    await assert.rejects(watching, (error) => error instanceof WeighlockError && error.code === 'SOURCE_UNAVAILABLE');
    assert.deepEqual(seen, ['ADDED']);
  });

  it('17.6: takes a line that a proxy ended too early for none', async () => {
    for (const body of ['{"type":"MODIFIED","object":{"meta', 'oops\n', '[]\n', '{"object":{}}\n']) {
      const api = await fakeApi();
      api.faults.add(() => ({ status: 200, body }));
      const seen: unknown[] = [];
      const watching = (async () => {
        for await (const event of clientOf(api).watch(watchPods)) seen.push(event);
      })();
      await assert.rejects(watching, WeighlockError, body);
      assert.deepEqual(seen, [], body);
    }
  });

  it('17.6: says what the server answered instead of a watch, and when to come again', async () => {
    const api = await fakeApi();
    api.faults.add(() => ({ status: 429, headers: { 'retry-after': '7' } }));
    await assert.rejects(
      clientOf(api).watch(watchPods).next(),
      (error) => error instanceof Refused && error.status === 429 && error.retryAfter === 7000,
    );
    for (const [header, expected] of Object.entries({ '-1': undefined, soon: undefined, '999999': 300_000 })) {
      api.faults.clear();
      api.faults.add(() => ({ status: 503, headers: { 'retry-after': header } }));
      const { status, retryAfter } = await clientOf(api).ask({ method: 'GET', path: '/api/v1/pods', signal: never });
      assert.deepEqual([status, retryAfter], [503, expected]);
    }
  });

  it('17.6: reads no more than it was told to, and waits no longer', async () => {
    const api = await fakeApi();
    api.faults.add(({ name }) => (name === 'slow' ? 'hang' : { status: 200, body: 'x'.repeat(5000) }));
    const ask = (path: string, more: object) => clientOf(api).ask({ method: 'GET', path, signal: never, ...more });
    await assert.rejects(ask('/api/v1/pods', { maxBytes: 4999 }), AnswerTooLarge);
    assert.equal((await ask('/api/v1/pods', { maxBytes: 5000 })).bytes, 5000);
    await assert.rejects(ask('/api/v1/namespaces/slow', { timeout: 20 }), /no answer/);
  });
});
