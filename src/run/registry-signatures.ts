import type { SignatureFile, StoredSignature } from '../evidence/index.ts';
import { entryText } from '../fs/index.ts';
import type { Resolved, UnreadPlace } from '../pull/index.ts';
import type { Digest } from '../registry/index.ts';
import type { Remote } from './remote.ts';
import type { SignatureStore } from './signature-store.ts';

/** The signatures of one manifest, in an OCI registry or an image layout. */
export class RegistrySignatures implements SignatureStore {
  readonly #remote: Remote;
  readonly #reference: string;
  readonly #digest: Digest;
  readonly #items: Resolved['layout']['items'];

  /** @param items - the files of the artifact, some of which may be signatures of it */
  constructor(remote: Remote, reference: string, digest: Digest, items: Resolved['layout']['items'] = []) {
    this.#remote = remote;
    this.#reference = reference;
    this.#digest = digest;
    this.#items = items;
  }

  async signatures(repository: string | undefined): Promise<{ stored: StoredSignature[]; unread: UnreadPlace[] }> {
    const reference = repository ?? this.#reference;
    const { layers, unread } = await this.#remote.from(reference, () =>
      this.#remote.pool.signatures(reference, this.#digest),
    );
    return { stored: layers.map((layer) => ({ ...layer, bytes: Buffer.from(layer.bytes) })), unread: [...unread] };
  }

  async signatureLayers(names: readonly string[]): Promise<SignatureFile[]> {
    const files: SignatureFile[] = [];
    for (const item of this.#items) {
      const name = item.kind === 'file' ? entryText(item.path) : '';
      if (!names.includes(name)) continue;
      const bytes = await this.#remote.from(this.#reference, () =>
        this.#remote.pool.smallBlob(this.#reference, item.descriptor),
      );
      files.push({ path: name, bytes: Buffer.from(bytes), links: 1 });
    }
    return files;
  }
}
