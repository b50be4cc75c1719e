import type { StoredPayload } from './stored-payload.ts';
import { type Fields, MalformedError } from './strict-json.ts';

/** The one payload type there is for statements (in-toto attestation spec, envelope). */
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

/**
 * Largest payload that is parsed at once, which takes several times that; lists of files are read
 * as streams.
 */
export const MAX_PAYLOAD_BYTES = 48 << 20;

/** A DSSE envelope with exactly one signature. */
export interface Envelope {
  readonly payloadType: string;
  /** In memory where it is small, or came in a registry's answer. */
  readonly payload: Buffer | StoredPayload;
  readonly signature: Buffer;
}

/** What large texts in a file of signatures are, by the names that stand for them. */
export type StoredPayloads = ReadonlyMap<string, StoredPayload>;

/**
 * Reads an envelope. Its payload is untrusted until the signature over `preAuthEncoding` was
 * verified (S27).
 *
 * @throws MalformedError
 */
export function readEnvelope(fields: Fields, stored: StoredPayloads = new Map()): Envelope {
  const payloadType = fields.text('payloadType');
  // S15: only this type, byte for byte.
  if (payloadType !== IN_TOTO_TYPE) throw new MalformedError(`the payload type is not ${IN_TOTO_TYPE}`);
  const payload = stored.get(fields.text('payload')) ?? fields.base64('payload');
  if (payload instanceof Uint8Array && payload.length > MAX_PAYLOAD_BYTES)
    throw new MalformedError('the payload is too large');
  const [signature, ...more] = fields.objects('signatures', 32);
  if (signature === undefined || more.length > 0) throw new MalformedError('the envelope must have one signature');
  return { payloadType, payload, signature: signature.base64('sig') };
}

/** What is signed (DSSE protocol, "PAE"); lengths are in bytes. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  return Buffer.concat([preAuthHead(payloadType, payload.length), payload]);
}

/** All of that but the payload, with which it ends. */
export function preAuthHead(payloadType: string, length: number): Buffer {
  return Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${length} `);
}
