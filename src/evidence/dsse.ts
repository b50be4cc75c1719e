import { type Fields, MalformedError } from './strict-json.ts';

/** The one payload type there is for statements (in-toto attestation spec, envelope). */
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

/** Largest payload that is looked at: a manifest of 300,000 files has 48 MB, and parsed it takes several times that. */
const MAX_PAYLOAD_BYTES = 48 << 20;

/** A DSSE envelope with exactly one signature. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/**
 * Reads an envelope. Its payload is untrusted until the signature over `preAuthEncoding` was verified (S27).
 *
 * @throws MalformedError
 */
export function readEnvelope(fields: Fields): Envelope {
  const payloadType = fields.text('payloadType');
  // S15: only this type, byte for byte.
  if (payloadType !== IN_TOTO_TYPE) throw new MalformedError(`the payload type is not ${IN_TOTO_TYPE}`);
  const payload = fields.base64('payload');
  if (payload.length > MAX_PAYLOAD_BYTES) throw new MalformedError('the payload is too large');
  const [signature, ...more] = fields.objects('signatures', 32);
  if (signature === undefined || more.length > 0) throw new MalformedError('the envelope must have one signature');
  return { payloadType, payload, signature: signature.base64('sig') };
}

/** What is signed (DSSE protocol, "PAE"); lengths are in bytes. */
export function preAuthEncoding({ payloadType, payload }: Envelope): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}
