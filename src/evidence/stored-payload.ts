import { readSync } from 'node:fs';
import { nodeCrypto } from '../library/index.ts';
import type { HashName } from '../trust/index.ts';
import { Base64Stream } from './base64-stream.ts';
import { preAuthHead } from './dsse.ts';
import { type EvidenceError, invalidSignature } from './signer.ts';

/** Where in a file the text of a string stands: between its quotes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Bytes that are read at a time, and after so many others have their turn: a time limit, a signal.
 */
const PIECE_BYTES = 64 << 10;
const TURN_BYTES = 32 << 20;

/**
 * The payload of an envelope in a file: read from there as often as it is needed, and never in
 * memory as a whole. Whoever writes to the volume may change the file meanwhile; every time, it
 * must be what it was the first time.
 */
export class StoredPayload {
  readonly #descriptor: number;
  readonly #span: Span;
  readonly length: number;
  /** Of all of it. */
  readonly sha256: Buffer;
  /** Of what is signed: by hash, read once each. */
  readonly #signed = new Map<HashName, Promise<Buffer>>();

  constructor(descriptor: number, span: Span, length: number, sha256: Buffer) {
    this.#descriptor = descriptor;
    this.#span = span;
    this.length = length;
    this.sha256 = sha256;
  }

  /**
   * Pieces that are good until the next is asked for.
   *
   * @throws EvidenceError when it is not what it was; what the system says
   */
  async *pieces(): AsyncGenerator<Buffer> {
    let left = TURN_BYTES;
    for (const piece of this.piecesNow()) {
      yield piece;
      left -= piece.length;
      if (left > 0) continue;
      left = TURN_BYTES;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The same, while nothing else has its turn. */
  *piecesNow(): Generator<Buffer> {
    const hash = nodeCrypto().createHash('sha256');
    const decoder = new Base64Stream('the payload', false);
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let length = 0;
    for (let at = this.#span.start; at < this.#span.end; ) {
      const read = readSync(this.#descriptor, buffer, 0, Math.min(buffer.length, this.#span.end - at), at);
      if (read === 0) throw changed();
      at += read;
      const piece = decoder.push(buffer.subarray(0, read));
      length += piece.length;
      hash.update(piece);
      if (piece.length > 0) yield piece;
    }
    const last = decoder.end();
    if (last.length > 0) yield last;
    if (length + last.length !== this.length || !hash.update(last).digest().equals(this.sha256)) throw changed();
  }

  /** All of it, for what can only be done with that. */
  async bytes(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.pieces()) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  /** Digest of what is signed (DSSE), by this hash. */
  signedDigest(name: HashName, payloadType: string): Promise<Buffer> {
    const known = this.#signed.get(name) ?? this.#digestOf(name, payloadType);
    this.#signed.set(name, known);
    return known;
  }

  async #digestOf(name: HashName, payloadType: string): Promise<Buffer> {
    const hash = nodeCrypto().createHash(name).update(preAuthHead(payloadType, this.length));
    for await (const piece of this.pieces()) hash.update(piece);
    return hash.digest();
  }
}

function changed(): EvidenceError {
  return invalidSignature('the signature was changed while it was read');
}

/** The bytes of a payload, wherever they are: in pieces. */
export async function* piecesOf(payload: Buffer | StoredPayload): AsyncGenerator<Buffer> {
  if (payload instanceof StoredPayload) yield* payload.pieces();
  else for (let at = 0; at < payload.length; at += PIECE_BYTES) yield payload.subarray(at, at + PIECE_BYTES);
}
