import { dirname, resolve } from 'node:path';
import { sha256 } from '../../library/index.ts';
import { signatureRepository } from '../../source/index.ts';
import {
  type Attestor,
  checkPattern,
  checkTrustedRoot,
  type Identity,
  type LogRequirements,
  NO_ISSUER,
  parsePublicKey,
  type TextPattern,
  type TrustedRootSource,
  type TufSource,
  trustedRootOf,
  type ValidityWindow,
} from '../../trust/index.ts';
import { certificateKey, readTrust } from '../trust-files.ts';
import { PUBLIC_MIRROR, tufSource } from '../trust-settings.ts';
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
  /** SHA-256 of what was read, hex, by the names that the policy has for it. */
  readonly digests: Map<string, string>;
}

/** Of Kyverno's block, and thresholds of our own. */
const LOG_KEYS = [
  'url',
  'rekorPubKey',
  'ctLogPubKey',
  'tsaCertChain',
  'insecureIgnoreTlog',
  'insecureIgnoreSCT',
  'useSignedTimestamps',
  'tlogThreshold',
  'ctlogThreshold',
  'timestampThreshold',
] as const;

/** Log of the public-good instance: its keys are in the root that is built in. */
const PUBLIC_REKOR = /^https:\/\/rekor\.sigstore\.dev\/?$/;

/** `trustedRoot: {file}`, `{data}` or `{tuf}`. */
export function readTrustedRoot(value: Value | undefined, files: TrustFiles): TrustedRootSource {
  if (value === undefined) return 'public-good';
  const fields = value.fields(['file', 'data', 'tuf']);
  const kind = fields.only(['file', 'data', 'tuf']);
  if (kind === 'data') return trustedRootOf(fields.require('data').text());
  if (kind === 'tuf') return readTuf(fields.require('tuf'), files);
  const file = fields.require('file').text();
  const trusted = checkTrustedRoot(located(file, files));
  files.digests.set(file, sha256(trusted.json).toString('hex'));
  return trusted;
}

/** `{mirror, root: {path | data}}`, as Kyverno has it; its data is in base64. */
function readTuf(value: Value, files: TrustFiles): TufSource {
  const fields = value.fields(['mirror', 'root']);
  const root = fields.get('root')?.fields(['path', 'data']);
  const read = () => {
    if (root?.only(['path', 'data']) === 'path') return readNamed(root.require('path').text(), files, 'the TUF root');
    const data = root?.require('data').text();
    return data === undefined || data.trimStart().startsWith('{') ? data : Buffer.from(data, 'base64').toString('utf8');
  };
  return tufSource(fields.text('mirror') ?? PUBLIC_MIRROR, read());
}

/**
 * `attestors:` in the shape of Kyverno's `ImageValidatingPolicy` (kyverno v1.19,
 * `api/policies.kyverno.io`). What of that shape cannot be honoured here is an error that names the
 * alternative, never left out.
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
  const tuf = fields.get('tuf');
  const root = tuf === undefined ? trustedRoot : { source: readTuf(tuf, files), isOwn: true };
  const annotations = fields
    .get('annotations')
    ?.entries()
    .map(([key, value]) => [key, value.text()] as const);
  const source = fields.get('source')?.fields(['repository', 'signaturePullSecrets', 'tagPrefix']);
  source?.get('tagPrefix')?.fail('a tag prefix is not supported', 'leave it out');
  source?.get('signaturePullSecrets')?.fail('pull secrets are mounted', 'use --registry-config');
  const repository = readRepository(source?.get('repository'));
  const ctlog = fields.get('ctlog');
  const timestampChain = ctlog?.fields(LOG_KEYS).get('tsaCertChain');
  const common = {
    name,
    logs: readLogs(ctlog, root.isOwn),
    trustedRoot: root.source,
    ...(annotations === undefined ? {} : { annotations: new Map(annotations) }),
    ...(timestampChain === undefined ? {} : { timestampChain: certificatesOf(timestampChain) }),
  };
  const kind = fields.only(['key', 'keyless', 'certificate']);
  const block = fields.require(kind);
  if (kind !== 'keyless')
    ctlog
      ?.fields(LOG_KEYS)
      .get('ctlogThreshold')
      ?.fail('only certificates of Fulcio are in certificate logs', 'leave it out');
  const attestor: Attestor =
    kind === 'key'
      ? { ...common, ...readKey(name, block, files) }
      : kind === 'keyless'
        ? { ...common, kind, identities: readIdentities(block) }
        : { ...common, ...readCertificate(name, block, files) };
  return repository === undefined ? { attestor } : { attestor, repository };
}

/** Where signatures are stored. */
export function readRepository(value: Value | undefined): string | undefined {
  return value === undefined ? undefined : value.attempt(() => signatureRepository(value.text()));
}

/** The public key of receipts: `{file}` or `{data}`. */
export function readReceiptKey(
  value: Value,
  files: TrustFiles,
): { readonly pem: string; readonly fingerprint: string } {
  const fields = value.fields(['file', 'data']);
  const isFile = fields.only(['file', 'data']) === 'file';
  const pem = isFile
    ? readNamed(fields.require('file').text(), files, 'the key of receipts')
    : fields.require('data').text();
  if (pem.includes('PRIVATE KEY')) value.fail('it is a private key', 'name the public one: policies are no secret');
  return { pem, fingerprint: parsePublicKey(pem, 'the key of receipts').fingerprint };
}

function readKey(name: string, value: Value, files: TrustFiles) {
  const fields = value.fields(['file', 'data', 'hashAlgorithm', 'validFor', 'kms', 'expression', 'secretRef']);
  fields.get('kms')?.fail('a KMS cannot be asked offline', 'export its public key: cosign public-key --key KMS');
  fields.get('expression')?.fail('there is no cluster to ask', 'write the key into data, or mount it as file');
  fields.get('secretRef')?.fail('there is no cluster to ask', 'mount the public key, and name it as file');
  // The hash follows from the key here; the usual value asks for nothing else.
  const algorithm = fields.get('hashAlgorithm');
  if (algorithm !== undefined) algorithm.oneOf(['sha256', 'sha384', 'sha512']);
  const isFile = fields.only(['file', 'data']) === 'file';
  const pem = isFile ? readNamed(fields.require('file').text(), files, 'the key') : fields.require('data').text();
  const { fingerprint } = parsePublicKey(pem, `the key of ${name}`);
  const validFor = readWindow(fields.get('validFor'));
  return { kind: 'key', pem, fingerprint, ...(validFor === undefined ? {} : { validFor }) } as const;
}

/** `validFor` as a trusted root has it: RFC 3339, either end may be left out. */
function readWindow(value: Value | undefined): ValidityWindow | undefined {
  if (value === undefined) return undefined;
  const fields = value.fields(['start', 'end']);
  const at = (key: 'start' | 'end') => {
    const field = fields.get(key);
    if (field === undefined) return undefined;
    const text = field.text();
    const time = new Date(text);
    const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
    return isTime && !Number.isNaN(time.getTime()) ? time : field.fail('it is no time', 'write 2026-01-31T00:00:00Z');
  };
  const [start, end] = [at('start'), at('end')];
  if (start === undefined && end === undefined) value.fail('it says nothing', 'give start, end, or both');
  if (start !== undefined && end !== undefined && end <= start)
    value.fail('it ends before it starts', 'correct start or end');
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

function readIdentities(value: Value): Identity[] {
  const fields = value.fields(['identities', 'roots']);
  fields
    .get('roots')
    ?.fail('roots of Fulcio belong to the trusted root', 'use spec.trustedRoot, or cosign.certificate');
  return fields.require('identities').list((element) => {
    const identity = element.fields(['issuer', 'issuerRegExp', 'subject', 'subjectRegExp', 'extensions']);
    const pattern = (exact: 'issuer' | 'subject'): TextPattern => {
      const expression = `${exact}RegExp` as const;
      if (identity.get(exact) === undefined && identity.get(expression) === undefined)
        // S17: half an identity is nobody in particular.
        return element.fail(`an identity without ${exact} could be anybody's`, `add ${exact}, or ${expression}`);
      if (exact === 'issuer' && identity.get(expression) === undefined && identity.text('issuer') === 'none')
        return NO_ISSUER;
      return readPattern(
        identity.only([exact, expression]) === exact,
        identity.get(exact) ?? identity.require(expression),
      );
    };
    const extensions = identity.get('extensions')?.entries().map(readExtension);
    return {
      issuer: pattern('issuer'),
      subject: pattern('subject'),
      ...(extensions === undefined ? {} : { extensions: new Map(extensions) }),
    };
  });
}

/** Names that cosign gives to Fulcio's extensions (cosign, pkg/cosign/certextensions.go). */
const EXTENSIONS: Readonly<Record<string, string>> = {
  githubWorkflowTrigger: '1.3.6.1.4.1.57264.1.2',
  githubWorkflowSha: '1.3.6.1.4.1.57264.1.3',
  githubWorkflowName: '1.3.6.1.4.1.57264.1.4',
  githubWorkflowRepository: '1.3.6.1.4.1.57264.1.5',
  githubWorkflowRef: '1.3.6.1.4.1.57264.1.6',
};

function readExtension([name, value]: [string, Value]): readonly [string, string] {
  const oid = (Object.hasOwn(EXTENSIONS, name) ? EXTENSIONS[name] : undefined) ?? name;
  if (!/^1\.3\.6\.1\.4\.1\.57264\.1\.\d{1,3}$/.test(oid))
    value.fail(`${name} is no extension of Fulcio's`, `use one of ${Object.keys(EXTENSIONS).join(', ')}, or its OID`);
  return [oid, value.text()];
}

function readPattern(isExact: boolean, value: Value): TextPattern {
  const text = value.text();
  // Kyverno's older policies match wildcards here; to take one literally would match nobody, and
  // nobody would know why.
  if (isExact && /[*?]/.test(text))
    value.fail('it is compared as it stands, and has a wildcard', 'use the RegExp form');
  const pattern = isExact ? { exact: text } : { regexp: text };
  checkPattern(pattern, value.path);
  return pattern;
}

function readCertificate(name: string, value: Value, files: TrustFiles) {
  const fields = value.fields(['cert', 'certChain', 'intermediates', 'crl', 'subject', 'subjectRegExp']);
  const pemOf = (key: 'cert' | 'certChain' | 'intermediates' | 'crl') => {
    const block = fields.get(key)?.fields(['value', 'file', 'expression']);
    if (block === undefined) return undefined;
    block
      .get('expression')
      ?.fail('there is no cluster to ask', 'write the certificate into value, or mount it as file');
    const isFile = block.only(['value', 'file']) === 'file';
    return isFile ? readNamed(block.require('file').text(), files, 'the certificate') : block.require('value').text();
  };
  const roots = pemOf('certChain');
  const leaf = pemOf('cert');
  const hasSubject = fields.get('subject') !== undefined || fields.get('subjectRegExp') !== undefined;
  if (leaf !== undefined) {
    if (hasSubject)
      value.fail('cert names one certificate, and subject asks for any with that name', 'drop one of them');
    if (roots !== undefined)
      value.fail('cert pins one certificate, and certChain would not be looked at', 'drop cert, and name its subject');
    // One certificate that is pinned is its key, as long as it is valid: nobody else's word is
    // needed for it.
    return { kind: 'key', leaf, ...certificateKey(leaf, `the certificate of ${name}`) } as const;
  }
  if (roots === undefined) return value.fail('it names no certificate', 'add certChain: the CA certificates in PEM');
  if (!roots.includes('-----BEGIN CERTIFICATE-----')) value.fail('certChain has no certificate', 'give it in PEM');
  if (!hasSubject) return value.fail('every certificate of this CA would count', 'add subject, or subjectRegExp');
  const isExact = fields.only(['subject', 'subjectRegExp']) === 'subject';
  const subject = readPattern(isExact, fields.get('subject') ?? fields.require('subjectRegExp'));
  const [intermediates, crls] = [pemOf('intermediates'), pemOf('crl')];
  if (intermediates !== undefined && !intermediates.includes('-----BEGIN CERTIFICATE-----'))
    value.fail('intermediates has no certificate', 'give them in PEM');
  if (crls !== undefined && !crls.includes('-----BEGIN X509 CRL-----'))
    value.fail('crl has no revocation list', 'give it in PEM');
  return {
    kind: 'certificate',
    roots,
    subject,
    ...(intermediates === undefined ? {} : { intermediates }),
    ...(crls === undefined ? {} : { crls }),
  } as const;
}

function readLogs(value: Value | undefined, hasOwnRoot: boolean): LogRequirements {
  const fields = value?.fields(LOG_KEYS);
  for (const key of ['rekorPubKey', 'ctLogPubKey'] as const)
    fields?.get(key)?.fail('keys of logs belong to the trusted root', 'put it into spec.trustedRoot');
  const url = fields?.get('url');
  if (url !== undefined && !hasOwnRoot && !PUBLIC_REKOR.test(url.text()))
    url.fail('nobody is asked, and the key of this log is not known', 'name spec.trustedRoot of that instance');
  const [ignoresLog, ignoresSct, stamped] = (
    ['insecureIgnoreTlog', 'insecureIgnoreSCT', 'useSignedTimestamps'] as const
  ).map((key) => fields?.get(key)?.boolean() === true);
  const count = (key: 'tlogThreshold' | 'ctlogThreshold' | 'timestampThreshold', isIgnored = false) => {
    const field = fields?.get(key);
    if (isIgnored) field?.fail('this is not looked at', 'leave out the insecureIgnore beside it');
    return field?.integer(1, 32);
  };
  return {
    transparencyLogs: count('tlogThreshold', ignoresLog) ?? (ignoresLog ? 0 : 1),
    ...(fields?.get('tlogThreshold') === undefined ? {} : { isLogRequired: true }),
    certificateLogs: count('ctlogThreshold', ignoresSct) ?? (ignoresSct ? 0 : 1),
    timestampAuthorities: count('timestampThreshold') ?? (stamped ? 1 : 0),
  };
}

/** PEM that stands in the policy itself, as Kyverno has it. */
function certificatesOf(value: Value): string {
  const pem = value.text();
  return pem.includes('-----BEGIN CERTIFICATE-----') ? pem : value.fail('it has no certificate', 'give it in PEM');
}

/** What a policy takes trust from: what was read is a part of what the policy says. */
function readNamed(file: string, files: TrustFiles, what: string): string {
  const text = readTrust(located(file, files), what);
  files.digests.set(file, sha256(text).toString('hex'));
  return text;
}

/** Relative names are meant beside the policy. */
function located(file: string, files: TrustFiles): string {
  const path = resolve(dirname(files.policy), file);
  files.read.push(path);
  return path;
}
