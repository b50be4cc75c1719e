import { WeighlockError } from '../error/index.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { keyFault } from './object-key.ts';

/** An object of a bucket, or all below a prefix. */
export interface GcsLocation {
  readonly bucket: string;
  /** Empty for the whole bucket; a prefix ends with a slash. */
  readonly key: string;
}

/** Google Cloud Storage, "About buckets": names of 3 to 63 characters, up to 222 with dots. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/**
 * Parses `gs://BUCKET[/KEY]`. A key is taken as it stands, as all tools do: `%20` is no space in
 * it.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseGcsLocation(text: string): GcsLocation {
  const [, bucket = '', key = ''] = /^gs:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? [];
  if (bucket.includes('@'))
    throw invalid(undefined, 'has a user in it', 'give credentials by GOOGLE_APPLICATION_CREDENTIALS');
  if (!BUCKET.test(bucket)) throw invalid(text, 'names no bucket', 'write gs://BUCKET/PREFIX/ or gs://BUCKET/OBJECT');
  const fault = keyFault(key);
  if (fault !== undefined) throw invalid(text, fault, 'name the objects by a path in its shortest form');
  return { bucket, key };
}

export function gcsLocationText({ bucket, key }: GcsLocation): string {
  return `gs://${bucket}/${key}`;
}

function invalid(text: string | undefined, why: string, remedy: string): WeighlockError {
  const found = text === undefined ? {} : { found: withoutSecrets(text).slice(0, 300) };
  return new WeighlockError({ code: 'CONFIG_INVALID', message: `the gs:// source ${why}`, ...found, remedy });
}
