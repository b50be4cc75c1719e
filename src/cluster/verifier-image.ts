// Whether what ran in a container was the verifier's own image. The kubelet says which image ran
// (`imageID`), and nobody who writes pods can change that; what the specification says is the
// author's word, and can be changed while a pod runs.

/**
 * How kubelets name an image: `REPOSITORY@sha256:...` after a pull, with a scheme in front on
 * Docker. One that was imported on the node has no repository, or one that was made up
 * (`docker.io/library/import-2026-11-20@sha256:...`): then it is the digest of its configuration or
 * of the imported manifest, by which the node's `crictl images --digests` lists it.
 */
const IMAGE_ID = /^(?:docker-pullable:\/\/|docker:\/\/)?(?:[^\s@]+@)?(?:sha256:)?([a-f0-9]{64})$/;

/** `sha256:...` of the image that ran, as the kubelet says; undefined where it says no digest. */
export function digestOfImageId(imageId: string): string | undefined {
  const [, hex] = IMAGE_ID.exec(imageId) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** The digest that a reference is pinned to. */
function pinOf(reference: string): string | undefined {
  return /@(sha256:[a-f0-9]{64})$/.exec(reference)?.[1];
}

/**
 * @param imageId - of the container's status
 * @param reference - of the container's specification
 * @param digests - what an admin says the verifier's image is: its manifest, and what nodes call it
 * that imported it
 * @returns undefined for the verifier's image; otherwise what it is instead
 */
export function whyNotVerifier(imageId: string, reference: string, digests: readonly string[]): string | undefined {
  const digest = digestOfImageId(imageId);
  if (digest === undefined || !digests.includes(digest)) {
    const how = 'if that is the verifier, imported on the node, name its digest too';
    return `runs ${imageId === '' ? 'an image without a name' : imageId}, not the verifier's image (${how})`;
  }
  const pin = pinOf(reference);
  if (pin === undefined || digests.includes(pin)) return undefined;
  return `is to run ${reference}, not the verifier's image, whatever ran before`;
}
