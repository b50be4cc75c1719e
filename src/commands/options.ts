import type { Options } from 'yargs';
import { MAX_FILES, STORAGE_PRESETS } from '../fs/index.ts';
import { TERMINATION_LOG } from '../report/index.ts';

/** How the files are read and hashed: common to every command that does. */
export const HASH_OPTIONS = {
  hasher: { type: 'string', default: 'wasm', describe: 'SHA-256 engine: wasm, native or auto' },
  concurrency: {
    type: 'string',
    describe: 'worker threads [default: the processors this container may use, as far as its memory goes]',
  },
  'allow-symlinks': { type: 'boolean', default: false, describe: 'follow links that resolve inside the artifact' },
  'storage-preset': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: `whose bookkeeping is no part of the artifact: ${STORAGE_PRESETS.join(', ')}`,
  },
  'omit-paths': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file that is no part of the artifact, relative to its root, e.g. notes/todo.txt',
  },
  'link-root': { type: 'string', describe: 'folder above the artifact that its links may lead into' },
  'max-files': { type: 'string', default: `${MAX_FILES}`, describe: 'most entries in one artifact' },
  timeout: { type: 'string', default: '6h', describe: 'limit for the whole run, e.g. 90s, 1h30m; 0 for none' },
  'idle-timeout': { type: 'string', default: '5m', describe: 'limit without any progress; 0 for none' },
  'io-depth': {
    type: 'string',
    describe: 'reads of a volume in flight, 1 to 512 [default: as many as pay, found out while reading]',
  },
  'io-rate': { type: 'string', describe: 'most bytes to read per second, e.g. 200M or 512Mi [default: no limit]' },
} as const satisfies Record<string, Options>;

/** How what is not on a volume is fetched. */
export const REMOTE_OPTIONS = {
  'registry-config': { type: 'string', array: true, nargs: 1, describe: 'Docker config.json or mounted pull secret' },
  'registry-cacert': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'PEM file of CAs to trust beside the built-in ones',
  },
  'plain-http': { type: 'string', array: true, nargs: 1, describe: 'HOST[:PORT] that may be spoken to without TLS' },
  'allow-http-registry': {
    type: 'boolean',
    default: false,
    describe: 'the same for the registries of the sources',
  },
  'registry-server': { type: 'string', describe: 'HOST that --registry-username and its like are for' },
  'registry-username': { type: 'string', describe: 'user at the registry of the sources' },
  'registry-password': { type: 'string', describe: 'password there; better a file, or WEIGHLOCK_REGISTRY_PASSWORD' },
  'registry-password-file': { type: 'string', describe: 'file with the password' },
  'registry-token': { type: 'string', describe: 'bearer token for the registry of the sources' },
  connections: {
    type: 'string',
    describe: 'connections that bring bytes at a time, one blob by several ranges [default: 8, as far as memory goes]',
  },
  'response-timeout': {
    type: 'string',
    default: '30s',
    describe: 'limit without a byte of an answer; small documents whole in twice that or 60s; 0 for none',
  },
  'max-bytes': { type: 'string', describe: 'most bytes to fetch and unpack, e.g. 200G [default: what is free]' },
  mirror: { type: 'string', array: true, nargs: 1, describe: 'REGISTRY=HOST[:PORT] that is asked first' },
  platform: { type: 'string', describe: 'OS/ARCH[/VARIANT] to take from an index [default: this machine]' },
  replace: { type: 'boolean', default: false, describe: 'replace what lies at DEST and does not verify' },
  'allow-unknown-layers': { type: 'boolean', default: false, describe: 'leave out layers of unknown media types' },
  include: { type: 'string', array: true, nargs: 1, describe: 'PATTERN of files of a hub or bucket that are wanted' },
  exclude: { type: 'string', array: true, nargs: 1, describe: 'PATTERN of files there that are not' },
  unpack: { type: 'boolean', default: false, describe: 'publish an archive from https:// as the files in it' },
} as const satisfies Record<string, Options>;

/** What Fulcio says of a workflow (fulcio, docs/oid-info.md), by cosign's names. */
export const WORKFLOW_EXTENSIONS = {
  trigger: '1.3.6.1.4.1.57264.1.2',
  sha: '1.3.6.1.4.1.57264.1.3',
  name: '1.3.6.1.4.1.57264.1.4',
  repository: '1.3.6.1.4.1.57264.1.5',
  ref: '1.3.6.1.4.1.57264.1.6',
} as const;

/** Whose signatures count; the names are cosign's where it has one. */
export const TRUST_OPTIONS = {
  key: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'public key (PEM) whose signature counts; env://NAME for a variable',
  },
  'certificate-identity': { type: 'string', describe: 'subject of the certificate of a keyless signature' },
  'certificate-identity-regexp': { type: 'string', describe: 'the same as an expression, always anchored' },
  'certificate-oidc-issuer': { type: 'string', describe: 'who vouched for that subject' },
  'certificate-oidc-issuer-regexp': { type: 'string', describe: 'the same as an expression, always anchored' },
  'ca-roots': { type: 'string', describe: 'CA certificates (PEM) of a private PKI' },
  'ca-intermediates': { type: 'string', describe: 'CA certificates (PEM) between them and a signer' },
  certificate: { type: 'string', describe: 'certificate (PEM) of the signer, for signatures that carry none' },
  'certificate-chain': { type: 'string', describe: 'CA certificates (PEM) from the one that signed it to the root' },
  crl: { type: 'string', describe: 'revocation lists (PEM) of the private PKI, one of every CA' },
  'trusted-root': { type: 'string', describe: 'trusted_root.json [default: the public-good Sigstore instance]' },
  'tuf-mirror': { type: 'string', describe: 'TUF repository to ask for the trusted root at each run' },
  'tuf-root': { type: 'string', describe: 'root.json of that repository [default: the public-good instance]' },
  'insecure-ignore-tlog': { type: 'boolean', default: false, describe: 'ask for no transparency log entry' },
  'insecure-ignore-sct': { type: 'boolean', default: false, describe: 'ask for no certificate transparency' },
  'use-signed-timestamps': {
    type: 'boolean',
    default: false,
    describe: 'take the time from an RFC 3161 authority only',
  },
  'tlog-threshold': { type: 'string', describe: 'transparency logs that must have an entry [default: 1]' },
  'ctlog-threshold': { type: 'string', describe: 'certificate logs that must have seen a certificate [default: 1]' },
  'timestamp-threshold': { type: 'string', describe: 'RFC 3161 authorities that must confirm the time [default: 0]' },
  'timestamp-certificate-chain': { type: 'string', describe: 'certificates (PEM) of another RFC 3161 authority' },
  ...Object.fromEntries(
    Object.keys(WORKFLOW_EXTENSIONS).map((name) => [
      `certificate-github-workflow-${name}`,
      { type: 'string' as const, describe: `${name} that the certificate must name` },
    ]),
  ),
  annotations: { type: 'string', array: true, nargs: 1, describe: 'KEY=VALUE that the signature must say' },
  signature: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file with a signature [default: beside the artifact]',
  },
  'signature-repository': { type: 'string', describe: 'OCI repository, or oci-layout://PATH, that has the signatures' },
  threshold: { type: 'string', describe: 'how many of those that are named must have signed [default: 1]' },
  type: { type: 'string', describe: 'predicate type: ask for an attestation instead of a signature' },
  condition: { type: 'string', array: true, nargs: 1, describe: 'CEL over predicate, subject and signer' },
  'allow-legacy-model-signatures': {
    type: 'boolean',
    default: false,
    describe: 'accept signatures of model_signing before 1.0',
  },
  'ignore-paths': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file or folder of a signed artifact that may be there unsigned, e.g. .git',
  },
  'max-age': { type: 'string', describe: 'most time since the signature, e.g. 720h' },
} as const satisfies Record<string, Options>;

/** What must be true, and what happens when it is not. */
export const VERIFY_OPTIONS = {
  sha256: { type: 'string', array: true, nargs: 1, describe: 'pin: SHA-256 of a file, tree digest of a folder' },
  'allow-formats': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'formats that files may have, by their bytes: safetensors,gguf,json,text',
  },
  'allow-formats-in': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: "PATTERN=FORMAT that some files may have besides, e.g. 'code/*.py=python'",
  },
  checksums: { type: 'string', describe: 'SHA256SUMS file that names every file of the artifact' },
  'checksums-sha256': { type: 'string', describe: 'pin of the checksums file itself' },
  'checksums-signature': { type: 'string', describe: 'signature of the checksums file, by --key or an identity' },
  policy: { type: 'string', array: true, nargs: 1, describe: 'policy file; several only add requirements' },
  trust: { type: 'string', describe: 'folder of the platform: every *.yaml in it is a policy' },
  'policy-key': { type: 'string', describe: 'public key that must have signed every policy' },
  'policy-signature': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'its signature [default: FILE.sigstore.json]',
  },
  targets: { type: 'string', describe: 'paths to verify, separated by colons, as an injecting policy mounts them' },
  mode: { type: 'string', describe: 'Enforce blocks on a violation, Audit only reports it [default: Enforce]' },
  'failure-policy': {
    type: 'string',
    describe: 'Fail blocks on what cannot be evaluated, or Ignore [default: Fail]',
  },
  report: { type: 'string', describe: 'write the full JSON report to this file' },
  verdict: { type: 'string', describe: 'write the signed verdict to this file: a SLSA Verification Summary' },
  'verdict-key': { type: 'string', describe: 'private key that signs it; its password is in COSIGN_PASSWORD' },
  part: { type: 'string', describe: 'verify one of N parts, from 0: I/N; the signed verdicts of all are merged' },
  'run-id': {
    type: 'string',
    describe: 'what the parts of one run have in common, e.g. the uid of the Job; required with --part',
  },
  receipts: { type: 'string', describe: 'folder with receipts of earlier verifications, where the policy allows them' },
  'receipt-key': { type: 'string', describe: 'private key that signs new receipts' },
  'verifier-image': { type: 'string', describe: 'digest of the image that this runs in, for the verdict: sha256:...' },
  'accept-verdict': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'file with a signed verdict that must say that this very content passed',
  },
  'verifier-key': { type: 'string', array: true, nargs: 1, describe: 'public key of a verifier whose verdict counts' },
  'verifier-id': { type: 'string', describe: 'verifier.id that the verdict must have' },
  'verdict-policy': { type: 'string', describe: 'SHA-256 of the policy that the verdict was reached by' },
  'verdict-max-age': { type: 'string', describe: 'most time since the verdict, e.g. 24h' },
  format: { type: 'string', describe: 'text or json lines [default: text on a terminal, json elsewhere]' },
  'termination-log': { type: 'string', default: TERMINATION_LOG, describe: 'where Kubernetes reads the last word' },
  ...TRUST_OPTIONS,
  ...HASH_OPTIONS,
  ...REMOTE_OPTIONS,
} as const satisfies Record<string, Options>;
