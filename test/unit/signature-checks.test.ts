// Each check of a signature by a key or of a private PKI, missed by itself: with everything else in
// order.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { certificatesIn } from '../../src/evidence/certificate.ts';
import { proveStored } from '../../src/evidence/oci-signature.ts';
import { requireNotRevoked } from '../../src/evidence/revocation.ts';
import { EvidenceError } from '../../src/evidence/signer.ts';
import { verifyTimestamp } from '../../src/evidence/timestamp.ts';
import { verifyBundle } from '../../src/evidence/verify-bundle.ts';
import { type Attestor, fingerprintOf, parsePublicKey, type ValidityWindow } from '../../src/trust/index.ts';
import { type Draft, hex, keyBundle, modelStatement, pem, sha256, World } from '../evidence/world.ts';

const pki = (name: string) => readFileSync(new URL(`../fixtures/private-pki/${name}`, import.meta.url));
const certificates = (name: string) => certificatesIn(pki(name).toString());
const refused = (why: RegExp) => (error: unknown) => error instanceof EvidenceError && why.test(error.message);

describe('a signature by a key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const attestor = (validFor?: ValidityWindow): Attestor => ({
    kind: 'key',
    name: 'release',
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: fingerprintOf(publicKey),
    logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
    trustedRoot: 'public-good',
    ...(validFor === undefined ? {} : { validFor }),
  });
  const verify = (draft: Draft, by = attestor()) => verifyBundle(parseBundle(Buffer.from(JSON.stringify(draft))), by);
  const whole = () => keyBundle(modelStatement({ a: 'a' }), privateKey);

  it('is never asked of a private key: it would be on every machine that verifies', () => {
    const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.throws(() => parsePublicKey(text, 'the key'), /it is a private key/);
  });

  it('that is whole counts', async () => {
    assert.equal((await verify(whole())).fingerprint, fingerprintOf(publicKey));
  });

  it('by another key, or of other bytes, does not', async () => {
    const byOther = keyBundle(modelStatement({ a: 'a' }), other.privateKey);
    await assert.rejects(verify(byOther), refused(/not a signature by this key/));
    const draft = whole();
    draft.dsseEnvelope.payload = Buffer.from(JSON.stringify(modelStatement({ a: 'b' }))).toString('base64');
    await assert.rejects(verify(draft), refused(/not a signature by this key/));
  });

  it('does not count with a certificate in the place of the key (S6)', async () => {
    const draft = whole();
    const [leaf] = certificates('long.pem');
    draft.verificationMaterial = { certificate: { rawBytes: leaf?.raw.toString('base64') }, tlogEntries: [] };
    await assert.rejects(verify(draft), refused(/it carries a certificate/));
  });

  it('does not count before its key does, nor after (S30)', async () => {
    const [past, future] = [new Date(Date.now() - 1e6), new Date(Date.now() + 1e6)];
    await verify(whole(), attestor({ start: past, end: future }));
    await assert.rejects(verify(whole(), attestor({ start: future })), refused(/the key counts from/));
    await assert.rejects(verify(whole(), attestor({ end: past })), refused(/the key counts until/));
  });
});

describe('a signature in a registry', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const attestor: Attestor = {
    kind: 'key',
    name: 'release',
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: fingerprintOf(publicKey),
    logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
    trustedRoot: 'public-good',
  };
  const predicateType = 'https://slsa.dev/provenance/v1';

  it('is of the manifest that was asked for, or does not count', async () => {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'model', digest: { sha256: hex('manifest') } }],
      predicateType,
      predicate: {},
    };
    const bytes = Buffer.from(JSON.stringify(keyBundle(statement, privateKey)));
    const stored = [{ form: 'bundle' as const, bytes, annotations: {}, where: 'here' }];
    const prove = (digest: string) => proveStored(stored, [attestor], digest, { predicateType }, {});
    assert.equal((await prove(hex('manifest'))).proofs.length, 1);
    const { proofs, rejected } = await prove(hex('another'));
    assert.equal(proofs.length, 0);
    assert.match(rejected[0]?.why ?? '', /about another artifact/);
  });
});

describe('a signature by an identity', () => {
  it('is one by its certificate, whatever a log has', async () => {
    const world = await World.create();
    const attestor: Attestor = {
      kind: 'keyless',
      name: 'anybody',
      identities: [{ issuer: { regexp: '.*' }, subject: { regexp: '.*' } }],
      logs: { transparencyLogs: 1, certificateLogs: 1, timestampAuthorities: 0 },
      trustedRoot: { json: world.root },
    };
    const bytes = Buffer.from('a dataset');
    const { privateKey, leaf } = await world.person();
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bundleBy = async (key: typeof privateKey) => {
      const signature = sign('sha256', bytes, key);
      const draft = await world.signBlob(bytes);
      draft.verificationMaterial.certificate.rawBytes = leaf.toString('base64');
      draft.verificationMaterial.tlogEntries = [await world.entry(sha256(bytes), signature, pem(leaf))];
      draft.messageSignature.signature = signature.toString('base64');
      return parseBundle(Buffer.from(JSON.stringify(draft)));
    };
    await verifyBundle(await bundleBy(privateKey), attestor);
    await assert.rejects(
      verifyBundle(await bundleBy(stranger.privateKey), attestor),
      refused(/not a signature by its certificate/),
    );
  });
});

describe('a signature by a certificate of a private PKI', () => {
  it('is one by that certificate', async () => {
    const data = pki('data.bin');
    const attestor: Attestor = {
      kind: 'certificate',
      name: 'ours',
      roots: pki('root.pem').toString(),
      intermediates: pki('intermediate.pem').toString(),
      logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
      trustedRoot: 'public-good',
    };
    const bundleOf = (leaf: string, signature: string) => ({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        certificate: { rawBytes: certificates(`${leaf}.pem`)[0]?.raw.toString('base64') },
        tlogEntries: [],
      },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(data).toString('base64') },
        signature: pki(`${signature}.sig`).toString('base64'),
      },
    });
    const verify = (leaf: string, signature: string) =>
      verifyBundle(parseBundle(Buffer.from(JSON.stringify(bundleOf(leaf, signature)))), attestor);
    await verify('long', 'long');
    await assert.rejects(verify('long', 'revoked'), refused(/not a signature by its certificate/));
    await assert.rejects(verify('short', 'short'), refused(/was valid from/));
  });
});

describe('a timestamp', () => {
  const validFor = { start: new Date(0), end: new Date(8.64e15) };
  const stamped = pki('short.sig');
  const verify = (token: Buffer, window = validFor, signed = stamped) =>
    verifyTimestamp(token, signed, [{ chain: certificates('stamps.pem'), validFor: window }]);
  /** The token with one byte changed, at the last or the first place where these bytes are. */
  const broken = (token: Buffer, hex: string, offset: number, isFirst = false) => {
    const copy = Buffer.from(token);
    const bytes = Buffer.from(hex, 'hex');
    const at = (isFirst ? copy.indexOf(bytes) : copy.lastIndexOf(bytes)) + offset;
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
    return copy;
  };

  for (const name of ['ec.tsr', 'rsa.tsr']) {
    const token = pki(name);

    it(`${name} counts`, async () => assert.ok((await verify(token))?.time instanceof Date));

    it(`${name} of something else does not`, () =>
      assert.rejects(verify(token, validFor, pki('long.sig')), refused(/of another signature/)));

    it(`${name} does not outside of the years of its authority`, async () => {
      const window = /its authority did not count/;
      await assert.rejects(verify(token, { start: new Date(0), end: new Date(1) }), refused(window));
      await assert.rejects(verify(token, { start: validFor.end, end: validFor.end }), refused(window));
    });

    it(`${name} that the authority refused does not`, () => {
      // PKIStatusInfo: SEQUENCE { INTEGER 0 }
      const rejection = Buffer.from(token);
      rejection.writeUInt8(2, rejection.indexOf(Buffer.from('3003020100', 'hex')) + 4);
      return assert.rejects(verify(rejection), refused(/refused it/));
    });

    it(`${name} with another time does not`, () => {
      // The last second in TSTInfo: its first digits in a row that are a whole time.
      const at = token.toString('latin1').search(/\d{14}/) + 13;
      const copy = Buffer.from(token);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return assert.rejects(verify(copy), refused(/not the time/));
    });

    it(`${name} with another signature does not`, () => {
      const copy = Buffer.from(token);
      copy.writeUInt8(copy.readUInt8(copy.length - 3) ^ 1, copy.length - 3);
      return assert.rejects(verify(copy), refused(/signature does not verify/));
    });

    it(`${name} with a signed attribute changed does not`, () =>
      // The time of signing, which nothing else is held against: id-signingTime.
      assert.rejects(verify(broken(token, '2a864886f70d010905', 22)), refused(/signature does not verify/)));
  }

  it('by nobody who is known says nothing', async () => assert.equal(await verify(pki('stranger.tsr')), undefined));

  it('that is too large is not parsed', () =>
    assert.rejects(verify(Buffer.alloc((256 << 10) + 1, 0x30)), refused(/too large/)));
});

describe('revocation lists', () => {
  const path = (leaf: string) => [
    ...certificates(`${leaf}.pem`).slice(0, 1),
    ...certificates('intermediate.pem'),
    ...certificates('root.pem'),
  ];
  const lists = (...names: string[]) => names.map((name) => pki(`${name}.crl.pem`).toString()).join('');

  it('let pass what they do not name', () => requireNotRevoked(path('long'), lists('root', 'intermediate')));

  it('are asked of every authority, are in force, and are believed', async () => {
    const check = (leaf: string, ...names: string[]) => requireNotRevoked(path(leaf), lists(...names));
    await assert.rejects(check('revoked', 'root', 'intermediate'), refused(/was revoked/));
    await assert.rejects(check('long', 'intermediate'), refused(/no revocation list of CN=root/));
    await assert.rejects(check('long', 'root'), refused(/no revocation list of CN=intermediate/));
    await assert.rejects(check('long', 'root', 'outdated'), refused(/was to be replaced/));
  });

  it('that somebody changed are nobody’s', () => {
    const [, body = ''] = /-----BEGIN X509 CRL-----\n([\s\S]*?)-----END/.exec(lists('intermediate')) ?? [];
    const der = Buffer.from(body, 'base64');
    der.writeUInt8(der.readUInt8(der.length - 3) ^ 1, der.length - 3);
    const pem = `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
    return assert.rejects(requireNotRevoked(path('long'), lists('root') + pem), refused(/no revocation list/));
  });
});
