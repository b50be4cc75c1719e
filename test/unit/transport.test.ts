// What is asked of a server before a byte is sent to it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { proxySettings, Transport } from '../../src/registry/index.ts';

const refused = (why: RegExp) => (error: unknown) =>
  error instanceof WeighlockError && error.code === 'CONFIG_INVALID' && why.test(error.message);

describe('plain HTTP', () => {
  it('is spoken to hosts that were named for it only', async (t) => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.end('ok');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = (...plainHttp: string[]) => new Transport({ proxy: proxySettings({}), caFiles: [], plainHttp });
    const url = new URL(`http://${host}/`);
    for (const named of [[], ['127.0.0.1:1'], ['registry.example.com']]) {
      const strict = transport(...named);
      await assert.rejects(strict.ask(url), refused(/plain HTTP to 127\.0\.0\.1/));
      await strict.close();
    }
    assert.equal(asked, 0);
    const allowed = transport(host);
    const answer = await allowed.ask(url);
    await answer.body.dump();
    await allowed.close();
    assert.deepEqual([answer.status, asked], [200, 1]);
  });

  it('is not another scheme', async () => {
    const transport = new Transport({ proxy: proxySettings({}), caFiles: [], plainHttp: [] });
    await assert.rejects(transport.ask(new URL('ftp://example.com/')), refused(/plain HTTP/));
    await transport.close();
  });
});
