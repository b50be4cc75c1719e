import type { Options } from 'yargs';
import { listOf, type RawValues } from './option-values.ts';
import { usage } from './usage.ts';

export const IMAGE_OPTION = {
  'verifier-image': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: "digest of the verifier's image (sha256:...); for one imported on nodes, what they call it, too",
  },
} as const satisfies Record<string, Options>;

/** Digest of the image that this runs in, where it was said. @throws WeighlockError `USAGE` */
export function imageOf(values: RawValues): string | undefined {
  const images = imagesOf(values);
  if (images.length > 1) throw usage('--verifier-image was given more than once', 'give it once');
  return images[0];
}

/** Digests of the verifier's image. @throws WeighlockError `USAGE` */
export function imagesOf(values: RawValues): readonly string[] {
  const images = listOf(values, 'verifier-image').flatMap((value) => value.split(','));
  const wrong = images.find((image) => !/^sha256:[a-f0-9]{64}$/.test(image));
  if (wrong !== undefined) throw usage(`--verifier-image cannot be "${wrong}"`, 'give its digest: sha256:...');
  return images;
}
