// Where a server may send us: by what a URL says, and by the address that its name has when it is
// connected to.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reachOf } from '../../src/registry/address.ts';
import { destinationFault } from '../../src/registry/destination.ts';
import { readBody, Transport } from '../../src/registry/index.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { answering } from '../registry/quirks.ts';

describe('15.12: an address', () => {
  it('is as near as what is in it', () => {
    for (const [reach, ...addresses] of [
      ['public', '8.8.8.8', '1.1.1.1', '100.128.0.1', '172.32.0.1', '198.20.0.1', '2606:4700::1', '2001:db8::1'],
      ['public', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1', '[2606:4700::1]'],
      ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1'],
      ['private', 'fc00::1', 'fd12::1', 'fec0::1', '::ffff:10.0.0.1', '::10.0.0.1', '64:ff9b::a00:1'],
      ['private', '64:ff9b:1::a00:1', '2002:a00:1::1', '2002:c0a8:101::', '::ffff:0:10.0.0.1'],
      ['loopback', '127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1', '::127.0.0.1', '2002:7f00:1::', '[::1]'],
      ['special', '169.254.169.254', '0.0.0.0', '0.1.2.3', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
      ['special', '::', 'fe80::1', 'febf::1', 'fe80::1%eth0', 'ff02::1', '::ffff:169.254.169.254', '::a9fe:a9fe'],
      ['special', '64:ff9b::a9fe:a9fe', '64:ff9b:1::a9fe:a9fe', '2002:a9fe:a9fe::', '2001:0:1:2:3:4:5601:5601'],
      ['special', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
      [undefined, 'registry.example.com', '', '1.2.3', '0x7f.1', 'localhost'],
    ] as const)
      for (const address of addresses) assert.equal(reachOf(address), reach, address);
  });

  it('that a server names is refused by how near it is, and how near the server', () => {
    const [R, P, L, U] = ['https://r.io/', 'https://10.0.0.1/', 'http://127.0.0.1:5000/', 'http://r.io/'];
    for (const [sender, target, isRefused, reach] of [
      [R, 'https://cdn.example/', false],
      [R, 'https://cdn.example/', false, 'public'],
      // A storage behind a private endpoint, by name; an address that is written out is meant for
      // somebody else.
      [R, 'https://storage.example/', false, 'private'],
      [R, 'https://10.0.0.1/', true],
      [U, 'http://storage.example/', true, 'private'],
      [U, 'https://storage.example/', false, 'private'],
      [R, 'https://rebound.example/', true, 'loopback'],
      [R, 'https://rebound.example/', true, 'special'],
      [P, 'https://rebound.example/', true, 'special'],
      [L, 'http://rebound.example/', true, 'special'],
      [P, 'https://10.9.9.9/', false],
      [P, 'http://storage.example/', false, 'private'],
      [P, 'https://127.0.0.1/', true],
      [P, 'https://localhost/', true],
      [L, 'http://localhost:1/', false],
      [L, 'http://10.0.0.1/', false],
      // To itself.
      [P, 'https://10.0.0.1:9000/', false],
      ['http://169.254.1.1/', 'http://169.254.1.1:81/', false],
      [R, 'https://r.io./', false, 'private'],
      // Each form that an address may be written in.
      ...[
        '169.254.169.254',
        '2852039166',
        '0xa9fea9fe',
        '0251.0376.0251.0376',
        '169.254.43518',
        '[::ffff:a9fe:a9fe]',
      ].map((host) => [R, `https://${host}/`, true] as const),
      ...['127.1', '0', '[::]', '[::1]', '017700000001', 'localhost.', 'a.localhost', 'LOCALHOST', '127.0.0.1.'].map(
        (host) => [R, `https://${host}/`, true] as const,
      ),
      ...['１２７.0.0.1', '127。0。0。1', 'user:pw@127.0.0.1', '%31%32%37.0.0.1', '①②⑦.0.0.1'].map(
        (host) => [R, `https://${host}/`, true] as const,
      ),
    ] as const) {
      const found = destinationFault({ url: new URL(sender) }, { url: new URL(target), reach });
      assert.equal(found !== undefined, isRefused, `${sender} ${target} ${reach}`);
    }
    const known = { url: new URL(R), reach: 'private' } as const;
    assert.equal(destinationFault(known, { url: new URL('https://10.0.0.5/') }), undefined);
    assert.notEqual(destinationFault(known, { url: new URL('https://127.0.0.1/') }), undefined);
  });
});

describe('15.12: a name that a server sends us to', () => {
  /** Resolves names of the test; what is not among them fails. */
  const transport = (names: Readonly<Record<string, readonly string[]>>) =>
    new Transport({ caFiles: [], plainHttp: ['*'], proxy: { noProxy: '' } }, (hostname, _options, callback) => {
      const addresses = (names[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      callback(addresses.length === 0 ? new Error('unknown') : null, addresses);
    });

  it('is connected to at the address that was judged, and at no other', async (context) => {
    const inner = await FakeRegistry.start();
    inner.handler = answering(200, {}, 'secret');
    const port = inner.host.split(':')[1];
    const outer = await FakeRegistry.start();
    const target = (host: string) => answering(307, { location: `http://${host}:${port}/x` });
    for (const [host, addresses, isReached] of [
      ['there.example', ['127.0.0.1'], true],
      ['metadata.example', ['169.254.169.254'], false],
      ['unspecified.example', ['0.0.0.0'], false],
      ['mapped.example', ['::ffff:169.254.169.254'], false],
      // Of several addresses only those that may be.
      ['both.example', ['169.254.169.254', '127.0.0.1'], true],
    ] as const) {
      inner.requests.length = 0;
      outer.handler = target(host);
      const one = transport({ [host]: addresses });
      context.after(() => one.close());
      const read = async () => readBody(await one.ask(new URL(`http://${outer.host}/`)), 100);
      if (isReached) assert.equal((await read()).toString(), 'secret');
      else await assert.rejects(read, /internal address/, host);
      assert.equal(inner.requests.length, isReached ? 1 : 0, host);
    }
  });

  it('is judged by where the server is that named it, and so is what a token server is', async (context) => {
    const outer = await FakeRegistry.start();
    const port = outer.host.split(':')[1];
    outer.handler = answering(200, {}, 'here');
    // A name of this pod's loopback: whoever runs this names it, a server elsewhere may not.
    const one = transport({ 'registry.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] });
    context.after(() => one.close());
    const here = new URL(`http://registry.example:${port}/`);
    const other = new URL(`http://other.example:${port}/`);
    await assert.rejects(one.ask(other, { namedBy: new URL('http://never-asked.example/') }), /internal address/);
    assert.equal((await readBody(await one.ask(here), 100)).toString(), 'here');
    assert.equal((await readBody(await one.ask(other, { namedBy: here }), 100)).toString(), 'here');
    const again = new URL('http://never-asked.example/');
    await assert.rejects(one.ask(other, { namedBy: again }), /internal address/);
    await assert.rejects(one.ask(new URL('http://169.254.169.254/'), { namedBy: here }), /internal address/);
  });
});
