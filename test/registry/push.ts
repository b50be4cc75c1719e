// Puts blobs and manifests into a registry, byte for byte as a test wants them. Real tools push
// real artifacts elsewhere; this is for those that no tool makes.
import { createHash } from 'node:crypto';

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Record<string, string>;
}

export interface Pushed {
  readonly digest: string;
  readonly bytes: Buffer;
}

export const sha256 = (data: Buffer | string): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

export function descriptor({ mediaType, bytes, annotations }: Layer): Record<string, unknown> {
  return {
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** A registry by the origin of its API. */
export class Pusher {
  readonly #origin: string;
  readonly #headers: Record<string, string>;

  constructor(origin: string, headers: Record<string, string> = {}) {
    this.#origin = origin;
    this.#headers = headers;
  }

  async blob(repository: string, bytes: Buffer): Promise<string> {
    const start = await fetch(`${this.#origin}/v2/${repository}/blobs/uploads/`, {
      method: 'POST',
      headers: this.#headers,
    });
    const location = new URL(start.headers.get('location') ?? '', this.#origin);
    location.searchParams.set('digest', sha256(bytes));
    const headers = { ...this.#headers, 'content-type': 'application/octet-stream' };
    const put = await fetch(location, { method: 'PUT', headers, body: new Uint8Array(bytes) });
    if (put.status !== 201) throw new Error(`pushing a blob: ${put.status} ${await put.text()}`);
    return sha256(bytes);
  }

  async manifest(repository: string, tag: string, document: unknown, mediaType: string): Promise<Pushed> {
    const bytes = Buffer.from(JSON.stringify(document));
    const url = `${this.#origin}/v2/${repository}/manifests/${tag}`;
    const headers = { ...this.#headers, 'content-type': mediaType };
    const put = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) });
    if (put.status !== 201) throw new Error(`pushing a manifest: ${put.status} ${await put.text()}`);
    return { digest: sha256(bytes), bytes };
  }

  /** Pushes layers, a configuration and the manifest that names them. */
  async artifact(
    repository: string,
    tag: string,
    layers: readonly Layer[],
    options: { artifactType?: string; config?: Layer } = {},
  ): Promise<Pushed> {
    const config = options.config ?? { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };
    for (const { bytes } of [...layers, config]) await this.blob(repository, bytes);
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const document = {
      schemaVersion: 2,
      mediaType,
      ...(options.artifactType === undefined ? {} : { artifactType: options.artifactType }),
      config: descriptor(config),
      layers: layers.map(descriptor),
    };
    return this.manifest(repository, tag, document, mediaType);
  }
}

const TITLE = 'org.opencontainers.image.title';

/** A file as oras pushes it. */
export function titled(name: string, content: Buffer | string): Layer {
  return { mediaType: 'application/octet-stream', bytes: Buffer.from(content), annotations: { [TITLE]: name } };
}
