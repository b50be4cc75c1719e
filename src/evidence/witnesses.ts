import type { KeyObject, X509Certificate } from 'node:crypto';
import type { SignatureContent } from '@sigstore/verify/dist/shared.types.js';
import { WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { type Attestor, countDistinct, fingerprintOf, trustMaterial } from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import { certificatesIn, parseCertificate } from './certificate.ts';
import { EvidenceError, invalidSignature, type Signer } from './signer.ts';
import type { JsonObject } from './strict-json.ts';
import { type Stamp, type TimestampAuthority, verifyTimestamp } from './timestamp.ts';
import { type Logged, logLabels, verifyEntries } from './transparency.ts';

/**
 * What is signed, as the library asks about it: an envelope, or a digest that stands for bytes of
 * any number.
 */
export type Content = SignatureContent;

/** What others than the signer say about a signature. */
export interface Witnessed extends Pick<Signer, 'logIndex' | 'deviations'> {
  /** When it was made, by everybody whose word counts. */
  readonly times: readonly Date[];
}

const NOBODY: Logged = { logs: 0, times: [], deviations: [] };

/**
 * Verifies time stamps and transparency log entries, and that there are as many of different ones
 * as the attestor asks for. What does not count lends no time either (S14).
 *
 * @param key - that made the signature, for entries to name it
 * @param logless - methods of OpenSSF Model Signing that have no log; one is asked for only by a
 * number that was given
 * @throws WeighlockError `CONFIG_INVALID` for more logs or authorities than there are;
 * EvidenceError, and what the library throws
 */
export async function verifyWitnesses(
  bundle: Bundle,
  content: Content,
  attestor: Attestor,
  key: KeyObject,
  logless: boolean,
): Promise<Witnessed> {
  const { transparencyLogs, timestampAuthorities, isLogRequired = false } = attestor.logs;
  const asksLogs = transparencyLogs > 0 && (!logless || isLogRequired);
  await requireAttainable(attestor);
  const { hasStamps, hasEntries } = bundle;
  if (!hasStamps && !(asksLogs && hasEntries)) {
    requireLogs(0, asksLogs ? transparencyLogs : 0);
    requireAuthorities(0, timestampAuthorities);
    // Nobody said anything, and nobody is asked: Sigstore's code need not be loaded.
    return { times: [], deviations: [] };
  }
  const { bundleFromJSON } = await library('sigstore');
  const { verificationMaterial } = bundleFromJSON(withoutSigner(bundle));
  const trusted = await trustMaterial(attestor.trustedRoot);
  const deviations: string[] = [];
  const stamps: Stamp[] = [];
  const authorities = authoritiesOf(trusted, attestor);
  for (const { signedTimestamp } of verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? []) {
    const stamp = await verifyEither(signedTimestamp, [content.signature, bundle.envelopeBytes], authorities);
    if (stamp === undefined)
      deviations.push('it has a timestamp by an authority that is not known, which does not count');
    else stamps.push(stamp);
  }
  const confirmed = stamps.map(({ time }) => time);
  const envelope =
    bundle.content.kind === 'envelope'
      ? { envelope: { bytes: bundle.envelopeBytes, payload: bundle.content.envelope.payload } }
      : {};
  const logged = asksLogs
    ? await verifyEntries(verificationMaterial.tlogEntries, { content, key, ...envelope }, trusted.tlogs, confirmed)
    : NOBODY;
  requireLogs(logged.logs, asksLogs ? transparencyLogs : 0);
  requireAuthorities(
    countDistinct(stamps.map(({ authority, leaf }) => labelsOf(authority, leaf))),
    timestampAuthorities,
  );
  return {
    times: timestampAuthorities > 0 ? confirmed : [...confirmed, ...logged.times],
    ...(logged.logIndex === undefined ? {} : { logIndex: logged.logIndex }),
    deviations: [...deviations, ...logged.deviations],
  };
}

/**
 * Whose signature it is was read before; the library wants no chain of a private PKI, nor a key, in
 * new bundles.
 */
function withoutSigner({ json }: Bundle): JsonObject {
  const { publicKey, certificate, x509CertificateChain, ...rest } = json['verificationMaterial'] as JsonObject;
  return { ...json, verificationMaterial: { ...rest, publicKey: { hint: '' } } };
}

/** Cosign stamped old attestations as they were stored, and later their signature. */
async function verifyEither(
  token: Buffer,
  [signature, envelope]: readonly [Buffer, Buffer | undefined],
  authorities: readonly TimestampAuthority[],
): Promise<Stamp | undefined> {
  try {
    return await verifyTimestamp(token, signature, authorities);
  } catch (error) {
    if (envelope === undefined || !(error instanceof EvidenceError)) throw error;
    return verifyTimestamp(token, envelope, authorities);
  }
}

/**
 * S13: an authority is told by its place in the root, and by the key and the name that it signs
 * with.
 */
function labelsOf({ chain }: TimestampAuthority, leaf: X509Certificate): readonly string[] {
  const entry = chain.map(({ fingerprint256 }) => fingerprint256);
  return [entry.join(' '), `key ${fingerprintOf(leaf.publicKey)}`, `${leaf.subject} under ${entry.at(-1)}`];
}

/**
 * A number that no signature could ever meet is a mistake of the platform, and no fault of a
 * signature.
 */
async function requireAttainable(attestor: Attestor): Promise<void> {
  const { transparencyLogs, certificateLogs, timestampAuthorities } = attestor.logs;
  if (Math.max(transparencyLogs, certificateLogs, timestampAuthorities) <= 1) return;
  const trusted = await trustMaterial(attestor.trustedRoot);
  const authorities = authoritiesOf(trusted, attestor).flatMap((one) =>
    one.chain[0] ? [labelsOf(one, one.chain[0])] : [],
  );
  const known = [
    ['transparency logs', transparencyLogs, countDistinct(trusted.tlogs.map(logLabels))],
    ['certificate logs', certificateLogs, countDistinct(trusted.ctlogs.map(logLabels))],
    ['timestamp authorities', timestampAuthorities, countDistinct(authorities)],
  ] as const;
  for (const [what, asked, most] of known)
    if (asked > 1 && asked > most)
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: `${asked} ${what} are asked for, and the trusted root has ${most}`,
        remedy: 'lower the threshold, or give a trusted root that knows as many',
      });
}

type Trusted = Awaited<ReturnType<typeof trustMaterial>>;

function authoritiesOf({ timestampAuthorities }: Trusted, { timestampChain }: Attestor): TimestampAuthority[] {
  return [...timestampAuthorities.map(authorityOf), ...ownAuthority(timestampChain)];
}

function authorityOf({
  certChain,
  validFor,
}: Awaited<ReturnType<typeof trustMaterial>>['timestampAuthorities'][number]): TimestampAuthority {
  return { chain: certChain.map((one) => parseCertificate(one.root.toDER())), validFor };
}

function ownAuthority(pem: string | undefined): TimestampAuthority[] {
  if (pem === undefined) return [];
  return [{ chain: certificatesIn(pem), validFor: { start: new Date(0), end: new Date(8.64e15) } }];
}

function requireLogs(found: number, needed: number): void {
  if (found < needed)
    throw invalidSignature(`${found} transparency logs (tlog) that are trusted have it, not ${needed}`);
}

function requireAuthorities(found: number, needed: number): void {
  if (found < needed)
    throw invalidSignature(`it has timestamps of ${found} authorities that are trusted, not ${needed}`);
}
