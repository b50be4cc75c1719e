import { errno, WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { readBody, type Transport } from '../registry/index.ts';
import { type AwsKeys, containerKeys, instanceKeys } from './aws-metadata.ts';
import { givenSecret } from './given-secret.ts';
import { Metadata } from './metadata.ts';
import type { S3Settings } from './s3-settings.ts';
import { onlyOriginOf } from './same-origin.ts';
import { readTokenFile } from './token-file.ts';

/** Milliseconds before their end that keys are fetched anew. */
const EARLY = 5 * 60_000;

/** Milliseconds between two times that keys are fetched, however soon they end. */
const SELDOM = 30_000;

/** An answer of STS: a token and two keys. */
const MAX_ANSWER_BYTES = 1 << 20;

/** Keys for one run, fetched when they are first needed and again before they end. */
export class S3Credentials {
  readonly #settings: S3Settings;
  readonly #region: string;
  readonly #transport: Transport;
  readonly #metadata: Metadata;
  #keys: Promise<AwsKeys> | undefined;
  #end = Number.POSITIVE_INFINITY;

  constructor(settings: S3Settings, region: string, transport: Transport, metadata = new Metadata()) {
    this.#settings = settings;
    this.#region = region;
    this.#transport = transport;
    this.#metadata = metadata;
  }

  /** @throws WeighlockError `SOURCE_UNAVAILABLE` where nobody gives any */
  keys(): Promise<AwsKeys> {
    if (this.#keys === undefined || Date.now() > this.#end - EARLY) {
      this.#end = Number.POSITIVE_INFINITY;
      const asked = this.#ask();
      this.#keys = asked;
      asked.then(
        ({ expiration }) => {
          const end = expiration?.getTime() ?? Number.POSITIVE_INFINITY;
          this.#end = Math.max(end, Date.now() + EARLY + SELDOM);
        },
        () => {
          if (this.#keys === asked) this.#keys = undefined;
        },
      );
    }
    return this.#keys;
  }

  /** The server says that the keys are over. */
  forget(): void {
    this.#keys = undefined;
  }

  async #ask(): Promise<AwsKeys> {
    const { variables } = this.#settings;
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: token,
    } = variables;
    if (accessKeyId !== undefined && secretAccessKey !== undefined)
      return {
        accessKeyId: givenSecret('AWS_ACCESS_KEY_ID', accessKeyId),
        secretAccessKey: givenSecret('AWS_SECRET_ACCESS_KEY', secretAccessKey),
        ...(token === undefined ? {} : { sessionToken: givenSecret('AWS_SESSION_TOKEN', token) }),
      };
    if (accessKeyId !== undefined || secretAccessKey !== undefined) throw halfPair(accessKeyId !== undefined);
    try {
      if (variables['AWS_WEB_IDENTITY_TOKEN_FILE'] !== undefined) return await this.#exchange();
      if (isOfContainer(variables)) return await containerKeys(this.#metadata, variables);
      if (variables['AWS_EC2_METADATA_DISABLED']?.toLowerCase() !== 'true') return await instanceKeys(this.#metadata);
    } catch (error) {
      throw noKeys(variables, error);
    }
    throw noKeys(variables, undefined);
  }

  /** The pod's token for keys of a role (STS, AssumeRoleWithWebIdentity). */
  async #exchange(): Promise<AwsKeys> {
    const { variables } = this.#settings;
    const { AWS_ROLE_ARN: roleArn, AWS_ROLE_SESSION_NAME: name, AWS_WEB_IDENTITY_TOKEN_FILE: file = '' } = variables;
    if (roleArn === undefined)
      throw new WeighlockError({
        code: 'CONFIG_INVALID',
        message: 'AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not',
        remedy: ROLE,
      });
    const webIdentityToken = readTokenFile('AWS_WEB_IDENTITY_TOKEN_FILE', file, ROLE);
    provideOnly(variables);
    const { fromWebToken } = await library('aws');
    const clientConfig = { region: this.#region, requestHandler: new Handler(this.#transport), maxAttempts: 3 };
    const given = { roleArn, webIdentityToken, ...(name === undefined ? {} : { roleSessionName: name }) };
    return fromWebToken({ ...given, clientConfig } as Parameters<typeof fromWebToken>[0])();
  }
}

const ROLE = 'annotate the service account with the role (eks.amazonaws.com/role-arn)';

function isOfContainer(variables: S3Settings['variables']): boolean {
  return Object.keys(variables).some((name) => name.startsWith('AWS_CONTAINER_CREDENTIALS_'));
}

/**
 * The library reads the environment of this thread: it holds what was meant for it, and no file
 * that could name a program.
 */
function provideOnly(variables: S3Settings['variables']): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, variables, { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' });
}

/** The keys of somebody else, of this instance, are not what was meant. */
function halfPair(hasId: boolean): WeighlockError {
  const [given, other] = hasId
    ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
    : ['AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID'];
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${given} is set, and ${other} is not`,
    remedy: 'give both from one secret, or neither',
  });
}

function noKeys(variables: S3Settings['variables'], error: unknown): WeighlockError {
  if (error instanceof WeighlockError && error.code === 'CONFIG_INVALID') return error;
  const source =
    variables['AWS_WEB_IDENTITY_TOKEN_FILE'] === undefined
      ? isOfContainer(variables)
        ? "the container's provider"
        : 'the metadata of this instance'
      : 'the exchange of the web identity token';
  const isNobody = error === undefined;
  const why =
    error instanceof WeighlockError
      ? error.message
      : (errno(error) ?? (error instanceof Error && /^[\w.]{1,60}$/.test(error.name) ? error.name : 'no answer'));
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `there are no credentials for S3: ${isNobody ? 'none are set, and AWS_EC2_METADATA_DISABLED is' : `${source} gave none (${why})`}`,
      remedy:
        'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from a secret, or give the pod a service account with a role; ' +
        'for a public bucket set awsAnonymousCredential=true',
    },
    { cause: error },
  );
}

interface Request {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * Brings the library's requests to STS through the one transport: its proxies, CAs, limits and
 * rules.
 */
class Handler {
  readonly #transport: Transport;
  readonly metadata = { handlerProtocol: 'http/1.1' };

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async handle(request: Request): Promise<{ response: object }> {
    const { method, protocol, hostname, port, path, headers, body } = request;
    const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, `${value ?? ''}`);
    const { host: _, 'content-length': __, ...others } = headers;
    const answer = await this.#transport.ask(url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers: others,
      check: onlyOriginOf(url),
      ...(typeof body === 'string'
        ? { body }
        : body instanceof Uint8Array
          ? { body: Buffer.from(body).toString('utf8') }
          : {}),
    });
    const bytes = await readBody(answer, MAX_ANSWER_BYTES);
    const entries = Object.entries(answer.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value].flat().join(', ')] as const],
    );
    return { response: { statusCode: answer.status, headers: Object.fromEntries(entries), body: bytes } };
  }

  destroy(): void {}
  updateHttpClientConfig(): void {}
  httpHandlerConfigs(): object {
    return {};
  }
}
