import { WeighlockError } from '../error/index.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { keyFault } from './object-key.ts';

/**
 * A bucket, and what of it: all below a prefix that is empty or ends with a slash, or an object
 * (or, where there is none, what lies below it).
 */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

/**
 * S3 user guide, "Bucket naming rules", with what was allowed before 2018 and what other servers
 * allow.
 */
const BUCKET = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/;

/**
 * Parses `s3://BUCKET[/KEY]`. A key is taken as it stands, as all tools of S3 do: `%20` is no space
 * in it.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseS3Location(text: string): S3Location {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? [];
  if (bucket.includes('@'))
    throw invalid(undefined, 'has a user in it', 'give credentials by AWS_ACCESS_KEY_ID and its like');
  if (/^arn:/i.test(text.slice('s3://'.length)))
    throw invalid(text, 'is an ARN', 'name an access point by its alias, which ends with -s3alias, as a bucket');
  if (!BUCKET.test(bucket)) throw invalid(text, 'names no bucket', 'write s3://BUCKET/PREFIX/ or s3://BUCKET/OBJECT');
  const fault = keyFault(key);
  if (fault !== undefined) throw invalid(text, fault, 'name the objects by a path in its shortest form');
  return { bucket, key };
}

export function s3LocationText({ bucket, key }: S3Location): string {
  return `s3://${bucket}/${key}`;
}

function invalid(text: string | undefined, why: string, remedy: string): WeighlockError {
  const found = text === undefined ? {} : { found: withoutSecrets(text).slice(0, 300) };
  return new WeighlockError({ code: 'CONFIG_INVALID', message: `the s3:// source ${why}`, ...found, remedy });
}
