// Each check of a signature by a key or of a private PKI, missed by itself: with everything else in order.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { certificatesIn } from '../../src/evidence/certificate.ts';
import { requireNotRevoked } from '../../src/evidence/revocation.ts';
import { EvidenceError } from '../../src/evidence/signer.ts';
import { verifyTimestamp } from '../../src/evidence/timestamp.ts';
import { verifyBundle } from '../../src/evidence/verify-bundle.ts';
import { type Attestor, fingerprintOf, type ValidityWindow } from '../../src/trust/index.ts';
import { type Draft, keyBundle, modelStatement } from '../evidence/world.ts';

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
      // The last second in TSTInfo, the one GeneralizedTime with a fraction.
      const at = token.indexOf('.', token.indexOf('20261')) - 1;
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
