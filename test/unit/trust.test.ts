import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { otherNames, subjectNames } from '../../src/evidence/certificate.ts';
import { isUserName } from '../../src/evidence/name-forms.ts';
import { MalformedError, parseStrictJson } from '../../src/evidence/strict-json.ts';
import {
  checkPattern,
  hashesFor,
  kindOfKey,
  loadCurves,
  matchesPattern,
  parsePublicKey,
  verifyBytes,
  verifyDigest,
} from '../../src/trust/index.ts';

type Pair = { privateKey: KeyObject; publicKey: KeyObject };
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const odd = generateKeyPairSync('rsa', { modulusLength: 2049 });
const pssOnly = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
const DATA = Buffer.from('weights of a model');

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING };

const hashed = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest());

/** RFC 8032 section 5.1.5. */
function clamped(bytes: Uint8Array): Uint8Array {
  const scalar = Buffer.from(bytes);
  scalar.writeUInt8(scalar.readUInt8(0) & 248, 0);
  scalar.writeUInt8((scalar.readUInt8(31) & 127) | 64, 31);
  return scalar;
}

describe('a signature over a digest', () => {
  const cases: [string, Pair, 'sha256' | 'sha384' | 'sha512', object][] = [
    ['P-256', ec('prime256v1'), 'sha256', {}],
    ['P-384 with SHA-384', ec('secp384r1'), 'sha384', {}],
    ['P-384 with SHA-256, as cosign did', ec('secp384r1'), 'sha256', {}],
    ['P-521', ec('secp521r1'), 'sha512', {}],
    ['RSA PKCS #1 v1.5', rsa, 'sha256', {}],
    ['RSA PKCS #1 v1.5 with SHA-512', rsa, 'sha512', {}],
    ['RSA-PSS with a salt of 32 bytes', rsa, 'sha256', { ...PSS, saltLength: 32 }],
    ['RSA-PSS without a salt', rsa, 'sha256', { ...PSS, saltLength: 0 }],
    ['RSA-PSS with the longest salt', rsa, 'sha384', { ...PSS, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN }],
    ['RSA-PSS by a key of 2049 bits', odd, 'sha256', { ...PSS, saltLength: 32 }],
    ['RSA-PSS by a key that can do nothing else', pssOnly, 'sha256', { ...PSS, saltLength: 32 }],
  ];
  for (const [name, { privateKey, publicKey }, hash, options] of cases) {
    it(`is verified as it is over the bytes: ${name}`, async () => {
      const curves = await loadCurves();
      const digest = createHash(hash).update(DATA).digest();
      const signature = sign(hash, DATA, { key: privateKey, ...options });
      assert.equal(verifyDigest(curves, publicKey, digest, hash, signature), true);
      assert.equal(verifyBytes(publicKey, DATA, signature, { hash }), true);
      for (let at = 0; at < signature.length; at += 17) {
        const wrong = Buffer.from(signature);
        wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
        assert.equal(verifyDigest(curves, publicKey, digest, hash, wrong), false, `byte ${at}`);
      }
      const other = createHash(hash).update('other').digest();
      assert.equal(verifyDigest(curves, publicKey, other, hash, signature), false);
      assert.equal(verifyDigest(curves, publicKey, digest, hash, signature.subarray(1)), false);
      assert.equal(verifyDigest(curves, publicKey, digest, hash, Buffer.alloc(0)), false);
      const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
      assert.equal(verifyDigest(curves, stranger, digest, hash, signature), false);
    });
  }

  it('by RSA has the length of the key, even when it begins with a zero (RFC 8017, section 8.2.2)', async () => {
    const curves = await loadCurves();
    for (const options of [{}, { ...PSS, saltLength: 32 }]) {
      // One in 256 begins with a zero.
      for (let i = 0; ; i++) {
        const data = Buffer.from(`weights ${i}`);
        const signature = sign('sha256', data, { key: rsa.privateKey, ...options });
        if (signature[0] !== 0) continue;
        const digest = createHash('sha256').update(data).digest();
        assert.equal(verifyDigest(curves, rsa.publicKey, digest, 'sha256', signature), true);
        assert.equal(verifyDigest(curves, rsa.publicKey, digest, 'sha256', signature.subarray(1)), false);
        assert.equal(
          verifyDigest(curves, rsa.publicKey, digest, 'sha256', Buffer.concat([Buffer.of(0), signature])),
          false,
        );
        assert.equal(verifyBytes(rsa.publicKey, data, signature.subarray(1), { hash: 'sha256' }), false);
        break;
      }
    }
  });

  it('by Ed25519 cannot be verified from a digest, and is not', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signature = sign(null, DATA, privateKey);
    assert.equal(verifyBytes(publicKey, DATA, signature), true);
    assert.equal(verifyBytes(publicKey, Buffer.from('other'), signature), false);
    const digest = createHash('sha256').update(DATA).digest();
    assert.equal(verifyDigest(await loadCurves(), publicKey, digest, 'sha256', signature), false);
  });

  it('15.24: by Ed25519ph is verified over a digest and over the bytes, and is never one by Ed25519 (RFC 8032)', async () => {
    const curves = await loadCurves();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    const signature = Buffer.from(ed25519ph.sign(DATA, secret));
    const digest = createHash('sha512').update(DATA).digest();
    assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', signature), true);
    assert.equal(verifyBytes(publicKey, DATA, signature, { curves }), true);
    assert.equal(verifyBytes(publicKey, Buffer.from('other'), signature, { curves }), false);
    assert.equal(
      verifyDigest(curves, publicKey, createHash('sha512').update('other').digest(), 'sha512', signature),
      false,
    );
    assert.equal(verifyDigest(curves, publicKey, digest.subarray(0, 32), 'sha256', signature), false);
    const stranger = generateKeyPairSync('ed25519').publicKey;
    assert.equal(verifyDigest(curves, stranger, digest, 'sha512', signature), false);
    for (let at = 0; at < signature.length; at += 7) {
      const wrong = Buffer.from(signature);
      wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
      assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', wrong), false, `byte ${at}`);
    }
    for (const wrong of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])])
      assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', wrong), false);
    // A pure signature of the digest's bytes is none of what has that digest, and with a context it
    // is another scheme.
    assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', sign(null, digest, privateKey)), false);
    const context = Buffer.from(ed25519ph.sign(DATA, secret, { context: Buffer.from('x') }));
    assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', context), false);
    // Over another hash than its own it is nobody's scheme.
    const ofSha256 = createHash('sha256').update(DATA).digest();
    const scheme = curves.eddsa(curves.ed25519.Point, hashed, {
      adjustScalarBytes: (bytes: Uint8Array) => new Uint8Array(clamped(bytes)),
      prehash: (bytes: Uint8Array) => new Uint8Array(bytes),
      domain: (data: Uint8Array) =>
        new Uint8Array(Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions\u0001\0'), data])),
    });
    assert.equal(verifyDigest(curves, publicKey, digest, 'sha512', scheme.sign(digest, secret)), true);
    assert.equal(verifyDigest(curves, publicKey, ofSha256, 'sha256', scheme.sign(ofSha256, secret)), false);
    // The neutral element as a key, and as R: this "signature" is one of everything where small
    // orders are let pass.
    const nobody = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: nobody.toString('base64url') };
    const weak = createPublicKey({ key: jwk, format: 'jwk' });
    assert.equal(verifyDigest(curves, weak, digest, 'sha512', Buffer.concat([nobody, Buffer.alloc(32)])), false);
  });
});

describe('a public key', () => {
  it('is of a kind that is strong enough, or refused', () => {
    const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    for (const { publicKey } of [ec('prime256v1'), ec('secp521r1'), rsa, pssOnly, generateKeyPairSync('ed25519')])
      assert.match(parsePublicKey(pem(publicKey), 'it').fingerprint, /^[0-9a-f]{64}$/);
    for (const { publicKey } of [
      ec('secp256k1'),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('x25519'),
    ])
      assert.throws(() => parsePublicKey(pem(publicKey), 'it'), /not a public key that can be used/);
    assert.throws(() => parsePublicKey('nonsense', 'it'), /0 PEM blocks/);
    assert.deepEqual(hashesFor('P-384'), ['sha384', 'sha256']);
    assert.equal(kindOfKey(ec('secp256k1').publicKey), undefined);
  });
});

describe('the names in a certificate', () => {
  const names = (subjectAltName: string) => subjectNames({ subjectAltName });
  it('are told apart, or there are none (S36)', () => {
    assert.deepEqual(names('URI:https://github.com/acme/m, email:a@b.example, DNS:x.example, IP Address:10.0.0.1'), [
      'https://github.com/acme/m',
      'a@b.example',
      'x.example',
      '10.0.0.1',
    ]);
    assert.deepEqual(names('URI:"https://x/, email:ceo@acme.example"'), ['https://x/, email:ceo@acme.example']);
    assert.deepEqual(names('DirName:"CN = x, URI:https://github.com/acme/m"'), []);
    assert.deepEqual(names('DirName:CN = x, URI:https://github.com/acme/m'), ['https://github.com/acme/m']);
    assert.deepEqual(names('othername:<unsupported>, URI:urn:b'), ['urn:b']);
    for (const text of ['URI:"unfinished', 'URI:a"b', 'no colon', '"', 'URI:a,email:b'])
      assert.deepEqual(names(text), [], text);
    assert.deepEqual(names(''), []);
  });

  it('15.6: count in the form of their kind alone, so that the constraints of a CA hold', () => {
    for (const text of [
      'DNS:boss@example.com',
      'URI:boss@example.com',
      'DNS:https://github.com/acme/m',
      'email:https://github.com/acme/m',
      'email:https://github.com/acme/m@x',
      'email:two@signs@example.com',
      'email:example.com',
      'DNS:10.0.0.1',
      'DNS:a b',
      'DNS:',
      'URI:example.com',
      'URI:10.0.0.1',
      'IP Address:example.com',
    ])
      assert.deepEqual(names(text), [], text);
    const good = [
      'boss@example.com',
      'x.example.com',
      '*.example.com',
      '_sip.example',
      'spiffe://a/b',
      '10.0.0.1',
      'fe80::1',
    ];
    const kinds = ['email', 'DNS', 'DNS', 'DNS', 'URI', 'IP Address', 'IP Address'];
    assert.deepEqual(names(good.map((name, i) => `${kinds[i]}:${name}`).join(', ')), good);
    assert.deepEqual(['foo!oidc.local', 'boss@example.com', 'https://x/!y', 'x', '!', 'a!b@c'].map(isUserName), [
      true,
      ...[false, false, false, false, false],
    ]);
  });

  it("include Fulcio's for users without an address", async () => {
    const bundle = JSON.parse(
      readFileSync(new URL('../fixtures/public-good/othername.sigstore.json', import.meta.url), 'utf8'),
    );
    const der = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
    assert.deepEqual(await otherNames(der), ['foo!oidc.local']);
  });
});

describe('a pattern of identities', () => {
  it('matches from the first character to the last (S18)', async () => {
    const acme = { regexp: String.raw`https://github\.com/acme/[^/]+/train\.yml@refs/heads/main` };
    assert.equal(await matchesPattern(acme, 'https://github.com/acme/models/train.yml@refs/heads/main'), true);
    for (const text of [
      'https://evil/https://github.com/acme/models/train.yml@refs/heads/main',
      'https://github.com/acme/models/train.yml@refs/heads/main-evil',
      'https://github.com/acme/models/train.yml@refs/heads/main\n',
      '\nhttps://github.com/acme/models/train.yml@refs/heads/main',
      'https://githubXcom/acme/models/train.yml@refs/heads/main',
    ])
      assert.equal(await matchesPattern(acme, text), false, text);
    assert.equal(await matchesPattern({ exact: 'a@b' }, 'a@b'), true);
    assert.equal(await matchesPattern({ exact: 'a@b' }, 'A@b'), false);
  });

  it('that takes for ever matches nothing, soon', async () => {
    // In full it takes longer than any test may.
    assert.equal(await matchesPattern({ regexp: '(a+)+b' }, 'a'.repeat(60)), false);
  });

  it('that matches anybody, or is none, is refused', () => {
    for (const regexp of ['.*', '.+', '', '(', 'a)|(b', '[^]*', '.*@.*|.*', 'x'.repeat(1001)])
      assert.throws(() => checkPattern({ regexp }, 'it'), /it /, regexp);
    assert.throws(() => checkPattern({ exact: '' }, 'it'), /empty/);
    checkPattern({ regexp: String.raw`.*@acme\.example` }, 'it');
  });
});

describe('strict JSON', () => {
  const parse = (text: string) => parseStrictJson(Buffer.from(text), 'it');
  it('is what JSON is', () => {
    assert.deepEqual(parse('{"a":[{"b":"{\\"b\\":1}"},{"b":2}],"c":"\\\\"}'), {
      a: [{ b: '{"b":1}' }, { b: 2 }],
      c: '\\',
    });
    assert.deepEqual(parse(' [ ] '), []);
  });
  it('has no key twice, however it is written (S35)', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"\\u0061":2}',
      '{"x":[{"y":{"a":1,"b":[],"a":3}}]}',
      '{"a":{},"b":[{}],"a":1}',
    ])
      assert.throws(() => parse(text), MalformedError, text);
  });
  it('is UTF-8, and not nested without end (S12)', () => {
    assert.throws(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]), 'it'), /not UTF-8/);
    assert.throws(() => parse('['.repeat(100_000)), /levels deep/);
    assert.throws(() => parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`), /levels deep/);
    for (const text of ['', '{', '{"a"}', '\ufeff{}', 'NaN', '{"a":1}x', '"\\'])
      assert.throws(() => parse(text), /not JSON/, text);
  });
});
