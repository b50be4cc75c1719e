// Paths from a leaf to a root that somebody named; all certificates are made here.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import * as x509 from '@peculiar/x509';
import { fulcioExtensions, requireIdentity, requireSubject } from '../../src/evidence/certificate.ts';
import { requirePath } from '../../src/evidence/x509/certificate-path.ts';
import { NO_ISSUER } from '../../src/trust/index.ts';
import { certificate, der, raw, ALGORITHM as SIGNED_BY } from '../evidence/certificates.ts';

x509.cryptoProvider.set(webcrypto as never);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const NOW = new Date('2026-06-01T00:00:00Z');
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const purpose = 'codeSigning';
const year = (offset: number) => new Date(Date.UTC(2026 + offset, 0, 1));

interface Authority {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly name: string;
  readonly certificate: X509Certificate;
}

async function issue(
  name: string,
  issuer: Authority | undefined,
  options: { ca?: boolean; from?: Date; to?: Date; usage?: string } = {},
): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const made = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: options.from ?? year(-1),
    notAfter: options.to ?? year(5),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(options.ca ?? true, undefined, true),
      ...(options.ca === false ? [new x509.ExtendedKeyUsageExtension([options.usage ?? CODE_SIGNING])] : []),
      ...(options.ca === false
        ? [new x509.SubjectAlternativeNameExtension([{ type: 'email', value: `${name}@acme.example` }])]
        : []),
    ],
  });
  return { keys, name, certificate: new X509Certificate(Buffer.from(made.rawData)) };
}

describe('a certificate path', () => {
  it('leads to a root that was named, through authorities only', async () => {
    const root = await issue('root', undefined);
    const between = await issue('between', root);
    const leaf = await issue('leaf', between, { ca: false });
    const path = (between_: readonly Authority[], roots: readonly Authority[], time = NOW) =>
      requirePath({
        leaf: leaf.certificate,
        between: between_.map(({ certificate }) => certificate),
        roots: roots.map(({ certificate }) => certificate),
        time,
        purpose,
      });
    await path([between], [root]);
    await path([between], [between]);
    await assert.rejects(path([], [root]), /does not lead/);
    await assert.rejects(path([between], []), /does not lead/);
    // Neither what the signature brings along nor the leaf itself is an anchor.
    await assert.rejects(path([between, root], []), /does not lead/);
    await assert.rejects(path([between], [leaf]), /does not lead/);
    const namesake = await issue('between', await issue('root', undefined));
    await assert.rejects(path([namesake], [root]), /does not lead/);
    const otherRoot = await issue('root', undefined);
    await assert.rejects(path([between], [otherRoot]), /does not lead/);
  });

  it('has no leaf in between that signs as if it were an authority', async () => {
    const root = await issue('root', undefined);
    const person = await issue('person', root, { ca: false });
    const forged = await issue('forged', person, { ca: false });
    const leaf = forged.certificate;
    const path = (between: readonly Authority[], anchor: Authority) =>
      requirePath({
        leaf,
        between: between.map(({ certificate }) => certificate),
        roots: [anchor.certificate],
        time: NOW,
        purpose,
      });
    await assert.rejects(path([person], root), /does not lead/);
    // Not even if somebody took it for a root.
    await assert.rejects(path([], person), /does not lead/);
  });

  it('was valid as a whole, not only its leaf (S8, CVE-2026-24122)', async () => {
    for (const expired of ['root', 'between', 'leaf']) {
      const to = (name: string) => (name === expired ? { to: year(0) } : {});
      const root = await issue('root', undefined, to('root'));
      const between = await issue('between', root, to('between'));
      const leaf = await issue('leaf', between, { ca: false, ...to('leaf') });
      const [certificate, above, roots] = [leaf.certificate, [between.certificate], [root.certificate]];
      const check = (time: Date) => requirePath({ leaf: certificate, between: above, roots, time, purpose });
      await assert.rejects(check(NOW), /was valid from/, expired);
      await check(new Date('2025-06-01T00:00:00Z'));
    }
  });

  it('in a circle ends', async () => {
    const a = await issue('a', undefined);
    const leaf = await issue('leaf', a, { ca: false });
    const between = [a.certificate, a.certificate];
    await assert.rejects(
      requirePath({ leaf: leaf.certificate, between, roots: [], time: NOW, purpose }),
      /does not lead/,
    );
  });
});

describe('a certificate', () => {
  it('is of the person who is asked for', async () => {
    const root = await issue('root', undefined);
    const { certificate } = await issue('ml', root, { ca: false });
    assert.equal(await requireSubject({ exact: 'ml@acme.example' }, certificate), 'ml@acme.example');
    await assert.rejects(requireSubject({ exact: 'acme.example' }, certificate), /is for ml@acme\.example/);
  });

  it('15.6: is of a common name only where a distinguished name is asked for, and then as a whole', async () => {
    const root = await issue('root', undefined);
    const named = async (name: string) => (await issue(name, root, { ca: false })).certificate;
    const ml = await named('ml');
    assert.equal(await requireSubject({ exact: 'CN=ml' }, ml), 'CN=ml');
    assert.equal(await requireSubject({ regexp: 'CN=m[l]' }, ml), 'CN=ml');
    for (const pattern of [
      { exact: 'ml' },
      { regexp: 'ml' },
      { regexp: '.*=ml' },
      { regexp: '.*N=ml' },
      { exact: 'CN=m' },
    ])
      await assert.rejects(requireSubject(pattern, ml), /is for ml@acme\.example/, JSON.stringify(pattern));
    // A name that looks like a mail address is none, and neither is an alternative name a
    // distinguished one.
    const boss = await named('boss@acme.example');
    await assert.rejects(requireSubject({ exact: 'boss@acme.example' }, boss), /is for/);
    await assert.rejects(requireSubject({ regexp: '.*boss@acme\\.example' }, boss), /is for/);
    const liar = await named('CN=ml');
    await assert.rejects(requireSubject({ regexp: 'CN=ml@.*' }, liar), /is for/);
    const spread = await named('ml\\,O=Acme');
    await assert.rejects(requireSubject({ exact: 'CN=ml,O=Acme' }, spread), /is for/);
  });

  it('15.24: without an OIDC issuer is taken where none is asked for, and one with an issuer is not', async () => {
    const subject = 'https://dotcom.releases.github.com';
    const identity = { issuer: NO_ISSUER, subject: { exact: subject } };
    const found = (issuer?: string) =>
      requireIdentity([identity], [subject], new Map(issuer === undefined ? [] : [['1.3.6.1.4.1.57264.1.8', issuer]]));
    assert.deepEqual(await found(), { subject, issuer: '' });
    await assert.rejects(found('https://accounts.example'), /vouched for by https:\/\/accounts\.example/);
    await assert.rejects(requireIdentity([{ ...identity, issuer: { exact: 'none' } }], [subject], new Map()), /nobody/);
  });

  it('15.24: with an OIDC issuer that is no text is not one without', async () => {
    const subject = 'https://dotcom.releases.github.com';
    const identity = { issuer: NO_ISSUER, subject: { exact: subject } };
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const read = (id: string, value: Buffer) => {
      const name = [['CN', 'x']] as const;
      const draft = { subject: name, issuer: name, key: publicKey, serial: 1, algorithm: SIGNED_BY.ecSha256 };
      const times = { from: new Date('2026-01-01'), to: new Date('2036-01-01') };
      return fulcioExtensions(certificate({ ...draft, ...times, extensions: [raw(id, false, value)] }, privateKey));
    };
    for (const [oid, value] of [
      ['8', der(0x0c, Buffer.from([0xff, 0xfe]))],
      ['8', der(0x0c)],
      ['8', der(0x30)],
      ['1', Buffer.from([0xff, 0xfe])],
      ['1', Buffer.alloc(0)],
    ] as const) {
      const extensions = await read(`1.3.6.1.4.1.57264.1.${oid}`, value);
      await assert.rejects(requireIdentity([identity], [subject], extensions), /issuer that is no text/, oid);
    }
    const other = await read('1.3.6.1.4.1.57264.1.9', der(0x0c, Buffer.from('x')));
    assert.equal((await requireIdentity([identity], [subject], other)).subject, subject);
  });
});
