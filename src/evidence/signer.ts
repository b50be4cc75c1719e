import type { Failure } from '../error/index.ts';

/** Who signed, proved. */
export interface Signer {
  /** Name of the attestor whose signature this is. */
  readonly attestor: string;
  /** SHA-256 of the key's SubjectPublicKeyInfo, hex. */
  readonly fingerprint: string;
  /** Of a certificate: whom it was issued to, and who vouched. */
  readonly subject?: string;
  readonly issuer?: string;
  /** Every name in the certificate: whoever has two of them is one person. */
  readonly names?: readonly string[];
  /** The verified time of the signature. */
  readonly time?: Date;
  /** Index in the transparency log. */
  readonly logIndex?: string;
  /** What differs from the rule and was let pass, in words. */
  readonly deviations: readonly string[];
}

/** Why a signature does not count; the reasons of several are shown together. */
export class EvidenceError extends Error {
  readonly code: Failure['code'];

  constructor(code: Failure['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export const invalidSignature = (message: string, cause?: unknown) =>
  new EvidenceError('SIGNATURE_INVALID', message, { cause });

export const untrusted = (message: string) => new EvidenceError('SIGNER_UNTRUSTED', message);
