// Pushes the demo model to the registry whose origin is given; a process of its own, because a
// process takes extra CAs only when it starts.
import { ociModel } from '../../examples/demo/oci-model.ts';
import { Pusher } from '../registry/push.ts';

const [, , origin = ''] = process.argv;
const pusher = new Pusher(origin, { authorization: process.env['PUSH_AUTHORIZATION'] ?? '' });
const { blobs, manifest } = ociModel();
for (const bytes of blobs.values()) await pusher.blob('models/mistral-small', bytes);
await pusher.manifest(
  'models/mistral-small',
  'v1.0',
  JSON.parse(manifest.toString()),
  'application/vnd.oci.image.manifest.v1+json',
);
