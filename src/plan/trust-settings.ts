import { resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import { signatureRepository } from '../source/index.ts';
import {
  type Attestor,
  checkPattern,
  checkTrustedRoot,
  type Identity,
  type LogRequirements,
  mostSigners,
  NO_ISSUER,
  parsePublicKey,
  type TextPattern,
  type TrustedRootSource,
  type TufSource,
} from '../trust/index.ts';
import { withoutEnd } from '../without-end.ts';
import { ignoredPaths } from './ignored-paths.ts';
import type { SignatureRequirement } from './plan.ts';
import { predicateTypeOf } from './predicate-type.ts';
import { certificateKey, readTrust } from './trust-files.ts';

/** What flags say about signatures; the names are cosign's. */
export interface TrustFlags {
  /** Files, or `env://NAME` as cosign has it. */
  readonly keys: readonly string[];
  /** PEM of those that are variables, by `env://NAME`. */
  readonly keysInVariables: ReadonlyMap<string, string>;
  readonly identity?: string;
  readonly identityRegexp?: string;
  readonly issuer?: string;
  readonly issuerRegexp?: string;
  readonly caRoots?: string;
  readonly certificate?: string;
  readonly certificateChain?: string;
  readonly trustedRoot?: string;
  readonly tufMirror?: string;
  readonly tufRoot?: string;
  readonly ignoreTlog: boolean;
  readonly ignoreSct: boolean;
  readonly signedTimestamps: boolean;
  readonly tlogThreshold?: number;
  readonly ctlogThreshold?: number;
  readonly timestampThreshold?: number;
  readonly timestampChain?: string;
  readonly intermediates?: string;
  readonly crl?: string;
  /** Extensions of a Fulcio certificate, by OID. */
  readonly extensions: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly threshold?: number;
  readonly signatures: readonly string[];
  readonly repository?: string;
  readonly type?: string;
  readonly conditions: readonly string[];
  readonly maxAge?: number;
  readonly allowLegacy: boolean;
  /** Files and folders that may be there unsigned. */
  readonly ignorePaths: readonly string[];
}

/**
 * What flags require beside pins: signatures, or attestations of one type, and by whom.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function signatureRequirement(flags: TrustFlags): SignatureRequirement | undefined {
  const attestors = attestorsOf(flags);
  if (attestors.length === 0) {
    requireNothingElse(flags);
    return undefined;
  }
  const threshold = flags.threshold ?? 1;
  if (threshold > mostSigners(attestors)) {
    throw invalid(
      `--threshold asks for ${threshold} signers, and only ${mostSigners(attestors)} are named`,
      'name as many signers as must have signed, or lower the threshold',
    );
  }
  const { type, conditions, maxAge, repository } = flags;
  if (type === undefined && conditions.length > 0)
    throw invalid('--condition says something about an attestation, and none is asked for', 'add --type');
  if (flags.ctlogThreshold !== undefined && !attestors.some(({ kind }) => kind === 'keyless'))
    throw invalid(
      '--ctlog-threshold asks for certificate logs, and only certificates of Fulcio are in them',
      'leave it out, or name an identity: --certificate-identity with --certificate-oidc-issuer',
    );
  const predicateType = type === undefined ? undefined : predicateTypeOf(type);
  return {
    kind: predicateType === undefined ? 'signature' : 'attestation',
    attestors,
    threshold,
    files: flags.signatures.map((file) => resolve(file)),
    conditions,
    ...(repository === undefined ? {} : { repository: signatureRepository(repository) }),
    ...(predicateType === undefined ? {} : { predicateType }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(flags.allowLegacy ? { allowLegacy: true } : {}),
    ...(flags.ignorePaths.length === 0 ? {} : { ignorePaths: ignoredPaths(flags.ignorePaths) }),
    origin: predicateType === undefined ? 'a signature' : `an attestation of ${predicateType}`,
  };
}

function attestorsOf(flags: TrustFlags): Attestor[] {
  const logs = logsOf(flags);
  const trustedRoot = trustedRootFor(flags);
  const common = {
    logs,
    trustedRoot,
    ...(flags.annotations.size === 0 ? {} : { annotations: flags.annotations }),
    ...(flags.timestampChain === undefined
      ? {}
      : { timestampChain: readCertificates(flags.timestampChain, 'the certificates of the time-stamp authority') }),
  };
  const keys = flags.keys.map((file): Attestor => {
    const pem = flags.keysInVariables.get(file) ?? readTrust(file, 'the key');
    const { fingerprint } = parsePublicKey(pem, `the key ${file}`);
    return { ...common, kind: 'key', name: file, pem, fingerprint };
  });
  const seen = new Set<string>();
  for (const attestor of keys) {
    if (attestor.kind !== 'key') continue;
    if (seen.has(attestor.fingerprint)) throw invalid(`the key ${attestor.name} is given twice`, 'name each key once');
    seen.add(attestor.fingerprint);
  }
  const subject = patternOf(flags.identity, flags.identityRegexp, '--certificate-identity');
  const issuer =
    flags.issuer === 'none' && flags.issuerRegexp === undefined
      ? NO_ISSUER
      : patternOf(flags.issuer, flags.issuerRegexp, '--certificate-oidc-issuer');
  if (flags.certificate !== undefined && subject === undefined)
    throw missing('--certificate', '--certificate-identity');
  const leaf = flags.certificate === undefined ? {} : { leaf: readLeaf(flags.certificate) };
  const anchors = anchorsOf(flags);
  if (anchors !== undefined) {
    const { flag, file } = anchors;
    if (subject === undefined) throw missing(flag, '--certificate-identity');
    if (issuer !== undefined)
      throw invalid('--certificate-oidc-issuer says nothing about a private PKI', `leave it out, or leave out ${flag}`);
    const { roots, intermediates } = anchors;
    const { crl } = flags;
    const more = {
      ...leaf,
      ...(intermediates === undefined ? {} : { intermediates }),
      ...(crl === undefined ? {} : { crls: requireCrl(readTrust(crl, 'the revocation list'), crl) }),
    };
    requireNoExtensions(flags);
    return [...keys, { ...common, kind: 'certificate', name: file, roots, subject, ...more }];
  }
  if (flags.intermediates !== undefined) throw missing('--ca-intermediates', '--ca-roots');
  if (flags.crl !== undefined) throw missing('--crl', '--ca-roots');
  if (subject === undefined && issuer === undefined) {
    requireNoExtensions(flags);
    return keys;
  }
  // S17: half an identity is nobody in particular.
  if (subject === undefined) throw missing('--certificate-oidc-issuer', '--certificate-identity');
  if (issuer === undefined) throw missing('--certificate-identity', '--certificate-oidc-issuer');
  const { extensions } = flags;
  const identity: Identity = { issuer, subject, ...(extensions.size === 0 ? {} : { extensions }) };
  return [...keys, { ...common, ...leaf, kind: 'keyless', name: 'the identity', identities: [identity] }];
}

/**
 * CAs of a private PKI: `--ca-roots`, or cosign's `--certificate-chain`, which ends with the root.
 */
function anchorsOf({ caRoots, intermediates, certificateChain }: TrustFlags) {
  if (certificateChain === undefined) {
    if (caRoots === undefined) return undefined;
    return {
      flag: '--ca-roots',
      file: caRoots,
      roots: readCertificates(caRoots, 'the CA certificates'),
      ...(intermediates === undefined
        ? {}
        : { intermediates: readCertificates(intermediates, 'the intermediate certificates') }),
    };
  }
  if (caRoots !== undefined || intermediates !== undefined)
    throw invalid('--certificate-chain excludes --ca-roots and --ca-intermediates', 'give one or the other');
  const blocks = certificateBlocks(readCertificates(certificateChain, 'the chain of certificates'));
  const between = blocks.slice(0, -1);
  return {
    flag: '--certificate-chain',
    file: certificateChain,
    roots: blocks.at(-1) ?? '',
    ...(between.length === 0 ? {} : { intermediates: between.join('\n') }),
  };
}

/** Mirror of the public-good instance, whose first root is built in. */
export const PUBLIC_MIRROR = 'https://tuf-repo-cdn.sigstore.dev';

function trustedRootFor({ trustedRoot, tufMirror, tufRoot }: TrustFlags): TrustedRootSource {
  if (tufMirror === undefined) {
    if (tufRoot !== undefined) throw missing('--tuf-root', '--tuf-mirror');
    return trustedRoot === undefined ? 'public-good' : checkTrustedRoot(trustedRoot);
  }
  if (trustedRoot !== undefined)
    throw invalid('--trusted-root and --tuf-mirror exclude each other', 'give one of them');
  return tufSource(tufMirror, tufRoot === undefined ? undefined : readTrust(tufRoot, 'the TUF root'));
}

/**
 * @param root - `root.json`
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function tufSource(mirror: string, root: string | undefined): TufSource {
  if (!URL.canParse(mirror) || !/^https?:$/.test(new URL(mirror).protocol))
    throw invalid(`the TUF mirror ${mirror} is no https URL`, `e.g. ${PUBLIC_MIRROR}`);
  if (root === undefined && withoutEnd(mirror, '/') !== PUBLIC_MIRROR)
    throw invalid(`nothing is known of the TUF mirror ${mirror}`, 'give its root.json: --tuf-root FILE');
  return { mirror, ...(root === undefined ? {} : { root }) };
}

function logsOf(flags: TrustFlags): LogRequirements {
  if (flags.ignoreTlog && flags.tlogThreshold !== undefined)
    throw invalid('--tlog-threshold and --insecure-ignore-tlog exclude each other', 'give one of them');
  if (flags.ignoreSct && flags.ctlogThreshold !== undefined)
    throw invalid('--ctlog-threshold and --insecure-ignore-sct exclude each other', 'give one of them');
  return {
    transparencyLogs: flags.ignoreTlog ? 0 : (flags.tlogThreshold ?? 1),
    ...(flags.tlogThreshold === undefined ? {} : { isLogRequired: true }),
    certificateLogs: flags.ignoreSct ? 0 : (flags.ctlogThreshold ?? 1),
    timestampAuthorities: flags.timestampThreshold ?? (flags.signedTimestamps ? 1 : 0),
  };
}

/** S16: a constraint that nothing could be held against must not look like one. */
function requireNoExtensions({ extensions }: TrustFlags): void {
  if (extensions.size > 0)
    throw invalid(
      'an extension of the certificate was asked for, and only keyless signatures have one',
      'add --certificate-identity and --certificate-oidc-issuer',
    );
}

function readCertificates(file: string, what: string): string {
  const pem = readTrust(file, what);
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw invalid(`${file} has no certificate`, `give ${what} in PEM`);
  return pem;
}

function certificateBlocks(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Cosign writes the certificate of a blob as base64 of PEM, and that of an image as PEM. */
function readLeaf(file: string): string {
  const text = readTrust(file, 'the certificate of the signer');
  const pem = text.startsWith('-----') ? text : Buffer.from(text, 'base64').toString('latin1');
  certificateKey(pem, `the certificate ${file}`);
  return pem;
}

function requireCrl(pem: string, file: string): string {
  if (pem.includes('-----BEGIN X509 CRL-----')) return pem;
  throw invalid(`${file} has no revocation list`, 'give it in PEM: openssl crl -inform DER -in FILE');
}

function patternOf(exact: string | undefined, regexp: string | undefined, flag: string): TextPattern | undefined {
  if (exact !== undefined && regexp !== undefined)
    throw invalid(`${flag} and ${flag}-regexp exclude each other`, 'give one of them');
  const pattern = exact !== undefined ? { exact } : regexp !== undefined ? { regexp } : undefined;
  if (pattern !== undefined) checkPattern(pattern, regexp === undefined ? flag : `${flag}-regexp`);
  return pattern;
}

/** A flag about signatures without anybody to trust would look like a check and be none. */
function requireNothingElse(flags: TrustFlags): void {
  const idle = [
    ['--signature', flags.signatures.length > 0],
    ['--type', flags.type !== undefined],
    ['--condition', flags.conditions.length > 0],
    ['--threshold', flags.threshold !== undefined],
    ['--max-age', flags.maxAge !== undefined],
    ['--allow-legacy-model-signatures', flags.allowLegacy],
    ['--ignore-paths', flags.ignorePaths.length > 0],
    ['--trusted-root', flags.trustedRoot !== undefined],
    ['--tuf-mirror', flags.tufMirror !== undefined],
    ['--tuf-root', flags.tufRoot !== undefined],
    ['--signature-repository', flags.repository !== undefined],
    ['--insecure-ignore-tlog', flags.ignoreTlog],
    ['--insecure-ignore-sct', flags.ignoreSct],
    ['--use-signed-timestamps', flags.signedTimestamps],
    ['--tlog-threshold', flags.tlogThreshold !== undefined],
    ['--ctlog-threshold', flags.ctlogThreshold !== undefined],
    ['--timestamp-threshold', flags.timestampThreshold !== undefined],
    ['--timestamp-certificate-chain', flags.timestampChain !== undefined],
    ['--certificate', flags.certificate !== undefined],
    ['--annotations', flags.annotations.size > 0],
  ] as const;
  const [first] = idle.find(([, given]) => given) ?? [];
  if (first === undefined) return;
  throw invalid(
    `${first} was given, but nobody is named whose signature counts`,
    'add --key, or --certificate-identity with --certificate-oidc-issuer, or --ca-roots',
  );
}

function missing(given: string, needed: string): WeighlockError {
  return invalid(`${given} was given without ${needed}`, `add ${needed}, or ${needed}-regexp`);
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
