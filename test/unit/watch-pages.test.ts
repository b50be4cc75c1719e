// What the verifier beside a workload answers to probes.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { serve } from '../../src/watch/server.ts';

describe('a probe', () => {
  it('is told that it is ready after a verification, and only then', async (t) => {
    let ready = false;
    const server = await serve({ host: '127.0.0.1', port: 0 }, { isReady: () => ready, metrics: () => 'metrics' });
    t.after(() => server.close());
    const ask = async (path: string, method = 'GET') => {
      const { status } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method });
      return status;
    };
    assert.deepEqual([await ask('/readyz'), await ask('/healthz')], [503, 200]);
    ready = true;
    assert.deepEqual(
      [await ask('/readyz?verbose'), await ask('/readyz', 'HEAD'), await ask('/metrics')],
      [200, 200, 200],
    );
    assert.deepEqual([await ask('/readyz', 'POST'), await ask('/'), await ask('/readyz/')], [405, 404, 404]);
  });
});
