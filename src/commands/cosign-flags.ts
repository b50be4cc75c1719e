import type { Options } from 'yargs';
import { usage } from './usage.ts';

/** Flags of cosign that are ours by another name. */
const ALIASES: Readonly<Record<string, string>> = {
  a: 'annotations',
  annotation: 'annotations',
  bundle: 'signature',
  'max-workers': 'concurrency',
  'private-infrastructure': 'insecure-ignore-tlog',
};

/** Flags of cosign that ask for what is always so, and with which value. */
const ALWAYS: Readonly<Record<string, string>> = {
  offline: 'true',
  'new-bundle-format': 'true',
  'experimental-oci11': 'true',
  'check-claims': 'true',
};

/** Flags of cosign that have no counterpart, and what to do instead. */
const ANSWERS: Readonly<Record<string, string>> = {
  'allow-insecure-registry': 'name the CA (--registry-cacert FILE), or the host: --plain-http HOST[:PORT]',
  attachment: 'leave it out: what is verified is the artifact itself',
  'attachment-tag-prefix': 'name the repository of the signatures: --signature-repository',
  'certificate-email': 'use --certificate-identity',
  digest: 'pin the content with --sha256',
  digestAlg: 'leave it out: it is SHA-256',
  d: 'leave it out: the log has everything',
  experimental: 'leave it out',
  'k8s-keychain': 'mount the pull secret: --registry-config FILE',
  'local-image': 'name the layout: oci-layout://PATH',
  output: 'use --format text, --format json or --report FILE',
  'output-file': 'use --report FILE',
  o: 'use --format text, --format json or --report FILE',
  payload: 'leave it out: the payload is in the registry, beside the signature',
  predicate: 'ask for a type and conditions: --type, --condition',
  'registry-client-cert': 'use a registry or mirror that takes a pull secret: --registry-config FILE',
  'registry-client-key': 'use a registry or mirror that takes a pull secret: --registry-config FILE',
  'registry-referrers-mode': 'leave it out: referrers and tags are both looked at',
  'registry-server-name': 'name the host as its certificate does, or use --mirror REGISTRY=HOST',
  'rekor-url': 'leave it out: no log is asked; the keys of a log of your own are in --trusted-root FILE',
  'rfc3161-timestamp': 'put it into the bundle: cosign bundle create, or sign with --bundle',
  sct: 'leave it out: it is in the certificate or the bundle',
  'signature-digest-algorithm': 'leave it out: the key says which one',
  sk: 'export the public key of the token: cosign public-key --sk > FILE; then --key FILE',
  slot: 'export the public key of the token: cosign public-key --sk > FILE; then --key FILE',
  'trusted-root-path': 'use --trusted-root FILE',
  verbose: 'leave it out: the log has everything',
};

/**
 * A word as Weighlock calls it: cosign's names are taken where they mean the same, and answered
 * where they do not. Only for commands that verify; an option of ours always comes first.
 *
 * @returns no word for what is always so
 * @throws WeighlockError `USAGE`, with what to write instead
 */
export function fromCosign(word: string, options: Readonly<Record<string, Options>>): string[] {
  if (!Object.hasOwn(options, 'insecure-ignore-tlog')) return [word];
  const [, dashes = '', name = '', value] = /^(--?)([a-zA-Z0-9-]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (name === '' || (dashes === '-' && name.length > 1) || Object.hasOwn(options, name)) return [word];
  const alias = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
  if (alias !== undefined) return [`--${alias}${value === undefined ? '' : `=${value}`}`];
  const always = Object.hasOwn(ALWAYS, name) ? ALWAYS[name] : undefined;
  if (always !== undefined && (value ?? 'true') === always) return [];
  if (always !== undefined) throw usage(`${dashes}${name}=${value} is not possible`, 'leave it out');
  const answer = Object.hasOwn(ANSWERS, name) ? ANSWERS[name] : undefined;
  if (answer === undefined) return [word];
  throw usage(`${dashes}${name} is cosign's, and Weighlock has none`, answer);
}

/** Where cosign finds keys that are no files, and how to get them out of there. */
const KEY_SERVICES: Readonly<Record<string, string>> = {
  awskms: 'a key management service is not asked while verifying',
  gcpkms: 'a key management service is not asked while verifying',
  azurekms: 'a key management service is not asked while verifying',
  hashivault: 'a key management service is not asked while verifying',
  k8s: 'a verifier does not ask the API server',
  pkcs11: 'a hardware token is not asked while verifying',
  gitlab: 'GitLab is not asked while verifying',
  github: 'GitHub is not asked while verifying',
  https: 'a key that is fetched is whatever the server sends',
  http: 'a key that is fetched is whatever the server sends',
};

/**
 * @throws WeighlockError `USAGE` for a key that is neither a file nor `env://NAME`
 */
export function requireKeyFile(key: string): void {
  const [, scheme] = /^([a-z0-9]+):/i.exec(key) ?? [];
  const why = Object.hasOwn(KEY_SERVICES, scheme ?? '') ? KEY_SERVICES[scheme ?? ''] : undefined;
  if (why === undefined || !key.startsWith(`${scheme}:`)) return;
  throw usage(
    `--key cannot be "${key}": ${why}`,
    scheme === 'k8s'
      ? 'mount the secret as a volume and name its cosign.pub'
      : `print the public key once and mount it as a file: cosign public-key --key ${key} > cosign.pub`,
  );
}
