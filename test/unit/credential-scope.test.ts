import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mayReceive, realmFault } from '../../src/registry/credential-scope.ts';

const urls = (...texts: string[]) => texts.map((text) => new URL(text));

describe('15.12: a credential', () => {
  const R = 'https://registry.example.com/v2/m/manifests/v1';
  it('goes to its own origin only, and not after it was elsewhere', () => {
    for (const [owner, hops, expected] of [
      [R, [R], true],
      [R, ['https://registry.example.com/'], true],
      // The same origin, written otherwise.
      [R, ['https://REGISTRY.Example.com/x'], true],
      [R, ['https://registry.example.com:443/x'], true],
      [R, ['https://registry.example.com./x'], true],
      [R, ['https://someone:else@registry.example.com/x'], true],
      ['http://r.io/', ['http://r.io:80/'], true],
      ['https://[::1]:5000/', ['https://[0:0:0:0:0:0:0:1]:5000/'], true],
      ['https://127.0.0.1/', ['https://127.1/'], true],
      ['https://xn--bcher-kva.example/', ['https://bücher.example/'], true],
      // Others.
      [R, [], false],
      [R, ['https://registry.example.com.evil.example/'], false],
      [R, ['https://evil.example/registry.example.com/'], false],
      [R, ['https://registry.example.com@evil.example/'], false],
      [R, ['https://sub.registry.example.com/'], false],
      [R, ['https://example.com/'], false],
      [R, ['https://registry.example.com:8443/'], false],
      [R, ['https://registry.example.com..evil/'], false],
      [R, ['http://registry.example.com/'], false],
      [R, ['http://registry.example.com:443/'], false],
      ['http://r.io/', ['https://r.io/'], false],
      ['http://r.io:5000/', ['http://r.io:5001/'], false],
      ['https://[::1]/', ['https://127.0.0.1/'], false],
      // There and back again.
      [R, [R, 'https://evil.example/', R], false],
      [R, ['https://evil.example/', R], false],
      [R, [R, 'https://registry.example.com/elsewhere'], true],
    ] as const) {
      assert.equal(mayReceive(new URL(owner), urls(...hops)), expected, `${owner} ${hops.join(' ')}`);
    }
  });

  it('is exchanged for a token where the registry says, over https and at no internal address', () => {
    for (const [registry, realm, fault] of [
      ['https://registry-1.docker.io/', 'https://auth.docker.io/token', undefined],
      ['https://r.io/', 'https://r.io/token', undefined],
      ['http://127.0.0.1:5000/', 'http://127.0.0.1:5001/token', undefined],
      ['http://r.io/', 'http://named.r.io/', undefined],
      ['http://r.io/', 'http://r.io:8080/', undefined],
      ['http://r.io/', 'http://auth.r.io/', /over http:/],
      ['http://r.io/', 'http://203.0.113.5/', /over http:/],
      ['http://named.r.io/', 'http://r.io/', /over http:/],
      ['https://10.0.0.1/', 'https://10.0.0.2/token', undefined],
      ['https://127.0.0.1/', 'https://10.0.0.2/token', undefined],
      ['https://10.0.0.1/', 'https://10.0.0.1/token', undefined],
      ['https://r.io/', 'https://203.0.113.5/token', undefined],
      ['https://r.io/', 'https://[2001:db8::1]/token', undefined],
      ['https://r.io/', 'http://auth.r.io/', /over http:/],
      ['https://r.io/', 'http://r.io/', /over http:/],
      ['https://r.io/', 'file:///etc/passwd', /over file:/],
      ['http://r.io/', 'ftp://auth.r.io/', /over ftp:/],
      ['https://r.io/', 'https://localhost/', /internal/],
      ['https://r.io/', 'https://localhost./', /internal/],
      ['https://r.io/', 'https://x.localhost/', /internal/],
      ['https://r.io/', 'https://169.254.169.254/', /internal/],
      ['https://r.io/', 'https://0xa9fea9fe/', /internal/],
      ['https://r.io/', 'https://10.1.2.3/', /internal/],
      ['https://r.io/', 'https://100.64.0.1/', /internal/],
      ['https://r.io/', 'https://0.0.0.0/', /internal/],
      ['https://r.io/', 'https://[::1]/', /internal/],
      ['https://r.io/', 'https://[fd00::1]/', /internal/],
      ['https://r.io/', 'https://[fe80::1]/', /internal/],
      ['https://r.io/', 'https://[::ffff:10.0.0.1]/', /internal/],
      ['https://r.io/', 'https://[64:ff9b::a9fe:a9fe]/', /internal/],
      ['http://127.0.0.1:5000/', 'http://127.0.0.2/', /over http:/],
      ['https://10.0.0.1/', 'https://127.0.0.1/', /internal/],
      ['https://10.0.0.1/', 'https://169.254.169.254/', /internal/],
      ['https://127.0.0.1/', 'https://169.254.169.254/', /internal/],
    ] as const) {
      const found = realmFault({ url: new URL(registry) }, new URL(realm), (host) => host === 'named.r.io');
      if (fault === undefined) assert.equal(found, undefined, realm);
      else assert.match(found ?? 'nothing', fault, realm);
    }
  });
});
