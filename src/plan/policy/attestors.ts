import { dirname, resolve } from 'node:path';
import {
  type Attestor,
  checkPattern,
  checkTrustedRoot,
  type Identity,
  type LogRequirements,
  parsePublicKey,
  type TextPattern,
  type TrustedRootSource,
  trustedRootOf,
} from '../../trust/index.ts';
import { certificateKey, readTrust } from '../trust-files.ts';
import type { Value } from './value.ts';

/** An attestor of a policy, and what of Kyverno's block belongs to a requirement here. */
export interface PolicyAttestor {
  readonly attestor: Attestor;
  /** `cosign.source.repository`: where its signatures are stored. */
  readonly repository?: string;
}

/** Where files that a policy names lie, and which were read. */
export interface TrustFiles {
  readonly policy: string;
  readonly read: string[];
}

/** Log of the public-good instance: its keys are in the root that is built in. */
const PUBLIC_REKOR = /^https:\/\/rekor\.sigstore\.dev\/?$/;

/** `trustedRoot: {file}` or `{data}`. */
export function readTrustedRoot(value: Value | undefined, files: TrustFiles): TrustedRootSource {
  if (value === undefined) return 'public-good';
  const fields = value.fields(['file', 'data']);
  if (fields.only(['file', 'data']) === 'data') return trustedRootOf(fields.require('data').text());
  return checkTrustedRoot(located(fields.require('file').text(), files));
}

/**
 * `attestors:` in the shape of Kyverno's `ImageValidatingPolicy` (kyverno v1.19, `api/policies.kyverno.io`). What of that
 * shape cannot be honoured here is an error that names the alternative, never left out.
 */
export function readAttestors(
  value: Value | undefined,
  files: TrustFiles,
  trustedRoot: { readonly source: TrustedRootSource; readonly isOwn: boolean },
): ReadonlyMap<string, PolicyAttestor> {
  const byName = new Map<string, PolicyAttestor>();
  value?.list((element) => {
    const fields = element.fields(['name', 'cosign', 'notary']);
    const name = fields.require('name').text();
    if (byName.has(name)) fields.require('name').fail(`there are two attestors called ${name}`, 'rename one of them');
    fields.get('notary')?.fail('Notary signatures are not supported', 'sign with cosign, or OpenSSF Model Signing');
    byName.set(name, readCosign(name, fields.require('cosign'), files, trustedRoot));
  });
  return byName;
}

function readCosign(
  name: string,
  value: Value,
  files: TrustFiles,
  trustedRoot: { readonly source: TrustedRootSource; readonly isOwn: boolean },
): PolicyAttestor {
  const fields = value.fields(['key', 'keyless', 'certificate', 'ctlog', 'source', 'tuf', 'annotations']);
  fields.get('tuf')?.fail('a TUF mirror is not asked', 'put what it publishes into spec.trustedRoot');
  fields.get('annotations')?.fail('annotations of signatures are not looked at', 'require an attestation instead');
  const source = fields.get('source')?.fields(['repository', 'signaturePullSecrets', 'tagPrefix']);
  source?.get('tagPrefix')?.fail('a tag prefix is not supported', 'leave it out');
  source?.get('signaturePullSecrets')?.fail('pull secrets are mounted', 'use --registry-config');
  const repository = source?.text('repository');
  const common = { name, logs: readLogs(fields.get('ctlog'), trustedRoot.isOwn), trustedRoot: trustedRoot.source };
  const kind = fields.only(['key', 'keyless', 'certificate']);
  const block = fields.require(kind);
  const attestor: Attestor =
    kind === 'key'
      ? { ...common, ...readKey(name, block, files) }
      : kind === 'keyless'
        ? { ...common, kind, identities: readIdentities(block) }
        : { ...common, ...readCertificate(name, block, files) };
  return repository === undefined ? { attestor } : { attestor, repository };
}

function readKey(name: string, value: Value, files: TrustFiles) {
  const fields = value.fields(['file', 'data', 'hashAlgorithm', 'kms', 'expression', 'secretRef']);
  fields.get('kms')?.fail('a KMS cannot be asked offline', 'export its public key: cosign public-key --key KMS');
  fields.get('expression')?.fail('there is no cluster to ask', 'write the key into data, or mount it as file');
  fields.get('secretRef')?.fail('there is no cluster to ask', 'mount the public key, and name it as file');
  // The hash follows from the key here; the usual value asks for nothing else.
  const algorithm = fields.get('hashAlgorithm');
  if (algorithm !== undefined) algorithm.oneOf(['sha256', 'sha384', 'sha512']);
  const isFile = fields.only(['file', 'data']) === 'file';
  const pem = isFile
    ? readTrust(located(fields.require('file').text(), files), 'the key')
    : fields.require('data').text();
  const { fingerprint } = parsePublicKey(pem, `the key of ${name}`);
  return { kind: 'key', pem, fingerprint } as const;
}

function readIdentities(value: Value): Identity[] {
  const fields = value.fields(['identities', 'roots']);
  fields
    .get('roots')
    ?.fail('roots of Fulcio belong to the trusted root', 'use spec.trustedRoot, or cosign.certificate');
  return fields.require('identities').list((element) => {
    const identity = element.fields(['issuer', 'issuerRegExp', 'subject', 'subjectRegExp']);
    const pattern = (exact: 'issuer' | 'subject'): TextPattern => {
      const expression = `${exact}RegExp` as const;
      if (identity.get(exact) === undefined && identity.get(expression) === undefined)
        // S17: half an identity is nobody in particular.
        return element.fail(`an identity without ${exact} could be anybody's`, `add ${exact}, or ${expression}`);
      return readPattern(
        identity.only([exact, expression]) === exact,
        identity.get(exact) ?? identity.require(expression),
      );
    };
    return { issuer: pattern('issuer'), subject: pattern('subject') };
  });
}

function readPattern(isExact: boolean, value: Value): TextPattern {
  const text = value.text();
  // Kyverno's older policies match wildcards here; to take one literally would match nobody, and nobody would know why.
  if (isExact && /[*?]/.test(text))
    value.fail('it is compared as it stands, and has a wildcard', 'use the RegExp form');
  const pattern = isExact ? { exact: text } : { regexp: text };
  checkPattern(pattern, value.path);
  return pattern;
}

function readCertificate(name: string, value: Value, files: TrustFiles) {
  const fields = value.fields(['cert', 'certChain', 'subject', 'subjectRegExp']);
  const pemOf = (key: 'cert' | 'certChain') => {
    const block = fields.get(key)?.fields(['value', 'file', 'expression']);
    if (block === undefined) return undefined;
    block
      .get('expression')
      ?.fail('there is no cluster to ask', 'write the certificate into value, or mount it as file');
    const isFile = block.only(['value', 'file']) === 'file';
    return isFile
      ? readTrust(located(block.require('file').text(), files), 'the certificate')
      : block.require('value').text();
  };
  const roots = pemOf('certChain');
  const leaf = pemOf('cert');
  const hasSubject = fields.get('subject') !== undefined || fields.get('subjectRegExp') !== undefined;
  if (leaf !== undefined) {
    if (hasSubject)
      value.fail('cert names one certificate, and subject asks for any with that name', 'drop one of them');
    // One certificate that is pinned is its key: nobody else's word is needed for it.
    const { pem, fingerprint } = certificateKey(leaf, `the certificate of ${name}`);
    return { kind: 'key', pem, fingerprint } as const;
  }
  if (roots === undefined) return value.fail('it names no certificate', 'add certChain: the CA certificates in PEM');
  if (!roots.includes('-----BEGIN CERTIFICATE-----')) value.fail('certChain has no certificate', 'give it in PEM');
  if (!hasSubject) return value.fail('every certificate of this CA would count', 'add subject, or subjectRegExp');
  const isExact = fields.only(['subject', 'subjectRegExp']) === 'subject';
  const subject = readPattern(isExact, fields.get('subject') ?? fields.require('subjectRegExp'));
  return { kind: 'certificate', roots, subject } as const;
}

function readLogs(value: Value | undefined, hasOwnRoot: boolean): LogRequirements {
  const fields = value?.fields([
    'url',
    'rekorPubKey',
    'ctLogPubKey',
    'tsaCertChain',
    'insecureIgnoreTlog',
    'insecureIgnoreSCT',
    'useSignedTimestamps',
  ]);
  for (const key of ['rekorPubKey', 'ctLogPubKey', 'tsaCertChain'] as const)
    fields?.get(key)?.fail('keys of logs belong to the trusted root', 'put it into spec.trustedRoot');
  const url = fields?.get('url');
  if (url !== undefined && !hasOwnRoot && !PUBLIC_REKOR.test(url.text()))
    url.fail('nobody is asked, and the key of this log is not known', 'name spec.trustedRoot of that instance');
  return {
    transparencyLog: fields?.get('insecureIgnoreTlog')?.boolean() === true ? 'ignored' : 'required',
    certificateLog: fields?.get('insecureIgnoreSCT')?.boolean() === true ? 'ignored' : 'required',
    time: fields?.get('useSignedTimestamps')?.boolean() === true ? 'timestamp-authority' : 'any',
  };
}

/** Relative names are meant beside the policy. */
export function located(file: string, files: TrustFiles): string {
  const path = resolve(dirname(files.policy), file);
  files.read.push(path);
  return path;
}
