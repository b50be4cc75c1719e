// Probes are answered, whoever else is connected.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { it } from 'node:test';
import { serve } from '../../src/watch/index.ts';

it('15.30: sockets that say nothing make room for a probe', async () => {
  const server = await serve({ host: '127.0.0.1', port: 0 }, { isReady: () => true, metrics: () => '' });
  const { port } = server.address() as AddressInfo;
  const slow = [];
  for (let i = 0; i < 40; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    slow.push(socket);
    await once(socket, 'connect');
    if (i % 2 === 0) socket.write('GET /readyz HTTP/1.1\r\nhost: x\r\nx-slow: ');
  }
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('connection'), 'close');
    await response.text();
  }
  const connections = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  assert.ok(Number(connections) <= 16, `${connections} connections`);
  for (const socket of slow) socket.destroy();
  server.closeAllConnections();
  server.close();
});
