import { type Attestor, parsePublicKey } from '../trust/index.ts';
import { refuseAnnotations } from './annotations.ts';
import type { Bundle } from './bundle.ts';
import { LEGACY_MODEL_TYPE, parseLegacyManifest } from './legacy-model.ts';
import { MODEL_SIGNATURE_TYPE, type ModelManifest, readModelSignature } from './model-signature.ts';
import { type Purpose, requirePurpose } from './purpose.ts';
import { needsFlag, SignedPayload } from './signed-payload.ts';
import { invalidSignature, type Signer } from './signer.ts';
import { parseStatement, predicateTypeOf, type Statement } from './statement.ts';
import { hintsOf } from './verify-bundle.ts';

/** Files in a signature of before 1.0, which are objects while they are read. */
const MAX_SUBJECTS = 1_000_000;

/** What is accepted beside the formats in force, because the platform says so. */
export interface Accepted {
  /** Model signatures of before OpenSSF Model Signing 1.0. */
  readonly legacyModels?: boolean;
}

/** A statement that an attestor signed. */
export interface SignedStatement {
  readonly signer: Signer;
  readonly statement: Statement;
  /** Of a model signature: what it lists. */
  readonly manifest?: ModelManifest;
}

/**
 * Verifies who signed an envelope, and then reads what it says.
 *
 * @throws EvidenceError, MalformedError
 */
export async function proveEnvelope(
  bundle: Bundle,
  attestor: Attestor,
  purpose: Purpose,
  { legacyModels = false }: Accepted,
): Promise<SignedStatement> {
  const payload = await SignedPayload.ofEnvelope(bundle, attestor, legacyModels);
  const { signer, manner } = payload;
  const { statement, ...read } = await readPayload(payload);
  const { predicateType } = statement;
  const isLegacy = predicateType === LEGACY_MODEL_TYPE;
  const isModel = isLegacy || MODEL_SIGNATURE_TYPE.test(predicateType);
  // Model Signing knows no log for keys and certificates, and version 0.2 had an encoding of its
  // own; nobody else has.
  if (manner.legacy === true && !isLegacy)
    throw invalidSignature('it is signed as model_signing 0.2 did, and is not of it');
  if (manner.logless !== undefined && !isModel) throw manner.logless;
  if (isLegacy && !legacyModels && purpose === 'signature') throw needsFlag();
  requirePurpose(predicateType, purpose, legacyModels);
  if (!isModel) return { signer, statement };
  refuseAnnotations(attestor.annotations);
  requireOwnHint(bundle, attestor);
  const manifest = read.manifest ?? parseLegacyManifest(statement);
  return { signer: { ...signer, deviations: [...signer.deviations, ...manifest.deviations] }, statement, manifest };
}

/** Lists of files are read as streams, whatever their size; anything else at once. */
async function readPayload(payload: SignedPayload): Promise<Pick<SignedStatement, 'statement' | 'manifest'>> {
  if (MODEL_SIGNATURE_TYPE.test(await predicateTypeOf(payload))) return readModelSignature(payload);
  await payload.hold();
  return { statement: parseStatement(payload, (type) => (type === LEGACY_MODEL_TYPE ? MAX_SUBJECTS : undefined)) };
}

/** OMS section 4.2: a hint that is there is that of the key. */
function requireOwnHint({ material }: Bundle, attestor: Attestor): void {
  if (material.kind !== 'key' || attestor.kind !== 'key' || material.hint === '') return;
  const { key } = parsePublicKey(attestor.pem, attestor.name);
  if (!hintsOf(key).includes(material.hint)) throw invalidSignature('its hint names another key than the one it is by');
}
