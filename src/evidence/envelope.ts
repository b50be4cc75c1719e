import type { Attestor } from '../trust/index.ts';
import { refuseAnnotations } from './annotations.ts';
import type { Bundle } from './bundle.ts';
import type { Envelope } from './dsse.ts';
import { LEGACY_MODEL_TYPE, parseLegacyManifest } from './legacy-model.ts';
import { MAX_RESOURCES, MODEL_SIGNATURE_TYPE, type ModelManifest, parseModelManifest } from './model-signature.ts';
import type { Signer } from './signer.ts';
import { parseStatement, type Statement } from './statement.ts';
import { verifyBundle } from './verify-bundle.ts';

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
 * Verifies who signed an envelope, and reads what it says.
 *
 * @throws EvidenceError, MalformedError
 */
export async function proveEnvelope(
  bundle: Bundle,
  { payload }: Envelope,
  attestor: Attestor,
  { legacyModels = false }: Accepted,
): Promise<SignedStatement> {
  // What decides here whether a log is asked for is not trusted yet: it can only be stricter with whom signs statements.
  const unproved = statementIn(payload, legacyModels);
  const type = 'predicateType' in unproved ? unproved.predicateType : '';
  const isLegacy = legacyModels && type === LEGACY_MODEL_TYPE;
  const isModel = isLegacy || MODEL_SIGNATURE_TYPE.test(type);
  const signer = await verifyBundle(bundle, attestor, { logless: isModel, legacy: isLegacy });
  if (!('predicateType' in unproved)) throw unproved.error;
  // The signature is over the bytes that this was parsed from.
  const statement = unproved;
  if (!isModel) return { signer, statement };
  refuseAnnotations(attestor.annotations);
  const manifest = isLegacy ? parseLegacyManifest(statement) : parseModelManifest(statement);
  return { signer: { ...signer, deviations: [...signer.deviations, ...manifest.deviations] }, statement, manifest };
}

function statementIn(payload: Buffer, legacyModels: boolean): Statement | { readonly error: unknown } {
  try {
    return parseStatement(payload, legacyModels ? MAX_RESOURCES : undefined);
  } catch (error) {
    return { error };
  }
}
