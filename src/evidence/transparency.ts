import type { KeyObject } from 'node:crypto';
import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { SignatureContent } from '@sigstore/verify/dist/shared.types.js';
import type { TLogAuthority } from '@sigstore/verify/dist/trust/index.js';
import { library } from '../library/index.ts';
import { countDistinct, fingerprintOf } from '../trust/index.ts';
import { isOldAttestation, requireSameEnvelope, requireSameKey } from './log-entry.ts';
import { invalidSignature } from './signer.ts';
import type { StoredPayload } from './stored-payload.ts';

/** What the logs say about a signature. */
export interface Logged {
  /** Different logs that have it. */
  readonly logs: number;
  /** Times that a log vouched for by its own signature. */
  readonly times: readonly Date[];
  /** Index in the first of them. */
  readonly logIndex?: string;
  readonly deviations: readonly string[];
}

/** What an entry must be about. */
export interface Subject {
  readonly content: SignatureContent;
  readonly key: KeyObject;
  /** Envelope as it was stored, and what is in it, for entries of before 2023. */
  readonly envelope?: { readonly bytes: Buffer | undefined; readonly payload: Buffer | StoredPayload };
}

/**
 * Verifies transparency log entries: that the log has them, and that they are of this signature, of
 * these bytes and by this key (S1 to S3). An entry of a log that is not known says nothing, and is
 * not refused; a wrong one of a known log is.
 *
 * @param confirmed - times of the signature that are proved already, for entries that have none of
 * their own
 * @throws EvidenceError, and what the library throws
 */
export async function verifyEntries(
  entries: readonly TransparencyLogEntry[],
  subject: Subject,
  trusted: readonly TLogAuthority[],
  confirmed: readonly Date[],
): Promise<Logged> {
  const { verifyTLogInclusion, verifyTLogBody } = await library('sigstore');
  const logs: TLogAuthority[] = [];
  const bodies = new Set<string>();
  const times: Date[] = [];
  const deviations: string[] = [];
  let logIndex: string | undefined;
  for (const entry of entries) {
    const { keyId } = entry.logId;
    const known = trusted.filter(({ logID }) => logID.equals(keyId));
    if (known.length === 0) {
      deviations.push('it has an entry of a transparency log that is not known, which does not count');
      continue;
    }
    const promised = entry.inclusionPromise === undefined ? [] : [new Date(Number(entry.integratedTime) * 1000)];
    verifyTLogInclusion(
      entry,
      known.filter((log) => isInForce(log, promised.length > 0 ? promised : confirmed)),
    );
    if (!isOldAttestation(entry)) verifyTLogBody(entry, subject.content);
    else if (subject.envelope !== undefined)
      requireSameEnvelope(entry.canonicalizedBody, subject.envelope.bytes, subject.envelope.payload);
    else throw invalidSignature('a log entry of an attestation, and none is here');
    requireSameKey(entry.canonicalizedBody, subject.key);
    // S13: a proof says nothing of the index, so the same entry could be shown under many.
    const body = `${keyId.toString('hex')} ${entry.canonicalizedBody.toString('base64')}`;
    if (bodies.has(body)) throw invalidSignature('it has a duplicate entry of a transparency log');
    bodies.add(body);
    logs.push(...known.slice(0, 1));
    times.push(...promised);
    logIndex ??= entry.logIndex;
  }
  return {
    logs: countDistinct(logs.map(logLabels)),
    times,
    deviations,
    ...(logIndex === undefined ? {} : { logIndex }),
  };
}

/** S13: a log is told by its name and by its key, so that one that a root lists twice is one. */
export function logLabels({ logID, publicKey }: TLogAuthority): readonly string[] {
  return [`log ${logID.toString('hex')}`, `key ${fingerprintOf(publicKey)}`];
}

/**
 * The key of a log counts for its years; the library asks that of entries with a time of their own
 * only.
 */
function isInForce({ validFor: { start, end } }: TLogAuthority, times: readonly Date[]): boolean {
  return (times.length > 0 ? times : [new Date()]).every((time) => start <= time && time <= end);
}
