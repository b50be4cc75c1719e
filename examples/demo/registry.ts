// A registry of one artifact for the demo: answers what the OCI distribution specification says for
// a pull, in memory, on this machine only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OciModel } from './oci-model.ts';

export interface DemoRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** What it serves under a blob's digest, right or wrong. */
  readonly blobs: Map<string, Buffer>;
  close(): void;
}

export async function serve({ blobs, manifest, digest }: OciModel): Promise<DemoRegistry> {
  const served = new Map(blobs);
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
    const isManifest = request.url?.includes('/manifests/') === true && (name === digest || name === 'v1.0');
    const bytes = isManifest ? manifest : served.get(name);
    const type = isManifest ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream';
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': type, 'content-length': bytes.length }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, blobs: served, close: () => void server.close() };
}
