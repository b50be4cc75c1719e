import type { Descriptor, Index, Platform } from './manifest.ts';

/**
 * The first manifest for a platform; attestations (`unknown/unknown`) never, a single entry without
 * platform always.
 */
export function choosePlatform(index: Index, wanted: Platform): Descriptor | undefined {
  const real = index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const [only, ...more] = real;
  if (only !== undefined && more.length === 0 && only.platform === undefined) return only;
  return real.find(
    ({ platform }) =>
      platform?.os === wanted.os &&
      platform.architecture === wanted.architecture &&
      (wanted.variant === undefined || platform.variant === wanted.variant),
  );
}

export function platformText(platform: Platform | undefined): string {
  if (platform === undefined) return 'no platform';
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/');
}
