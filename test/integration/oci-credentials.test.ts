// Credentials, redirects and mirrors of registries: who is asked, and who is told a secret.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeRegistry, type Handler, isBlob, isManifest } from '../registry/fake.ts';
import { titled } from '../registry/push.ts';
import { file, tar } from '../registry/tar.ts';
import { workFolder } from './cli.ts';
import { published, pull, refused, simple, TAR, WEIGHTS } from './oci-pulls.ts';

describe('credentials', () => {
  const BASIC = `Basic ${Buffer.from('user:hunter2').toString('base64')}`;
  const config = () => {
    const file = join(workFolder(), 'config.json');
    return (host: string, entry: object = { auth: BASIC.slice(6) }) => {
      writeFileSync(file, JSON.stringify({ auths: { [host]: entry } }));
      return ['--registry-config', file];
    };
  };

  /**
   * Wants a token for every request and gives one for the right password; tokens can be made to
   * end.
   */
  function tokenServer(registry: FakeRegistry, valid: () => boolean = () => true): Handler {
    let issued = 0;
    return (request, response, next) => {
      const url = new URL(request.url ?? '', 'http://x');
      if (url.pathname === '/token') {
        const ok = request.headers.authorization === BASIC;
        response
          .writeHead(ok ? 200 : 401)
          .end(ok ? JSON.stringify({ token: `token-${++issued}`, expires_in: 300 }) : '{}');
      } else if (request.headers.authorization === `Bearer token-${issued}` && valid()) next();
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token",service="s"` })
          .end();
    };
  }

  it('by Basic, and by Bearer with a token server', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (request.headers.authorization === BASIC) next();
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    registry.handler = tokenServer(registry);
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    assert.match(registry.asked(/token/)[0] ?? '', /scope=repository%3Amodels%2Fm%3Apull/);
  });

  it('that end in the middle of a pull are renewed', async () => {
    const { registry, digest } = await simple();
    let requests = 0;
    registry.handler = tokenServer(registry, () => ++requests % 3 !== 0);
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'w/model.safetensors': WEIGHTS });
    assert.ok(registry.asked(/token/).length > 1);
  });

  it('as an identity token by OAuth2, and a registry token as it is', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (request.method === 'POST') {
        let body = '';
        request.on('data', (chunk) => (body += chunk));
        request.on('end', () =>
          response.writeHead(body.includes('refresh_token=idt') ? 200 : 400).end('{"access_token":"oauth"}'),
        );
      } else if (request.headers.authorization === 'Bearer oauth' || request.headers.authorization === 'Bearer reg')
        next();
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` }).end();
    });
    published(await pull(registry, `@${digest}`, config()(registry.host, { identitytoken: 'idt' })), {
      'config.json': '{}',
    });
    published(await pull(registry, `@${digest}`, config()(registry.host, { registrytoken: 'reg' })), {
      'config.json': '{}',
    });
  });

  it('that are wrong end with 75, without a secret in any output', async () => {
    const { registry, digest } = await simple((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    });
    const result = await pull(registry, `@${digest}`, config()(registry.host));
    refused(result, 75, 'SOURCE_UNAVAILABLE', /401 \(UNAUTHORIZED\).*pull secret/);
    assert.doesNotMatch(result.stdout + result.stderr, /hunter2|aHVudGVy|dXNlcjpodW50ZXIy/);
  });

  it('of another host are not sent, not even to one whose name begins alike (S33)', async () => {
    const { registry, digest } = await simple();
    await pull(registry, `@${digest}`, config()('127.0.0.1'));
    await pull(registry, `@${digest}`, config()(`${registry.host}0`));
    assert.ok(registry.requests.every(({ headers }) => headers.authorization === undefined));
  });

  it('stay at their origin through redirects, there and back (ggcr #2349, oras ghsa-whvf-jp7m-59f3, ghsa-h3wm-jjqf-8jm2)', async () => {
    const { registry, digest } = await simple();
    const elsewhere: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.headers.authorization ?? request.headers.cookie);
      response.writeHead(307, { location: `http://${registry.host}${request.url}?back=1` }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    after(() => other.close());
    const port = (other.address() as AddressInfo).port;
    const back: (string | undefined)[] = [];
    registry.handler = (request, response, next) => {
      if (request.url?.includes('back=1')) {
        back.push(request.headers.authorization);
        next();
      } else if (request.headers.authorization !== BASIC)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (isBlob(request)) response.writeHead(307, { location: `http://127.0.0.1:${port}${request.url}` }).end();
      else next();
    };
    published(await pull(registry, `@${digest}`, config()(registry.host)), { 'config.json': '{}' });
    assert.ok(elsewhere.length >= 2 && back.length >= 2);
    assert.deepEqual([...new Set([...elsewhere, ...back])], [undefined]);
  });

  it('are not taken to an internal address or over plain HTTP for a token (S33, ggcr #2243)', async () => {
    for (const realm of [
      'http://169.254.169.254/latest/meta-data',
      'https://10.0.0.1/token',
      'https://[fe80::1]/token',
      'https://localhost:1/token',
      'file:///etc/passwd',
      'nonsense',
    ]) {
      const { registry, digest } = await simple((_request, response) => {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      });
      refused(await pull(registry, `@${digest}`, config()(registry.host)), 75, 'SOURCE_UNAVAILABLE', /token/);
    }
  });

  it('in a malformed file are a configuration error, never "none"', async () => {
    const { registry, digest } = await simple();
    const broken = join(workFolder(), 'config.json');
    writeFileSync(broken, '{"auths": hunter2');
    const result = await pull(registry, `@${digest}`, ['--registry-config', broken]);
    refused(result, 78, 'CONFIG_INVALID');
    assert.doesNotMatch(result.stdout + result.stderr, /hunter2/);
    refused(
      await pull(registry, `@${digest}`, ['--registry-config', '/nowhere/config.json']),
      78,
      'CONFIG_INVALID',
      /ENOENT/,
    );
    assert.equal(registry.requests.length, 0);
  });
});

describe('redirects', () => {
  it('that never end, or lead to something that is no https, are refused', async () => {
    for (const [location, message] of [
      ['/v2/models/m/blobs/again', /more than 10 redirects/],
      ['ftp://127.0.0.1/x', /redirects to ftp/],
      ['file:///etc/passwd', /redirects to file/],
      ['http://', /no URL/],
    ] as const) {
      const { registry, digest } = await simple((request, response, next) => {
        if (isBlob(request)) response.writeHead(302, { location }).end();
        else next();
      });
      refused(await pull(registry, `@${digest}`, ['--timeout=20s']), 75, 'SOURCE_UNAVAILABLE', message);
    }
  });
});

describe('mirrors', () => {
  it('are asked first and without credentials, the registry last', async () => {
    const { registry, digest } = await simple();
    const mirror = await FakeRegistry.start();
    for (const [name, bytes] of registry.blobs) mirror.blobs.set(name, bytes);
    const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
    mirror.handler = (request, response, next) => (isManifest(request) ? void response.writeHead(404).end() : next());
    published(await pull(registry, `@${digest}`, flags), { 'config.json': '{}' });
    assert.equal(registry.asked(/blobs/).length, 0);
    assert.ok(mirror.asked(/ns=127/).length > 2);
  });

  it('that send something else are passed over for the registry', async () => {
    const { registry, digest } = await simple();
    const mirror = await FakeRegistry.start();
    mirror.addManifest(Buffer.from('{"schemaVersion":2}'), digest);
    mirror.manifests.set(digest, { bytes: Buffer.from('{"schemaVersion":2}'), type: 'x' });
    const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
    published(await pull(registry, `@${digest}`, flags), { 'config.json': '{}' });
  });

  it('that send a wrong blob, or break off in one, are passed over for the registry too', async () => {
    const shards = { 'shard-0': WEIGHTS.subarray(0, 1_500_000), 'dir/shard-1': WEIGHTS.subarray(1_500_000) };
    const packed = gzipSync(tar(Object.entries(shards).map(([name, bytes]) => file(name, bytes))));
    const registry = await FakeRegistry.start();
    const layers = [titled('w/model.safetensors', WEIGHTS), { mediaType: `${TAR}+gzip`, bytes: packed }];
    const config = { artifactType: 'application/vnd.cncf.model.manifest.v1+json' };
    layers[0] = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: WEIGHTS,
      annotations: { 'org.cncf.model.filepath': 'w/model.safetensors' },
    };
    const digest = registry.add(layers, 'v1', config);
    const wrong: Handler = (request, response, next) => {
      const [, name = ''] = /blobs\/(sha256:[0-9a-f]{64})/.exec(request.url ?? '') ?? [];
      const bytes = Buffer.from(registry.blobs.get(name) ?? '');
      if (!isBlob(request) || bytes.length < 1000) return next();
      bytes.writeUInt8((bytes.readUInt8(bytes.length - 9) + 1) & 0xff, bytes.length - 9);
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    };
    const broken: Handler = (request, response, next) => {
      const [, name = ''] = /blobs\/(sha256:[0-9a-f]{64})/.exec(request.url ?? '') ?? [];
      const bytes = registry.blobs.get(name) ?? Buffer.alloc(0);
      if (!isBlob(request) || bytes.length < 1000) return next();
      if (request.headers.range !== undefined) return void response.writeHead(403).end();
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1_200_000), () => response.destroy());
    };
    for (const handler of [wrong, broken]) {
      const mirror = await FakeRegistry.start();
      for (const [name, bytes] of registry.blobs) mirror.blobs.set(name, bytes);
      for (const [name, manifest] of registry.manifests) mirror.manifests.set(name, manifest);
      mirror.handler = handler;
      const flags = ['--mirror', `${registry.host}=${mirror.host}`, '--plain-http', mirror.host];
      published(await pull(registry, `@${digest}`, flags), { 'w/model.safetensors': WEIGHTS, ...shards });
      assert.ok(mirror.asked(/blobs/).length >= 2);
    }
  });
});
