// The demo model as an OCI artifact, the way `oras push` makes one: each file a layer with its name
// as title. The same bytes at every run, so that the digest in examples/inference-pod-oci.yaml
// holds.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeModel } from './make-artifacts.ts';

export interface OciModel {
  /** Digest -> content of every blob. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly manifest: Buffer;
  readonly digest: string;
}

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export function ociModel(): OciModel {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-oci-'));
  try {
    makeModel(work);
    const blobs = new Map<string, Buffer>();
    const add = (mediaType: string, bytes: Buffer, annotations?: Record<string, string>) => {
      blobs.set(sha256(bytes), bytes);
      return {
        mediaType,
        digest: sha256(bytes),
        size: bytes.length,
        ...(annotations === undefined ? {} : { annotations }),
      };
    };
    const layers = readdirSync(work)
      .sort()
      .map((name) =>
        add('application/octet-stream', readFileSync(join(work, name)), { 'org.opencontainers.image.title': name }),
      );
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        artifactType: 'application/vnd.example.model',
        config: add('application/vnd.oci.empty.v1+json', Buffer.from('{}')),
        layers,
      }),
    );
    return { blobs, manifest, digest: sha256(manifest) };
  } finally {
    rmSync(work, { recursive: true });
  }
}
