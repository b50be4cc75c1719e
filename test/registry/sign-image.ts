// What cosign stores beside an image that it signs with a key: the layer of a `sha256-<hex>.sig`
// manifest.
import { type KeyObject, sign } from 'node:crypto';
import type { Layer } from './push.ts';

/** @param digest - of the image's manifest or index, `sha256:...` */
export function simpleSigning(digest: string, privateKey: KeyObject, reference = 'registry.test/image'): Layer {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'cosign container image signature',
  };
  const bytes = Buffer.from(JSON.stringify({ critical, optional: null }));
  const signature = sign('sha256', bytes, privateKey).toString('base64');
  return {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    bytes,
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  };
}

export const signatureTag = (digest: string): string => `${digest.replace(':', '-')}.sig`;
