import { sha256 } from '../library/index.ts';
import type { Attestor } from '../trust/index.ts';
import type { Bundle } from './bundle.ts';
import { MAX_PAYLOAD_BYTES } from './dsse.ts';
import { EvidenceError, invalidSignature, type Signer } from './signer.ts';
import { piecesOf, StoredPayload } from './stored-payload.ts';
import { type Json, MalformedError, parseStrictJson } from './strict-json.ts';
import { verifyBundle } from './verify-bundle.ts';

/** How a payload was signed: what its type must be for that to count is for its reader to say. */
export interface Manner {
  /** Not in the logs that the attestor asks for. */
  readonly logless?: EvidenceError;
  /** In the encoding of model_signing 0.2. */
  readonly legacy?: true;
}

/** Largest payload in the old encoding that is looked at only to say which flag is missing. */
const MAX_HINTED_BYTES = 1 << 20;

/**
 * Bytes that somebody who is trusted signed, and who that was. Nothing can read a payload but
 * through one of these, and there is no other way to one than to verify the signature over the
 * bytes as they came: what an attacker makes of a payload costs one hash (fifty megabytes of junk
 * once took a gigabyte to parse, before anybody looked who had signed).
 */
export class SignedPayload {
  readonly signer: Signer;
  readonly manner: Manner;
  #bytes: Buffer | StoredPayload;

  private constructor(bytes: Buffer | StoredPayload, signer: Signer, manner: Manner) {
    this.#bytes = bytes;
    this.signer = signer;
    this.manner = manner;
  }

  /**
   * The payload of an envelope.
   *
   * @param legacyModels - takes the encoding of model_signing 0.2, too
   * @throws EvidenceError
   */
  static async ofEnvelope(bundle: Bundle, attestor: Attestor, legacyModels: boolean): Promise<SignedPayload> {
    const { content } = bundle;
    if (content.kind !== 'envelope') throw invalidSignature('it is a signature of a file, not of a statement');
    const { payload } = content.envelope;
    const attempt = async (manner: Manner) => {
      const { logless, legacy = false } = manner;
      const signer = await verifyBundle(bundle, attestor, { logless: logless !== undefined, legacy });
      return new SignedPayload(payload, signer, manner);
    };
    const first = await settled(attempt({}));
    if (first instanceof SignedPayload) return first;
    // Identities have their certificates for ten minutes: without a log, or another time, they are
    // nothing.
    if (attestor.kind === 'keyless') throw first;
    const second = attestor.logs.transparencyLogs > 0 ? await settled(attempt({ logless: first })) : first;
    if (second instanceof SignedPayload) return second;
    if (!legacyModels && payload.length > MAX_HINTED_BYTES) throw second;
    const third = await settled(attempt({ logless: first, legacy: true }));
    // What asks for least says most about what is wrong.
    if (!(third instanceof SignedPayload)) throw second;
    if (!legacyModels) throw needsFlag();
    return third;
  }

  /**
   * Bytes of which a message signature has the digest.
   *
   * @throws EvidenceError
   */
  static async ofMessage(bundle: Bundle, bytes: Buffer, attestor: Attestor): Promise<SignedPayload> {
    const { content } = bundle;
    const isOfThese =
      content.kind === 'message' && content.message.hash === 'sha256' && content.message.digest.equals(sha256(bytes));
    if (!isOfThese) throw invalidSignature('it is not a signature of these bytes');
    return new SignedPayload(bytes, await verifyBundle(bundle, attestor), {});
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Has all of it in memory. @throws MalformedError where that is too much */
  async hold(): Promise<void> {
    if (!(this.#bytes instanceof StoredPayload)) return;
    if (this.length > MAX_PAYLOAD_BYTES)
      throw new MalformedError(`the payload has ${this.length} bytes: only a list of files may be so large`);
    this.#bytes = await this.#bytes.bytes();
  }

  /** @throws MalformedError */
  json(what: string, mostValues?: number): Json {
    if (this.#bytes instanceof StoredPayload) throw new MalformedError(`${what} is not in memory`);
    return parseStrictJson(this.#bytes, what, mostValues);
  }

  /** The same bytes once more, where they were left in a file: each time, they must be the same. */
  get again(): (() => Iterable<Buffer>) | undefined {
    const bytes = this.#bytes;
    return bytes instanceof StoredPayload ? () => bytes.piecesNow() : undefined;
  }

  /** The same bytes, a few at a time. */
  pieces(): AsyncGenerator<Buffer> {
    return piecesOf(this.#bytes);
  }
}

/** What was verified, or why it does not count. */
async function settled(attempt: Promise<SignedPayload>): Promise<SignedPayload | EvidenceError> {
  try {
    return await attempt;
  } catch (error) {
    if (error instanceof EvidenceError) return error;
    throw error;
  }
}

/** Why a model signature of before 1.0 does not count, and what to do about it. */
export function needsFlag(): EvidenceError {
  return new EvidenceError(
    'SIGNATURE_INVALID',
    'it is of a format before OpenSSF Model Signing 1.0: sign the model again, or --allow-legacy-model-signatures',
  );
}
