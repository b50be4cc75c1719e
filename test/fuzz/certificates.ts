// DER: time stamps, certificates, revocation lists, log entries. What a library throws at them is
// caught where a whole signature is verified, so that is what is fed.
import fc from 'fast-check';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { certificatesIn, parseCertificate, subjectNames } from '../../src/evidence/certificate.ts';
import { requireNotRevoked } from '../../src/evidence/revocation.ts';
import { EvidenceError } from '../../src/evidence/signer.ts';
import { MalformedError } from '../../src/evidence/strict-json.ts';
import { verifyTimestamp } from '../../src/evidence/timestamp.ts';
import { verifyBundle } from '../../src/evidence/verify-bundle.ts';
import { type Attestor, parsePublicKey } from '../../src/trust/index.ts';
import { damaged, fixture, noise } from './input.ts';
import type { Target } from './target.ts';

const root = fixture('private-pki/root.pem').toString();
const intermediate = fixture('private-pki/intermediate.pem').toString();
const leaf = certificatesIn(fixture('private-pki/long.pem').toString())[0];
const stamps = fixture('private-pki/stamps.pem').toString();
const crls = ['root', 'intermediate', 'outdated'].map((name) => fixture(`private-pki/${name}.crl.pem`).toString());
const signed = fixture('private-pki/long.sig');
const logs = { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 };
const keyless: Attestor = {
  kind: 'keyless',
  name: 'anybody',
  identities: [{ issuer: { regexp: '.*' }, subject: { regexp: '.*' } }],
  logs,
  trustedRoot: 'public-good',
};
const byRoot: Attestor = { kind: 'certificate', name: 'ours', roots: root, logs, trustedRoot: 'public-good' };

/** The bytes of a PEM block. */
const derOf = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const leaves = [
  leaf?.raw ?? Buffer.alloc(0),
  derOf(root),
  JSON.parse(fixture('public-good/provenance.sigstore.json').toString()).verificationMaterial.certificate?.rawBytes,
]
  .filter((one) => one !== undefined)
  .map((one) => (typeof one === 'string' ? Buffer.from(one, 'base64') : one));

/** A bundle with a certificate of somebody else in it. */
function withCertificate(der: Buffer): Buffer {
  const bundle = JSON.parse(fixture('public-good/provenance.sigstore.json').toString());
  const { certificate, x509CertificateChain, ...rest } = bundle.verificationMaterial;
  return Buffer.from(
    JSON.stringify({ ...bundle, verificationMaterial: { ...rest, certificate: { rawBytes: der.toString('base64') } } }),
  );
}

export const certificates: readonly Target[] = [
  {
    name: 'timestamp',
    input: damaged([
      fixture('private-pki/ec.tsr'),
      fixture('private-pki/rsa.tsr'),
      fixture('private-pki/stranger.tsr'),
    ]),
    parse: async (bytes) => {
      const validFor = { start: new Date(0), end: new Date(8.64e15) };
      try {
        return await verifyTimestamp(bytes, signed, [{ chain: certificatesIn(stamps), validFor }]);
      } catch (error) {
        throw asVerified(error);
      }
    },
  },
  {
    name: 'certificate',
    input: fc.oneof(damaged(leaves), noise),
    parse: (bytes) => subjectNames(parseCertificate(bytes)),
  },
  {
    name: 'certificate-in-bundle',
    input: damaged(leaves),
    parse: async (bytes) => {
      const bundle = parseBundle(withCertificate(bytes));
      for (const attestor of [keyless, byRoot]) await verifyBundle(bundle, attestor).catch(refused);
    },
  },
  {
    name: 'whole-signature',
    input: damaged(
      ['prime256v1', 'codeSigning']
        .map((name) => fixture(`model-signing/${name}.sig`))
        .concat(fixture('public-good/provenance.sigstore.json')),
    ),
    parse: async (bytes) => {
      const bundle = parseBundle(bytes);
      for (const attestor of [keyless, byRoot]) await verifyBundle(bundle, attestor).catch(refused);
    },
  },
  {
    name: 'revocation-list',
    input: damaged(crls.map(derOf)),
    parse: async (bytes) => {
      const pem = `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
      const path = [leaf, ...certificatesIn(intermediate), ...certificatesIn(root)].filter((one) => one !== undefined);
      try {
        return await requireNotRevoked(path, pem);
      } catch (error) {
        throw asVerified(error);
      }
    },
  },
  {
    name: 'public-key',
    input: fc.oneof(damaged([fixture('cosign/cosign.pub')]), noise),
    parse: (bytes) => parsePublicKey(bytes, 'a key'),
  },
];

/**
 * `verifyBundle` makes a refusal of what the ASN.1 library throws; an error of the language is a
 * defect.
 */
function asVerified(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MalformedError || DEFECTS.has(error.constructor.name)) return error;
  return new EvidenceError('SIGNATURE_INVALID', error.message);
}

const DEFECTS = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);

function refused(error: unknown): void {
  if (!(error instanceof EvidenceError)) throw error;
}
