import { existsSync } from 'node:fs';
import type { Failure } from '../error/index.ts';
import { type Location, locationText } from '../source/index.ts';

/**
 * What is missed, or differs, when the folder of a layout is verified in the place of the artifact
 * in it.
 */
const TELLING = new Set(['SIGNATURE_MISSING', 'ATTESTATION_MISSING', 'SIGNATURE_INVALID', 'DIGEST_MISMATCH']);

/**
 * Says so where an OCI image layout was named by its path: it was verified as the folder that it
 * is, and its signatures are of the artifact in it. Whatever lies there, it is refused; only the
 * words change.
 */
export function nameLayout(failures: readonly Failure[], source: Location): readonly Failure[] {
  if (source.kind !== 'volume' || !failures.some(isTelling)) return failures;
  if (!['oci-layout', 'index.json'].every((name) => existsSync(`${source.path}/${name}`))) return failures;
  const remedy = `for the artifact in it: weighlock verify oci-layout://${locationText(source)} DESTINATION`;
  return failures.map((failure) =>
    isTelling(failure)
      ? { ...failure, message: `${failure.message}; this folder is an OCI image layout`, remedy }
      : failure,
  );
}

function isTelling({ code, file }: Failure): boolean {
  return TELLING.has(code) && file === undefined;
}
