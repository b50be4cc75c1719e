// What an RFC 3161 token must say of the certificate that it was made with.
import assert from 'node:assert/strict';
import { createHash, sign, X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { ASN1Obj } from '@sigstore/core';
import { certificatesIn } from '../../src/evidence/certificate.ts';
import { type TimestampAuthority, verifyTimestamp } from '../../src/evidence/timestamp.ts';
import { der, octets, oid, seq, set } from '../evidence/certificates.ts';
import { codeSigningAuthority, World } from '../evidence/world.ts';

const SIGNED = Buffer.from('a signature');
const V1 = '1.2.840.113549.1.9.16.2.12';
const V2 = '1.2.840.113549.1.9.16.2.47';
const validFor = { start: new Date(0), end: new Date('2100-01-01T00:00:00Z') };

describe('15.24: a timestamp', () => {
  let world: World;
  let token: Buffer;
  let authority: TimestampAuthority;
  before(async () => {
    world = await World.create();
    token = Buffer.from(await world.stamp(SIGNED), 'base64');
    const [{ certChain }] = JSON.parse(world.root).timestampAuthorities;
    const chain = certChain.certificates.map(
      ({ rawBytes }: { rawBytes: string }) => new X509Certificate(Buffer.from(rawBytes, 'base64')),
    );
    authority = { chain, validFor };
  });

  /** The same token, signed again with other attributes that name the certificate. */
  function naming(...attributes: readonly Buffer[]): Buffer {
    const response = ASN1Obj.parseBuffer(Buffer.from(token));
    const signedData = response.subs[1]?.subs[1]?.subs[0] as ASN1Obj;
    const signer = signedData.subs.at(-1)?.subs[0] as ASN1Obj;
    const signed = signer.subs[3] as ASN1Obj;
    const kept = signed.subs.filter(({ subs }) => ![V1, V2].includes(subs[0]?.toOID() ?? ''));
    const all = [...kept.map((one) => one.toDER()), ...attributes];
    const signature = sign('sha256', der(0x31, ...all), world.authority.key.privateKey);
    signed.subs.splice(0, signed.subs.length, ...all.map((one) => ASN1Obj.parseBuffer(Buffer.from(one))));
    signer.subs.splice(5, 1, ASN1Obj.parseBuffer(Buffer.from(octets(signature))));
    return response.toDER();
  }
  const hash = (name: string, certificate = world.authority.certificate) =>
    createHash(name).update(certificate).digest();
  const v1 = (digest: Buffer) => seq(oid(V1), set(seq(seq(seq(octets(digest))))));
  const v2 = (digest: Buffer, name?: string) =>
    seq(oid(V2), set(seq(seq(seq(...(name === undefined ? [] : [seq(oid(name))]), octets(digest))))));
  const verify = (bytes: Buffer, by = authority) => verifyTimestamp(bytes, SIGNED, [by]);

  it('15.24: names the certificate that it was made with, by either of two attributes', async () => {
    assert.notEqual(await verify(token), undefined);
    const stranger = Buffer.from('another certificate');
    for (const bytes of [
      naming(v1(hash('sha1'))),
      naming(v2(hash('sha256'))),
      naming(v2(hash('sha512'), '2.16.840.1.101.3.4.2.3')),
      naming(v1(hash('sha1')), v2(hash('sha256'))),
    ])
      assert.notEqual(await verify(bytes), undefined);
    for (const bytes of [
      naming(v1(hash('sha1', stranger))),
      naming(v2(hash('sha256', stranger))),
      naming(v2(hash('sha256'), '2.16.840.1.101.3.4.2.3')),
      naming(v1(hash('sha1')), v2(hash('sha256', stranger))),
      naming(v1(hash('sha1', stranger)), v2(hash('sha256'))),
    ])
      await assert.rejects(verify(bytes), /another certificate than it says/);
    await assert.rejects(verify(naming()), /does not say with which certificate/);
  });

  it('15.24: counts for no other certificate of the same key, issuer and number', async () => {
    const chain = certificatesIn(await codeSigningAuthority(world.authority, '1.3.6.1.5.5.7.3.8'));
    await assert.rejects(verify(token, { chain, validFor }), /another certificate than it says/);
  });
});
