// Paths from a leaf to a root that somebody named; all certificates are made here.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import * as x509 from '@peculiar/x509';
import { requireCodeSigning, requirePath, requireSubject } from '../../src/evidence/certificate.ts';

x509.cryptoProvider.set(webcrypto as never);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const NOW = new Date('2026-06-01T00:00:00Z');
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
      ...(options.usage === undefined ? [] : [new x509.ExtendedKeyUsageExtension([options.usage])]),
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
      requirePath(
        leaf.certificate,
        between_.map(({ certificate }) => certificate),
        roots.map(({ certificate }) => certificate),
        time,
      );
    path([between], [root]);
    path([between], [between]);
    assert.throws(() => path([], [root]), /does not lead/);
    assert.throws(() => path([between], []), /does not lead/);
    // Neither what the signature brings along nor the leaf itself is an anchor.
    assert.throws(() => path([between, root], []), /does not lead/);
    assert.throws(() => path([between], [leaf]), /does not lead/);
    const namesake = await issue('between', await issue('root', undefined));
    assert.throws(() => path([namesake], [root]), /does not lead/);
    const otherRoot = await issue('root', undefined);
    assert.throws(() => path([between], [otherRoot]), /does not lead/);
  });

  it('has no leaf in between that signs as if it were an authority', async () => {
    const root = await issue('root', undefined);
    const person = await issue('person', root, { ca: false });
    const forged = await issue('forged', person, { ca: false });
    assert.throws(
      () => requirePath(forged.certificate, [person.certificate], [root.certificate], NOW),
      /does not lead/,
    );
    // Not even if somebody took it for a root.
    assert.throws(() => requirePath(forged.certificate, [], [person.certificate], NOW), /does not lead/);
  });

  it('was valid as a whole, not only its leaf (S8, CVE-2026-24122)', async () => {
    for (const expired of ['root', 'between', 'leaf']) {
      const to = (name: string) => (name === expired ? { to: year(0) } : {});
      const root = await issue('root', undefined, to('root'));
      const between = await issue('between', root, to('between'));
      const leaf = await issue('leaf', between, { ca: false, ...to('leaf') });
      const check = (time: Date) => requirePath(leaf.certificate, [between.certificate], [root.certificate], time);
      assert.throws(() => check(NOW), /was valid from/, expired);
      check(new Date('2025-06-01T00:00:00Z'));
    }
  });

  it('in a circle ends', async () => {
    const a = await issue('a', undefined);
    const leaf = await issue('leaf', a, { ca: false });
    assert.throws(() => requirePath(leaf.certificate, [a.certificate, a.certificate], [], NOW), /does not lead/);
  });
});

describe('a certificate', () => {
  it('is for signing code, or not for signing at all (S36)', async () => {
    const root = await issue('root', undefined);
    requireCodeSigning((await issue('x', root, { ca: false, usage: '1.3.6.1.5.5.7.3.3' })).certificate);
    const web = await issue('x', root, { ca: false, usage: '1.3.6.1.5.5.7.3.1' });
    for (const { certificate } of [web, await issue('x', root, { ca: false })])
      assert.throws(() => requireCodeSigning(certificate), /not one for signing code/);
  });

  it('is of the person who is asked for', async () => {
    const root = await issue('root', undefined);
    const { certificate } = await issue('ml', root, { ca: false });
    assert.equal(await requireSubject({ exact: 'ml@acme.example' }, certificate), 'ml@acme.example');
    await assert.rejects(requireSubject({ exact: 'acme.example' }, certificate), /is for ml@acme\.example/);
    assert.equal(await requireSubject({ exact: 'CN=ml' }, certificate), 'CN=ml');
  });
});
