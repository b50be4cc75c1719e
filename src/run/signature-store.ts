import type { SignatureFile, StoredSignature } from '../evidence/index.ts';
import type { UnreadPlace } from '../pull/index.ts';

/** Where signatures of a resolved artifact are stored. */
export interface SignatureStore {
  /** Files of the artifact that may be signatures of it, by name; fetched before the rest. */
  signatureLayers(names: readonly string[]): Promise<SignatureFile[]>;
  /**
   * What is stored as signatures of its manifest.
   *
   * @param repository - undefined: where the artifact is
   */
  signatures(
    repository: string | undefined,
  ): Promise<{ readonly stored: readonly StoredSignature[]; readonly unread: readonly UnreadPlace[] }>;
}
