import { COSIGN_SIGN_TYPE } from './cosign.ts';
import { LEGACY_MODEL_TYPE } from './legacy-model.ts';
import { MODEL_SIGNATURE_TYPE } from './model-signature.ts';
import { EvidenceError } from './signer.ts';

/**
 * What a signature must be meant as to count: a signature, which says "this is ours" and nothing
 * else, or an attestation of one type. A review that says REJECTED is signed by the same people,
 * and is neither a signature nor another type.
 */
export type Purpose = 'signature' | { readonly predicateType: string };

/**
 * Type of what was signed: of a statement, or `undefined` where the bytes themselves were
 * (`cosign sign-blob`).
 */
export type SignedType = string | undefined;

/**
 * The one rule that keeps signatures and attestations apart (S4, S7): whoever verifies a signature
 * of any form asks here.
 *
 * @throws EvidenceError `SIGNATURE_MISSING` or `ATTESTATION_MISSING`: it was made by the right
 * person, for something else
 */
export function requirePurpose(type: SignedType, purpose: Purpose, legacyModels = false): void {
  const fits = purpose === 'signature' ? isSignature(type, legacyModels) : isOfType(type, purpose.predicateType);
  if (fits) return;
  const code = purpose === 'signature' ? 'SIGNATURE_MISSING' : 'ATTESTATION_MISSING';
  const found = type === undefined ? 'it is a plain signature' : `it is of the type ${type.slice(0, 200)}`;
  throw new EvidenceError(code, found);
}

/**
 * Bytes as they are, cosign's statement that is a signature (v3), or a list of the files of a
 * model.
 */
function isSignature(type: SignedType, legacyModels: boolean): boolean {
  if (type === undefined || type === COSIGN_SIGN_TYPE || MODEL_SIGNATURE_TYPE.test(type)) return true;
  return legacyModels && type === LEGACY_MODEL_TYPE;
}

/** Predicates of very old cosign versions lack the scheme. */
function isOfType(type: SignedType, wanted: string): boolean {
  return type !== undefined && (type === wanted || `https://${type}` === wanted);
}
