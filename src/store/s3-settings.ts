import { WeighlockError } from '../error/index.ts';

/**
 * How S3 and its like are reached; plain data, for threads. It may hold secrets. Values are as they
 * were written.
 */
export interface S3Settings {
  /**
   * `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or what KServe's `S3_ENDPOINT` and `S3_USE_HTTPS`
   * come to.
   */
  readonly endpoint?: string;
  /** `AWS_REGION`, `AWS_DEFAULT_REGION`. */
  readonly region?: string;
  /**
   * `S3_USE_VIRTUAL_BUCKET`: the bucket is a part of the host, also at an endpoint of one's own.
   */
  readonly isVirtual: boolean;
  /** `S3_USE_ACCELERATE`. */
  readonly isAccelerated: boolean;
  /** `awsAnonymousCredential`: requests are not signed. */
  readonly isAnonymous: boolean;
  /** `S3_VERIFY_SSL` asks that nobody looks who the server is. */
  readonly isUnverified: boolean;
  /** What credentials are found by: the variables in `CREDENTIAL_VARIABLES` that are set. */
  readonly variables: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables by which credentials are found. Not among them: those that name configuration
 * files, which can name programs to run (`AWS_CONFIG_FILE`, `AWS_PROFILE`), another place of
 * instance metadata, and CAs.
 */
export const CREDENTIAL_VARIABLES: readonly string[] = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_ENDPOINT_URL_STS',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_EC2_METADATA_DISABLED',
];

/** The variables that say where a bucket is asked, and how. */
export const PLACE_VARIABLES: readonly string[] = [
  ...['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'awsAnonymousCredential'],
  ...['S3_ENDPOINT', 'S3_USE_HTTPS', 'S3_USE_VIRTUAL_BUCKET', 'S3_USE_ACCELERATE', 'S3_VERIFY_SSL'],
];

export function s3Settings(environment: Environment): S3Settings {
  const value = (...names: string[]) =>
    names.map((name) => environment[name]?.trim()).find((text) => text) || undefined;
  const isTrue = (name: string) => /^(1|true)$/i.test(value(name) ?? '');
  const isFalse = (name: string) => /^(0|false)$/i.test(value(name) ?? '');
  const host = value('S3_ENDPOINT');
  const own =
    host === undefined || host.includes('://') ? host : `${isFalse('S3_USE_HTTPS') ? 'http' : 'https'}://${host}`;
  const endpoint = value('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL') ?? own;
  const region = value('AWS_REGION', 'AWS_DEFAULT_REGION');
  const variables = CREDENTIAL_VARIABLES.flatMap((name) => {
    const text = value(name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    isVirtual: isTrue('S3_USE_VIRTUAL_BUCKET'),
    isAccelerated: isTrue('S3_USE_ACCELERATE'),
    isAnonymous: isTrue('awsAnonymousCredential'),
    isUnverified: isFalse('S3_VERIFY_SSL'),
    variables: Object.fromEntries(variables),
  };
}

/** Where a bucket is asked. */
export interface S3Place {
  /** With a slash at the end of its path. */
  readonly base: URL;
  readonly region: string;
  /** True at AWS itself, which says in which region a bucket is. */
  readonly isAws: boolean;
}

/** A bucket that may be a part of a host name, and of a certificate's name. */
const OF_HOST = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;

const REGION = /^[a-z0-9-]{1,40}$/;

/**
 * @param region - that the bucket turned out to be in
 * @throws WeighlockError `CONFIG_INVALID` for settings that cannot be used
 */
export function placeOf(settings: S3Settings, bucket: string, found?: string): S3Place {
  const { endpoint, isVirtual, isAccelerated, isUnverified } = settings;
  const region = found ?? settings.region ?? 'us-east-1';
  if (isUnverified)
    throw invalid(
      'S3_VERIFY_SSL switches off that the server shows who it is',
      'for a CA of your own name it: --registry-cacert FILE',
    );
  if (!REGION.test(region)) throw invalid('AWS_REGION is no region', 'set it to one such as eu-central-1');
  if (endpoint === undefined) {
    const service = isAccelerated ? 's3-accelerate' : `s3.${region}`;
    const domain = `${service}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
    const isHost = OF_HOST.test(bucket);
    const base = new URL(isHost ? `https://${bucket}.${domain}/` : `https://s3.${region}.amazonaws.com/${bucket}/`);
    return { base, region, isAws: true };
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain =
    url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid(
      'AWS_ENDPOINT_URL is not the address of a server',
      'set it to https://HOST; credentials go into AWS_ACCESS_KEY_ID and its like',
    );
  if (isVirtual && OF_HOST.test(bucket)) url.hostname = `${bucket}.${url.hostname}`;
  else url.pathname = `${url.pathname.replace(/\/$/, '')}/${bucket}`;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return { base: url, region, isAws: /(^|\.)amazonaws\.com(\.cn)?$/.test(url.hostname) };
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
