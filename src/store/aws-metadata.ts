// Keys of the machine (EC2, "Use the Instance Metadata Service", version 2) and of the container
// ("Container credential provider": ECS, and Pod Identity of EKS). By requests of our own: the
// libraries for it read answers without end.
import { WeighlockError } from '../error/index.ts';
import { unavailable } from '../registry/index.ts';
import { type Metadata, type MetadataAnswer, metadataFields, secretOf } from './metadata.ts';
import { readTokenFile } from './token-file.ts';

/** Keys to sign with; secret. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Seconds that a token for the metadata is good for: the most that there is. */
const TTL = '21600';

const ROLES = '/latest/meta-data/iam/security-credentials/';

/** Agents of ECS, and of Pod Identity of EKS: with loopback all that may be asked without TLS. */
const AGENTS = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']);

const REMEDY = 'leave the variables of the container to ECS or EKS Pod Identity, which set them';

/** @throws WeighlockError `SOURCE_UNAVAILABLE` */
export async function instanceKeys(metadata: Metadata): Promise<AwsKeys> {
  const asked = metadata.url('/latest/api/token');
  const given = await metadata.ask(asked, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': TTL },
  });
  const headers = { 'x-aws-ec2-metadata-token': secretOf(accepted(given).toString('latin1').trim(), asked) };
  const list = await metadata.ask(metadata.url(ROLES), { headers });
  const [role = ''] = accepted(list).toString('utf8').trim().split('\n');
  // IAM, "IAM and AWS STS quotas": names of roles.
  if (!/^[\w+=,.@-]{1,64}$/.test(role)) throw unavailable(list.url, 'names no role of this machine');
  return keysOf(await metadata.ask(metadata.url(ROLES + role), { headers }));
}

/**
 * @throws WeighlockError `CONFIG_INVALID` for variables that cannot be used, `SOURCE_UNAVAILABLE`
 */
export async function containerKeys(metadata: Metadata, variables: Readonly<Record<string, string>>): Promise<AwsKeys> {
  const url = containerUrl(variables);
  const file = variables['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token =
    file === undefined
      ? variables['AWS_CONTAINER_AUTHORIZATION_TOKEN']
      : readTokenFile('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', file, REMEDY);
  if (token !== undefined && !/^[\x20-\x7e]{1,65536}$/.test(token))
    throw invalid("the token for the container's provider has a line break or another character that no header has");
  return keysOf(await metadata.ask(url, { headers: token === undefined ? {} : { authorization: token } }));
}

function containerUrl(variables: Readonly<Record<string, string>>): URL {
  const relative = variables['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const text =
    relative === undefined ? variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] : `http://169.254.170.2${relative}`;
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  const isPlace =
    url !== undefined &&
    url.username === '' &&
    url.password === '' &&
    (relative === undefined || relative.startsWith('/'));
  if (!isPlace) throw invalid('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is no address');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isNear(url.hostname)))
    throw invalid('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an agent of this node');
  return url;
}

function isNear(host: string): boolean {
  return AGENTS.has(host) || host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function accepted({ status, bytes, url }: MetadataAnswer): Buffer {
  if (status === 200) return bytes;
  throw unavailable(url, `answered ${status}`);
}

function keysOf(answer: MetadataAnswer): AwsKeys {
  const { url } = answer;
  accepted(answer);
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = metadataFields(answer);
  const time = typeof Expiration === 'string' ? Date.parse(Expiration) : Number.NaN;
  return {
    accessKeyId: secretOf(AccessKeyId, url),
    secretAccessKey: secretOf(SecretAccessKey, url),
    ...(Token === undefined ? {} : { sessionToken: secretOf(Token, url) }),
    ...(Number.isNaN(time) ? {} : { expiration: new Date(time) }),
  };
}

function invalid(message: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy: REMEDY });
}
