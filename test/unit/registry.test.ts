import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { credentialsFor } from '../../src/registry/credentials.ts';
import {
  type DockerConfig,
  matchAuths,
  mergeDockerConfigs,
  parseDockerConfig,
} from '../../src/registry/docker-config.ts';
import { parseJson, parseManifest } from '../../src/registry/manifest.ts';
import { choosePlatform } from '../../src/registry/platform.ts';
import { bypasses, proxyFor, proxySettings } from '../../src/registry/proxy.ts';
import { contentRangeFault } from '../../src/registry/range.ts';
import { credentialKey, parseReference, referenceText } from '../../src/registry/reference.ts';
import { parseRetryAfter, pause, withRetries } from '../../src/registry/retry.ts';
import { Retryable } from '../../src/registry/retryable.ts';

const D = `sha256:${'a'.repeat(64)}`;
const coded =
  (code: string, message = /./) =>
  (error: unknown) =>
    error instanceof WeighlockError && error.code === code && message.test(error.message);

describe('a reference', () => {
  it('is split by the rules of Docker', () => {
    for (const [text, expected] of [
      ['oci://registry.example.com/models/m:v1', 'registry.example.com/models/m:v1'],
      [`ghcr.io/a/b:v1@${D}`, `ghcr.io/a/b:v1@${D}`],
      [`localhost/m@${D}`, `localhost/m@${D}`],
      ['localhost:5000/m', 'localhost:5000/m:latest'],
      ['[::1]:5000/m:x', '[::1]:5000/m:x'],
      ['busybox', 'docker.io/library/busybox:latest'],
      ['acme/m:v1', 'docker.io/acme/m:v1'],
      ['registry-1.docker.io/m', 'registry-1.docker.io/library/m:latest'],
    ] as const) {
      assert.equal(referenceText(parseReference(text)), expected);
    }
  });

  it('is refused when a part of it could be something else in a URL or a path', () => {
    const bad = [
      '',
      'UPPER/case',
      'r.io/a/../b',
      'r.io/a//b',
      'r.io/a:b:c',
      'r.io/a@sha256:xyz',
      `r.io/a@sha512:${'a'.repeat(128)}`,
      `r.io/a@${D.toUpperCase()}`,
      'r.io/a?x=y',
      'r.io/a#b',
      'user:pw@r.io/a',
      'r.io/a:-x',
      'r.io:99999999/a',
      'r.io/',
      `r.io/${'a'.repeat(300)}`,
      'r .io/a',
    ];
    for (const text of bad) assert.throws(() => parseReference(text), coded('CONFIG_INVALID'), text);
  });
});

describe('WWW-Authenticate', () => {
  it('is parsed with several challenges, quotes, escapes and commas inside quotes', () => {
    const challenges = parseChallenges([
      'Negotiate, Bearer realm="https://a/t?x=1,2",service="a\\"b" , scope=repository',
      'BASIC realm=x',
    ]);
    assert.deepEqual(
      challenges.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
      [
        ['negotiate', {}],
        ['bearer', { realm: 'https://a/t?x=1,2', service: 'a"b', scope: 'repository' }],
        ['basic', { realm: 'x' }],
      ],
    );
  });

  it('that is broken ends where it breaks, and quickly', () => {
    assert.equal(parseChallenges('Bearer realm="never closed')[0]?.parameters.get('realm'), '');
    assert.deepEqual(parseChallenges(undefined), []);
    assert.deepEqual(parseChallenges('x'.repeat(10_000)), []);
    assert.deepEqual(parseChallenges('"", =,;'), []);
    assert.equal(parseChallenges('Bearer realm="a", realm="b"')[0]?.parameters.get('realm'), 'a');
  });
});

describe('registry credentials', () => {
  const auth = Buffer.from('user:pa:ss').toString('base64');
  const parse = (json: unknown, file = 'config.json') => parseDockerConfig(JSON.stringify(json), file);

  it('are read from config.json, dockerconfigjson and dockercfg', () => {
    const expected = [{ kind: 'basic', username: 'user', password: 'pa:ss' }];
    assert.deepEqual(matchAuths(parse({ auths: { 'r.io': { auth } } }), 'r.io', 'a/b'), expected);
    assert.deepEqual(matchAuths(parse({ 'https://r.io/v1/': { auth } }, '.dockercfg'), 'r.io', 'a/b'), expected);
    assert.deepEqual(matchAuths(parse({ auths: { 'r.io': { identitytoken: 't', auth } } }), 'r.io', 'a'), [
      { kind: 'identity-token', token: 't' },
    ]);
  });

  it('match by the rules of the kubelet: labels, globs, port, path, longest first', () => {
    const entry = (name: string) => ({ username: name, password: 'x' });
    const config = parse({
      auths: {
        '*.io': entry('glob'),
        'r.io': entry('host'),
        'r.io/team': entry('path'),
        'r.io:5000': entry('port'),
        'https://index.docker.io/v1/': entry('hub'),
      },
    });
    const names = (host: string, repository: string) =>
      matchAuths(config, host, repository).map((one) => one.kind === 'basic' && one.username);
    assert.deepEqual(names('r.io', 'team/m'), ['path', 'host', 'glob']);
    assert.deepEqual(names('r.io', 'teammate/m'), ['host', 'glob']);
    assert.deepEqual(names('r.io:5000', 'team/m'), ['port']);
    assert.deepEqual(names('a.r.io', 'm'), []);
    assert.deepEqual(names('r.io.evil', 'm'), []);
    assert.deepEqual(names('ghcr.io.evil.example', 'm'), []);
    assert.deepEqual(names('https://index.docker.io/v1/', 'library/m'), ['hub']);
  });

  it('15.21: of Docker Hub, and of other registries, are found under each of their names', async () => {
    const credential = { username: 'u', password: 'x' };
    const hub = parseReference('acme/m');
    for (const key of [
      'https://index.docker.io/v1/',
      'index.docker.io/v1/',
      'http://index.docker.io',
      'index.docker.io',
      'docker.io',
      'https://docker.io/',
      'registry-1.docker.io',
      'DOCKER.io',
    ]) {
      for (const registry of ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.IO'])
        assert.equal(
          matchAuths(parse({ auths: { [key]: credential } }), credentialKey(registry), 'acme/m').length,
          1,
          key,
        );
      assert.deepEqual(matchAuths(parse({ auths: { [key]: credential } }), 'ghcr.io', 'acme/m'), [], key);
      const helped = parse({ auths: {}, credHelpers: { [key]: 'hub' } });
      const asked: string[] = [];
      await credentialsFor(helped, hub.registry, hub.repository, async (suffix, input) => {
        asked.push(`${suffix} ${input}`);
        return { status: 0, stdout: '{"Username":"u","Secret":"s"}' };
      });
      assert.deepEqual(asked, ['hub https://index.docker.io/v1/'], key);
    }
    for (const [key, registry, expected] of [
      ['R.io', 'r.io', 1],
      ['r.io.', 'r.io', 1],
      ['r.io:443', 'r.io', 1],
      ['https://r.io/v2/', 'r.io:443', 1],
      ['[::1]:5000', '[::1]:5000', 1],
      ['r.io:80', 'r.io', 0],
      ['r.io', 'r.io:5000', 0],
      ['r.io', 'r.io.evil.example', 0],
      ['docker.io.evil.example', 'docker.io', 0],
      ['evil.docker.io', 'docker.io', 0],
    ] as const)
      assert.equal(
        matchAuths(parse({ auths: { [key]: credential } }), credentialKey(registry), 'm').length,
        expected,
        key,
      );
  });

  it('of several files are asked in their order', () => {
    const one = parse({ auths: { 'r.io': { username: '1', password: '' } }, credHelpers: { 'h.io': 'first' } });
    const two = parse({
      auths: { 'r.io': { username: '2', password: '' } },
      credHelpers: { 'h.io': 'second' },
      credsStore: 'store',
    });
    const merged = mergeDockerConfigs([one, two]);
    assert.deepEqual(
      matchAuths(merged, 'r.io', 'm').map((c) => c.kind === 'basic' && c.username),
      ['1', '2'],
    );
    assert.equal(merged.credHelpers.get('h.io'), 'first');
    assert.equal(merged.credsStore, 'store');
  });

  it('that are malformed are an error that shows nothing of them', () => {
    const secret = 'hunter2';
    for (const json of [
      { auths: { 'r.io': { auth: Buffer.from(secret).toString('base64') } } },
      { auths: { 'r.io': secret } },
      { auths: [secret] },
      { auths: {}, credsStore: `../${secret}` },
      { auths: {}, credHelpers: { 'r.io': `${secret}; rm` } },
    ]) {
      assert.throws(
        () => parse(json),
        (error) =>
          coded('CONFIG_INVALID')(error) && !JSON.stringify(error).includes(secret) && !String(error).includes(secret),
      );
    }
    assert.throws(
      () => parseDockerConfig(`{"auths": ${secret}`, 'f'),
      (error) => coded('CONFIG_INVALID')(error) && !String(error).includes(secret),
    );
  });

  it('come from a helper by its protocol', async () => {
    const config: DockerConfig = { auths: [], credHelpers: new Map([['r.io', 'ecr']]), credsStore: 'pass' };
    const asked: string[] = [];
    const helper =
      (stdout: string, status = 0) =>
      async (suffix: string, input: string) => {
        asked.push(`${suffix} ${input}`);
        return { status, stdout };
      };
    assert.deepEqual(await credentialsFor(config, 'r.io', 'm', helper('{"Username":"AWS","Secret":"s"}')), [
      { kind: 'basic', username: 'AWS', password: 's' },
    ]);
    assert.deepEqual(await credentialsFor(config, 'x.io', 'm', helper('{"Username":"<token>","Secret":"t"}')), [
      { kind: 'identity-token', token: 't' },
    ]);
    assert.deepEqual(asked, ['ecr r.io', 'pass x.io']);
    assert.deepEqual(
      await credentialsFor(config, 'x.io', 'm', helper('credentials not found in native keychain\n', 1)),
      [],
    );
    await assert.rejects(credentialsFor(config, 'x.io', 'm', helper('', 127)), coded('CONFIG_INVALID'));
    await assert.rejects(
      credentialsFor(config, 'x.io', 'm', helper('secret nonsense')),
      (error) => coded('CONFIG_INVALID')(error) && !String(error).includes('secret nonsense'),
    );
  });
});

describe('a manifest', () => {
  const layer = { mediaType: 'x', digest: D, size: 1 };
  const good = { schemaVersion: 2, config: layer, layers: [layer] };
  const parse = (json: unknown, type?: string) =>
    parseManifest(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), type);

  it('says what it is by artifactType or by its configuration', () => {
    const plain = parse(good);
    assert.equal(plain.kind === 'manifest' && plain.artifactType, 'x');
    const typed = parse({ ...good, artifactType: 'y' });
    assert.equal(typed.kind === 'manifest' && typed.artifactType, 'y');
  });

  it('that is two things at once is refused (cve-2021-41190, ghsa-mc8v-mgrf-8f4m)', () => {
    assert.throws(() => parse({ ...good, manifests: [] }), coded('UNSAFE_ENTRY', /at once/));
    assert.throws(
      () => parse({ ...good, mediaType: 'application/vnd.oci.image.index.v1+json' }),
      coded('UNSAFE_ENTRY'),
    );
    assert.throws(
      () =>
        parse(
          { ...good, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
          'application/vnd.oci.image.index.v1+json',
        ),
      coded('UNSAFE_ENTRY', /sent as/),
    );
  });

  it('15.2: that another reader takes for something else is refused: a key twice, or in other letters, or no UTF-8', () => {
    const text = JSON.stringify(good);
    const other = JSON.stringify({ ...layer, digest: `sha256:${'b'.repeat(64)}` });
    for (const [changed, why] of [
      [text.replace('"layers":', `"layers":[${other}],"layers":`), /the key "layers" twice/],
      [text.replace('"layers":', `"l\\u0061yers":[${other}],"layers":`), /the key "layers" twice/],
      [
        text.replace('"layers":[', `"layers":[${other.replace('"digest"', '"size":1,"digest"')},`),
        /the key "size" twice/,
      ],
      [text.replace('"layers":', `"Layers":[${other}],"layers":`), /"Layers"/],
      [text.replace('"layers":', `"layer\u017f":[${other}],"layers":`), /"layer\u017f"/],
      [text.replace('"layers":[', `"layers":[${other.replace('"digest"', '"Digest":"x","digest"')},`), /"Digest"/],
    ] as const) {
      assert.notEqual(changed, text);
      assert.throws(() => parse(changed), coded('UNSAFE_ENTRY', why));
    }
    const bytes = Buffer.from(text.replace('"layers":', '"x":"\u00ff","layers":'), 'latin1');
    assert.throws(() => parseManifest(bytes, undefined), coded('UNSAFE_ENTRY', /UTF-8/));
    assert.throws(() => parseJson(Buffer.from('{"a":1,"a":2}')), coded('UNSAFE_ENTRY', /twice/));
  });

  it('with a digest that is no digest is refused before any URL is made of it (cve-2024-3727, cve-2024-37032, cve-2026-7020)', () => {
    for (const digest of [
      'sha256:../../etc/x',
      `sha256:${'A'.repeat(64)}`,
      'sha256:abc',
      'md5:d41d8cd98f00b204e9800998ecf8427e',
      '',
      null,
      5,
      `sha256:${'a'.repeat(65)}`,
      `sha256-${'a'.repeat(64)}`,
    ]) {
      assert.throws(() => parse({ ...good, layers: [{ ...layer, digest }] }), coded('UNSAFE_ENTRY'));
    }
  });

  it('with a size that is no size is refused (S11)', () => {
    for (const size of [-1, 1.5, 1e300, '5', null, Number.MAX_SAFE_INTEGER + 1]) {
      assert.throws(() => parse({ ...good, layers: [{ ...layer, size }] }), coded('UNSAFE_ENTRY'));
    }
  });

  it('with more layers than anybody needs, or nested to crash a parser, is refused (S10, S12)', () => {
    assert.throws(() => parse({ ...good, layers: Array(10_000).fill(layer) }), coded('LIMIT_EXCEEDED'));
    assert.throws(
      () => parse(`{"schemaVersion":2,"x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
      coded('UNSAFE_ENTRY', /nested/),
    );
  });

  it('that is no manifest at all is refused', () => {
    for (const json of [
      '',
      'null',
      '[]',
      '"x"',
      '{}',
      { schemaVersion: 1, layers: [], config: layer },
      { schemaVersion: 2 },
      { ...good, config: null },
      { ...good, layers: {} },
      { ...good, annotations: { a: 1 } },
    ]) {
      assert.throws(() => parse(json), coded('UNSAFE_ENTRY'));
    }
  });
});

describe('an index', () => {
  const entry = (platform: object | undefined, n = 'a') => ({
    mediaType: 'x',
    digest: `sha256:${n.repeat(64)}`,
    size: 1,
    ...(platform && { platform }),
  });
  const index = (...manifests: object[]) => {
    const parsed = parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })), undefined);
    if (parsed.kind !== 'index') throw new Error('no index');
    return parsed;
  };
  const amd = { os: 'linux', architecture: 'amd64' };

  it('offers the first manifest for the platform, never an attestation', () => {
    const several = index(
      entry({ os: 'unknown', architecture: 'unknown' }),
      entry({ ...amd, architecture: 'arm64' }, 'b'),
      entry(amd, 'c'),
      entry(amd, 'd'),
    );
    assert.equal(choosePlatform(several, amd)?.digest, `sha256:${'c'.repeat(64)}`);
    assert.equal(choosePlatform(several, { os: 'windows', architecture: 'amd64' }), undefined);
    assert.equal(choosePlatform(index(entry({ ...amd, variant: 'v2' })), { ...amd, variant: 'v3' }), undefined);
  });

  it('with one manifest for no platform offers that one', () => {
    assert.ok(choosePlatform(index(entry(undefined)), amd));
    assert.equal(choosePlatform(index(entry(undefined), entry(undefined, 'b')), amd), undefined);
    assert.equal(choosePlatform(index(), amd), undefined);
  });
});

describe('Content-Range', () => {
  it('must go on exactly where we are and reach the end', () => {
    assert.equal(contentRangeFault('bytes 10-99/100', 10, 100), undefined);
    for (const header of [
      undefined,
      ['bytes 10-99/100', 'x'],
      'bytes 11-99/100',
      'bytes 10-98/100',
      'bytes 10-99/*',
      'bytes 10-199/200',
      'items 10-99/100',
      'bytes 10-99/100 ',
      'bytes -1-99/100',
    ]) {
      assert.ok(contentRangeFault(header, 10, 100), String(header));
    }
  });
});

describe('Retry-After and pauses', () => {
  it('are seconds or a date', () => {
    const now = Date.parse('2026-11-20T10:00:00Z');
    assert.equal(parseRetryAfter('7', now), 7000);
    assert.equal(parseRetryAfter('Fri, 20 Nov 2026 10:00:05 GMT', now), 5000);
    assert.equal(parseRetryAfter('Fri, 20 Nov 2026 09:00:05 GMT', now), 0);
    // 15.21: the two obsolete forms (RFC 9110, section 5.6.7), and more seconds than anybody waits.
    assert.equal(parseRetryAfter('Friday, 20-Nov-26 10:00:05 GMT', now), 5000);
    assert.equal(parseRetryAfter('Fri Nov 20 10:00:05 2026', now), 5000);
    assert.equal(parseRetryAfter(' 21600 ', now), 21_600_000);
    assert.equal(parseRetryAfter('9'.repeat(400), now), Number.MAX_SAFE_INTEGER);
    for (const text of [undefined, '', 'soon', '-1', '1e9', 'Friday'])
      assert.equal(parseRetryAfter(text, now), undefined);
  });

  it('double up to a minute, give or take a fifth', () => {
    assert.deepEqual(
      [1, 2, 3].map((n) => pause(n, 0.5)),
      [500, 1000, 2000],
    );
    assert.equal(pause(50, 0.5), 60_000);
    assert.ok(pause(1, 0) >= 400 && pause(1, 1) <= 601);
  });

  it('end after too many tries without progress, and start afresh with it', async () => {
    const failure = new WeighlockError({ code: 'SOURCE_UNAVAILABLE', message: 'x' });
    const signal = new AbortController().signal;
    let tries = 0;
    await assert.rejects(
      withRetries(async () => Promise.reject(new Error(`not retryable ${tries++}`)), { signal }),
      /not retryable 0/,
    );
    await assert.rejects(
      withRetries(async () => Promise.reject(new Retryable(failure, { after: 301_000 })), { signal }),
      /x/,
    );
    const stopped = new AbortController();
    const waiting = withRetries(async () => Promise.reject(new Retryable(failure, { after: 60_000 })), {
      signal: stopped.signal,
    });
    setTimeout(() => stopped.abort(new Error('stopped')), 20);
    await assert.rejects(waiting, /stopped/);
  });
});

describe('proxies', () => {
  /** To a URL each of these is the host `user`, and half a password its port. */
  const CUT_SHORT = ['http://user:1#secret@p:3128', 'user:1/secret@p:3128', 'http://user:1?secret@p:3128'];
  const settings = {
    http: 'http://p:1',
    https: 'http://p:2',
    noProxy: 'localhost,.svc,10.0.0.0/8,fd00::/8,r.io:5000,*.corp,192.0.2.7',
  };

  it('15.21: are named with or without a scheme, and never shown when they are wrong', () => {
    const url = new URL('https://far.example/');
    for (const [text, expected] of [
      ['proxy.corp:3128', 'http://proxy.corp:3128/'],
      [' proxy.corp:3128 ', 'http://proxy.corp:3128/'],
      ['proxy.corp', 'http://proxy.corp/'],
      ['user:pass@proxy.corp:3128', 'http://user:pass@proxy.corp:3128/'],
      ['[fd00::1]:3128', 'http://[fd00::1]:3128/'],
      ['HTTPS://proxy.corp:3129', 'https://proxy.corp:3129/'],
      ['socks5://proxy.corp:1080', 'socks5://proxy.corp:1080'],
      ['http://user:p%40ss@proxy.corp', 'http://user:p%40ss@proxy.corp/'],
      // Percent signs that encode nothing, or no UTF-8.
      ['http://us%er:100%@proxy.corp', 'http://us%25er:100%25@proxy.corp/'],
      ['http://user:%E9@proxy.corp', 'http://user:%25E9@proxy.corp/'],
    ] as const)
      assert.equal(proxyFor(url, proxySettings({ HTTPS_PROXY: text }))?.href, expected);
    for (const text of [
      'ftp://proxy',
      'http://',
      'http://:3128',
      'a b',
      'user:secret@',
      'file:///etc/secret',
      ...CUT_SHORT,
    ])
      assert.throws(
        () => proxyFor(url, proxySettings({ https_proxy: text })),
        (error) => coded('CONFIG_INVALID', /HTTPS_PROXY/)(error) && !String(error).includes('secret'),
        text,
      );
    assert.equal(proxyFor(new URL('http://far.example/'), proxySettings({ HTTPS_PROXY: 'nonsense://' })), undefined);
    assert.equal(proxyFor(url, proxySettings({ HTTPS_PROXY: 'nonsense://', NO_PROXY: '*' })), undefined);
  });

  it('15.21: are left out by every form of NO_PROXY', () => {
    for (const [entry, url, expected] of [
      ['far.example.', 'https://far.example/', true],
      ['FAR.example', 'https://far.example./', true],
      ['http://far.example', 'https://far.example/', true],
      ['far.example:443', 'https://far.example/', true],
      ['far.example:443', 'http://far.example/', false],
      ['*.example', 'https://far.example/', true],
      ['example', 'https://far.example/', true],
      ['ar.example', 'https://far.example/', false],
      ['fd00::1', 'https://[fd00::1]/', true],
      ['fd00:0::1', 'https://[fd00::1]/', true],
      ['[fd00::1]:8443', 'https://[fd00::1]:8443/', true],
      ['[fd00::1]:8443', 'https://[fd00::1]/', false],
      ['[fd00::]/8', 'https://[fd00::1]/', true],
      ['10.0.0.1', 'https://10.0.0.1/', true],
      ['10.0.0.1', 'https://10.0.0.10/', false],
      ['0.0.1', 'https://10.0.0.1/', false],
      ['.', 'https://far.example/', false],
      ['a;far.example', 'https://far.example/', true],
    ] as const)
      assert.equal(bypasses(new URL(url), entry), expected, `${entry} ${url}`);
  });

  it('are chosen by scheme', () => {
    assert.equal(proxyFor(new URL('https://r.io/x'), settings)?.href, 'http://p:2/');
    assert.equal(proxyFor(new URL('http://r.io/x'), settings)?.href, 'http://p:1/');
  });

  it('are left out for what NO_PROXY says, CIDR ranges included', () => {
    for (const url of [
      'http://localhost:5000/',
      'https://a.b.svc/',
      'https://svc/',
      'http://10.1.2.3/',
      'http://[fd00::1]/',
      'http://r.io:5000/',
      'https://x.corp',
      'http://192.0.2.7',
    ]) {
      assert.ok(bypasses(new URL(url), settings.noProxy), url);
    }
    for (const url of [
      'https://r.io/',
      'http://11.1.2.3/',
      'https://evilsvc/',
      'http://10.example.com/',
      'http://[fe00::1]/',
      'https://notlocalhost/',
    ]) {
      assert.ok(!bypasses(new URL(url), settings.noProxy), url);
    }
    assert.ok(bypasses(new URL('https://any'), '*'));
    assert.ok(!bypasses(new URL('https://any'), '10.0.0.0/99, /, :, []'));
  });
});
