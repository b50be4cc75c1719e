// A whole Sigstore instance that lives in a test: CA, certificate log, transparency log, timestamp
// authority. It signs what a test wants, rightly or not.
import 'reflect-metadata';
import { createHash, generateKeyPairSync, type KeyObject, sign, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import mock from '@sigstore/mock';
import { TrustedRoot } from '@sigstore/protobuf-specs';

export const ISSUER = 'https://token.actions.githubusercontent.com';
export const SUBJECT = 'https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main';
const IN_TOTO = 'application/vnd.in-toto+json';

// biome-ignore lint/suspicious/noExplicitAny: bundles are taken apart and put together wrongly on purpose
export type Draft = any;

export const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest();
export const hex = (bytes: string | Uint8Array) => sha256(bytes).toString('hex');
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
type KeyPair = ReturnType<typeof pair>;

/** Key of the log of the second version. */
const LOG2 = generateKeyPairSync('ed25519');
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

export interface SignOptions {
  readonly subject?: string;
  /** OIDC issuer; '' for a certificate that has none. */
  readonly issuer?: string;
  /** Log the signature, and how. */
  readonly log?: 'hashedrekord' | 'rekor-v2' | 'none';
  readonly timestamp?: boolean;
  /** Key and certificate in the log entry, where they are somebody else's. */
  readonly loggedAs?: string;
  /** Further extensions of the certificate, by OID. */
  readonly extensions?: Readonly<Record<string, string>>;
}

export class World {
  readonly #ca: Awaited<ReturnType<typeof mock.initializeCA>>;
  readonly #log: Awaited<ReturnType<typeof mock.initializeTLog>>;
  readonly #tsa: Awaited<ReturnType<typeof mock.initializeTSA>>;
  /** The certificate of its time-stamp authority, and its key. */
  readonly authority: { readonly certificate: Buffer; readonly key: KeyPair };
  /** `trusted_root.json` */
  readonly root: string;

  /** What its services answer to requests, by path. */
  handlers(): { path: string; fn: (request: string) => Promise<Draft> }[] {
    return [
      mock.fulcioHandler(this.#ca, { subjectClaim: 'sub' }),
      mock.tsaHandler(this.#tsa),
      // The mock logs what is proposed; Rekor logs what it comes to.
      { path: '/api/v1/log/entries', fn: (request) => this.#logEnvelope(JSON.parse(request)) },
    ];
  }

  async #logEnvelope({ spec }: Draft): Promise<Draft> {
    const { payload, signatures } = JSON.parse(spec.proposedContent.envelope);
    const digest = (bytes: Buffer) => ({ algorithm: 'sha256', value: hex(bytes) });
    const logged = await this.#log.log({
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        envelopeHash: digest(Buffer.from(spec.proposedContent.envelope)),
        payloadHash: digest(Buffer.from(payload, 'base64')),
        signatures: [{ signature: signatures[0].sig, verifier: spec.proposedContent.verifiers[0] }],
      },
    });
    return { statusCode: 201, response: JSON.stringify(logged) };
  }

  private constructor(
    ca: Awaited<ReturnType<typeof mock.initializeCA>>,
    log: Awaited<ReturnType<typeof mock.initializeTLog>>,
    tsa: Awaited<ReturnType<typeof mock.initializeTSA>>,
    root: string,
    authority: { readonly certificate: Buffer; readonly key: KeyPair },
  ) {
    this.#ca = ca;
    this.#log = log;
    this.#tsa = tsa;
    this.root = root;
    this.authority = authority;
  }

  static async create(): Promise<World> {
    const ctlog = await mock.initializeCTLog(pair() as Draft);
    const ca = await mock.initializeCA(pair() as Draft, ctlog);
    const log = await mock.initializeTLog('https://rekor.test', pair() as Draft);
    // Its clock stands still: ahead, so that it is within the ten minutes of every certificate that
    // is issued here; and at a whole second, because the library reads no fractions of two digits.
    const clock = new Date((Math.ceil(Date.now() / 1000) + 300) * 1000);
    const tsaKey = pair();
    const tsa = await mock.initializeTSA(tsaKey as Draft, clock);
    const always = { start: new Date(0) };
    const logInstance = (baseUrl: string, rawBytes: Uint8Array, keyDetails = 5) => ({
      baseUrl,
      hashAlgorithm: 1,
      publicKey: { rawBytes: Buffer.from(rawBytes), keyDetails, validFor: always },
      logId: { keyId: sha256(rawBytes) },
      operator: '',
    });
    const authority = (certificates: readonly Uint8Array[]) => ({
      subject: { organization: 'test', commonName: 'test' },
      uri: '',
      certChain: { certificates: certificates.map((one) => ({ rawBytes: Buffer.from(one) })) },
      validFor: always,
      operator: '',
    });
    const trustedRoot = {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        logInstance('https://rekor.test', log.publicKey),
        logInstance('https://log2.test', spki(LOG2.publicKey), 7),
      ],
      ctlogs: [logInstance('https://ct.test', ctlog.publicKey)],
      certificateAuthorities: [authority([bytesOf(ca.rootCertificate)])],
      timestampAuthorities: [
        authority([
          bytesOf((tsa as Draft).intCertificate ?? (tsa as Draft).rootCertificate),
          bytesOf(tsa.rootCertificate),
        ]),
      ],
    };
    const certificate = bytesOf((tsa as Draft).intCertificate);
    const root = JSON.stringify(TrustedRoot.toJSON(trustedRoot as Draft));
    return new World(ca, log, tsa, root, { certificate, key: tsaKey });
  }

  /** A key with a certificate of the CA. */
  async person(options: SignOptions = {}): Promise<{ privateKey: KeyObject; leaf: Buffer }> {
    const { privateKey, publicKey } = pair() as unknown as { privateKey: KeyObject; publicKey: KeyObject };
    const issuer = options.issuer ?? ISSUER;
    const leaf = await this.#ca.issueCertificate({
      publicKey: publicKey.export({ type: 'spki', format: 'der' }) as Draft,
      subjectAltName: options.subject ?? SUBJECT,
      extensions: [
        ...(issuer === ''
          ? []
          : [
              { oid: '1.3.6.1.4.1.57264.1.1', value: issuer, legacy: true },
              { oid: '1.3.6.1.4.1.57264.1.8', value: issuer },
            ]),
        ...Object.entries(options.extensions ?? {}).map(([oid, value]) => ({
          oid,
          value,
          legacy: Number(oid.split('.').at(-1)) < 8,
        })),
      ],
    });
    return { privateKey, leaf: bytesOf(leaf) };
  }

  /** A keyless bundle of a file. */
  async signBlob(bytes: Uint8Array, options: SignOptions = {}): Promise<Draft> {
    const { privateKey, leaf } = await this.person(options);
    const signature = sign('sha256', bytes, privateKey);
    return {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: await this.#material(leaf, sha256(bytes), signature, options),
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(bytes).toString('base64') },
        signature: signature.toString('base64'),
      },
    };
  }

  /** A keyless bundle of a statement. */
  async attest(statement: object | string, options: SignOptions = {}): Promise<Draft> {
    const { privateKey, leaf } = await this.person(options);
    const payload = Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement));
    const signed = pae(payload);
    const signature = sign('sha256', signed, privateKey);
    return {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: await this.#material(leaf, sha256(signed), signature, options),
      dsseEnvelope: envelope(payload, signature),
    };
  }

  async #material(leaf: Buffer, digest: Buffer, signature: Buffer, options: SignOptions): Promise<Draft> {
    const logged = options.loggedAs ?? pem(leaf);
    const entry =
      options.log === 'none'
        ? []
        : [
            options.log === 'rekor-v2'
              ? this.entryV2(digest, signature, logged)
              : await this.entry(digest, signature, logged),
          ];
    const stamps = options.timestamp === true ? [{ signedTimestamp: await this.stamp(signature) }] : [];
    return {
      certificate: { rawBytes: leaf.toString('base64') },
      tlogEntries: entry,
      timestampVerificationData: { rfc3161Timestamps: stamps },
    };
  }

  /**
   * An entry of a log of the second version, the only one in it: no time, and a checkpoint by
   * Ed25519.
   */
  entryV2(digest: Buffer, signature: Buffer, certificatePem: string): Draft {
    const rawBytes = certificatePem.replace(/-----[^-]+-----|\s/g, '');
    const body = JSON.stringify({
      apiVersion: '0.0.2',
      kind: 'hashedrekord',
      spec: {
        hashedRekordV002: {
          data: { algorithm: 'SHA2_256', digest: digest.toString('base64') },
          signature: {
            content: signature.toString('base64'),
            verifier: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes } },
          },
        },
      },
    });
    const keyId = sha256(spki(LOG2.publicKey));
    const root = sha256(Buffer.concat([Buffer.from([0]), Buffer.from(body)])).toString('base64');
    const note = `log2.test\n1\n${root}\n`;
    const signed = Buffer.concat([keyId.subarray(0, 4), sign(null, Buffer.from(note), LOG2.privateKey)]);
    return {
      logIndex: '0',
      logId: { keyId: keyId.toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '0',
      inclusionProof: {
        logIndex: '0',
        rootHash: root,
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: `${note}\n\u2014 log2.test ${signed.toString('base64')}\n` },
      },
      canonicalizedBody: Buffer.from(body).toString('base64'),
    };
  }

  /** An entry of the transparency log, as a bundle has it. */
  async entry(digest: Buffer, signature: Buffer, publicKeyPem: string): Promise<Draft> {
    const proposed = {
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: { hash: { algorithm: 'sha256', value: digest.toString('hex') } },
        signature: {
          content: signature.toString('base64'),
          publicKey: { content: Buffer.from(publicKeyPem).toString('base64') },
        },
      },
    };
    const [logged] = Object.values(await this.#log.log(proposed)) as Draft[];
    const proof = logged.verification.inclusionProof;
    return {
      logIndex: String(logged.logIndex),
      logId: { keyId: Buffer.from(logged.logID, 'hex').toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
      integratedTime: String(logged.integratedTime),
      inclusionPromise: { signedEntryTimestamp: logged.verification.signedEntryTimestamp },
      inclusionProof: {
        logIndex: '0',
        rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
        treeSize: '1',
        hashes: [],
        checkpoint: { envelope: proof.checkpoint },
      },
      canonicalizedBody: logged.body,
    };
  }

  /** What cosign's annotations have: an attestation as it was logged before 2023. */
  async oldAttestation(statement: object, options: SignOptions = {}): Promise<{ layer: Buffer; annotations: Draft }> {
    const { privateKey, leaf } = await this.person(options);
    const payload = Buffer.from(JSON.stringify(statement));
    const layer = Buffer.from(JSON.stringify(envelope(payload, sign('sha256', pae(payload), privateKey))));
    const digest = (bytes: Buffer) => ({ algorithm: 'sha256', value: hex(bytes) });
    const proposed = {
      apiVersion: '0.0.1',
      kind: 'intoto',
      spec: {
        content: { hash: digest(layer), payloadHash: digest(payload) },
        publicKey: Buffer.from(options.loggedAs ?? pem(leaf)).toString('base64'),
      },
    };
    const [logged] = Object.values(await this.#log.log(proposed)) as Draft[];
    const rekor = {
      SignedEntryTimestamp: logged.verification.signedEntryTimestamp,
      Payload: {
        body: logged.body,
        integratedTime: logged.integratedTime,
        logIndex: logged.logIndex,
        logID: logged.logID,
      },
    };
    return {
      layer,
      annotations: {
        'dev.cosignproject.cosign/signature': '',
        'dev.sigstore.cosign/certificate': pem(leaf),
        'dev.sigstore.cosign/bundle': JSON.stringify(rekor),
      },
    };
  }

  async stamp(signature: Buffer): Promise<string> {
    const token = await this.#tsa.timestamp({
      artifactHash: sha256(signature) as Draft,
      hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
      nonce: 1,
      policyOID: '1.3.6.1.4.1.57264.2',
    });
    return bytesOf(token as Draft).toString('base64');
  }
}

/**
 * A chain (PEM) for the key of a world's time-stamp authority, whose certificate has the same
 * issuer and number, but is one for signing code, or for another purpose.
 */
export async function codeSigningAuthority(
  authority: { certificate: Buffer; key: KeyPair },
  purpose = '1.3.6.1.5.5.7.3.3',
): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const { privateKey, publicKey } = authority.key;
  const imported = {
    privateKey: await webcrypto.subtle.importKey(
      'pkcs8',
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      algorithm,
      true,
      ['sign'],
    ),
    publicKey: await webcrypto.subtle.importKey('spki', spki(publicKey), algorithm, true, ['verify']),
  } as Draft;
  const { serialNumber } = new X509Certificate(authority.certificate);
  const { issuer } = new x509.X509Certificate(authority.certificate);
  const common = { notBefore: new Date(0), notAfter: new Date('2090-01-01'), signingAlgorithm: algorithm };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: issuer,
    keys: imported,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber,
    issuer,
    subject: 'CN=not for stamping',
    publicKey: imported.publicKey,
    signingKey: imported.privateKey,
    extensions: [new x509.ExtendedKeyUsageExtension([purpose], true)],
  });
  return `${leaf.toString('pem')}\n${root.toString('pem')}\n`;
}

/** A bundle by a key and without a log: Model Signing, or cosign without Rekor. */
export function keyBundle(payload: string | object, privateKey: KeyObject, change: Draft = {}): Draft {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
    dsseEnvelope: envelope(bytes, sign('sha256', pae(bytes), privateKey)),
    ...change,
  };
}

export function envelope(payload: Buffer, signature: Buffer): Draft {
  return {
    payload: payload.toString('base64'),
    payloadType: IN_TOTO,
    signatures: [{ sig: signature.toString('base64') }],
  };
}

export function pae(payload: Buffer, type = IN_TOTO): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

export function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function bytesOf(view: ArrayBufferView | ArrayBuffer | Uint8Array): Buffer {
  if (view instanceof ArrayBuffer) return Buffer.from(view);
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** A Model Signing payload for files by name. */
export function modelStatement(files: Readonly<Record<string, string | Buffer>>, change: Draft = {}): Draft {
  const resources = Object.entries(files).map(([name, bytes]) => ({ name, algorithm: 'sha256', digest: hex(bytes) }));
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: rootOf(resources) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] },
      resources,
    },
    ...change,
  };
}

export function rootOf(resources: readonly { digest: string }[]): string {
  return createHash('sha256')
    .update(Buffer.from(resources.map(({ digest }) => digest).join(''), 'hex'))
    .digest('hex');
}
