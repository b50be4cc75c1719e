import { WeighlockError } from '../error/index.ts';
import { type Digests, isOfFile, type Proof, proveFiles, type SignatureFile } from '../evidence/index.ts';
import type { SignatureRequirement } from '../plan/index.ts';
import { tooFewSigners } from '../verdict/index.ts';
import { countedFiles } from './evidence-files.ts';
import { readSignatureFiles } from './signature-files.ts';
import { fitting, purposeOf } from './signature-places.ts';
import { perhapsElsewhere } from './unread-places.ts';

/**
 * A checksums file that was signed is as good as one that is pinned.
 *
 * @param digests - of the checksums file
 */
export async function requireSigned(
  requirement: SignatureRequirement,
  locate: (name: string) => string,
  digests: Digests,
): Promise<SignatureFile[]> {
  const { files, unread, ...read } = await readSignatureFiles(requirement.files, locate);
  const proving = proveFiles(files, requirement.attestors, digests, purposeOf(requirement));
  const { closed, ...found } = await proving.finally(() => {
    for (const { close } of files) close?.();
  });
  const all = await fitting(requirement, found);
  const proofs: Proof[] = [];
  const rejected = [...all.rejected, ...read.rejected];
  for (const proof of all.proofs) {
    const { binding, where } = proof;
    if (isOfFile(binding, digests)) proofs.push(proof);
    else rejected.push({ where, code: 'SIGNATURE_INVALID', why: 'it is a signature of something else' });
  }
  const failure = tooFewSigners(requirement, { ...all, proofs, rejected });
  if (failure === undefined) return countedFiles(closed, { proofs, rejected });
  const { message, ...rest } = perhapsElsewhere(failure, unread);
  throw new WeighlockError({ ...rest, message: `the checksums file: ${message}` });
}
