import { WeighlockError } from '../error/index.ts';
import type { Rejected } from './proof.ts';
import { EvidenceError } from './signer.ts';
import { MalformedError } from './strict-json.ts';

/** @throws WeighlockError as it is: what the platform configured is no fault of a signature */
export function rejection(error: unknown, where: string, attestor?: string): Rejected {
  if (error instanceof WeighlockError) throw error;
  const as = attestor === undefined ? '' : ` as ${attestor}`;
  if (error instanceof EvidenceError) return { where, code: error.code, why: `${error.message}${as}` };
  const why = error instanceof MalformedError ? error.message : 'it cannot be read';
  return { where, code: 'SIGNATURE_INVALID', why };
}
