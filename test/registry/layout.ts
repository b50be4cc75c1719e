// Writes OCI image layouts byte for byte as a test wants them; real tools wrote those of
// test/fixtures/oci-layout.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { descriptor, type Layer, sha256 } from './push.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG: Layer = { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };

/** An entry of `index.json`, or of an index. */
export interface Entry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

export class LayoutWriter {
  readonly path: string;
  /** What `finish` writes into `index.json`. */
  readonly entries: unknown[] = [];

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
  }

  blob(bytes: Buffer | string): string {
    const digest = sha256(bytes);
    writeFileSync(this.pathOf(digest), bytes);
    return digest;
  }

  pathOf(digest: string): string {
    return join(this.path, 'blobs', digest.replace(':', '/'));
  }

  document(json: unknown, mediaType = MANIFEST): Entry {
    const bytes = Buffer.from(JSON.stringify(json));
    return { mediaType, digest: this.blob(bytes), size: bytes.length };
  }

  manifest(layers: readonly Layer[], more: Record<string, unknown> = {}): Entry {
    for (const { bytes } of [...layers, CONFIG]) this.blob(bytes);
    const parts = { config: descriptor(CONFIG), layers: layers.map(descriptor) };
    return this.document({ schemaVersion: 2, mediaType: MANIFEST, ...parts, ...more });
  }

  index(manifests: readonly unknown[]): Entry {
    return this.document({ schemaVersion: 2, mediaType: INDEX, manifests }, INDEX);
  }

  /** Lists an entry, under a name if one is given. */
  list(entry: Entry, name?: string): Entry {
    const annotations = { 'org.opencontainers.image.ref.name': name };
    this.entries.push(name === undefined ? entry : { ...entry, annotations });
    return entry;
  }

  /** Writes what says that it is a layout, and what there is in it. */
  finish(marker: unknown = { imageLayoutVersion: '1.0.0' }): this {
    writeFileSync(join(this.path, 'oci-layout'), JSON.stringify(marker));
    const index = { schemaVersion: 2, mediaType: INDEX, manifests: this.entries };
    writeFileSync(join(this.path, 'index.json'), JSON.stringify(index));
    return this;
  }
}
