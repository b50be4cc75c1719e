import { errno, WeighlockError } from '../error/index.ts';
import { library } from '../library/index.ts';
import { readBody, type Transport } from '../registry/index.ts';
import type { S3Settings } from './s3-settings.ts';

/** Keys to sign with; secret. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Milliseconds before their end that keys are fetched anew. */
const EARLY = 5 * 60_000;

/** An answer of STS: a token and two keys. */
const MAX_ANSWER_BYTES = 1 << 20;

/** Keys for one run, fetched when they are first needed and again before they end. */
export class S3Credentials {
  readonly #settings: S3Settings;
  readonly #region: string;
  readonly #transport: Transport;
  #keys: Promise<AwsKeys> | undefined;
  #end = Number.POSITIVE_INFINITY;

  constructor(settings: S3Settings, region: string, transport: Transport) {
    this.#settings = settings;
    this.#region = region;
    this.#transport = transport;
  }

  /** @throws WeighlockError `SOURCE_UNAVAILABLE` where nobody gives any */
  keys(): Promise<AwsKeys> {
    if (this.#keys === undefined || Date.now() > this.#end - EARLY) {
      this.#end = Number.POSITIVE_INFINITY;
      const asked = this.#ask();
      this.#keys = asked;
      asked.then(
        ({ expiration }) => {
          this.#end = expiration?.getTime() ?? Number.POSITIVE_INFINITY;
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
      return { accessKeyId, secretAccessKey, ...(token === undefined ? {} : { sessionToken: token }) };
    provideOnly(variables);
    const { fromTokenFile, fromHttp, fromInstanceMetadata } = await library('aws');
    try {
      if (variables['AWS_WEB_IDENTITY_TOKEN_FILE'] !== undefined) {
        const requestHandler = new Handler(this.#transport);
        const clientConfig = { region: this.#region, requestHandler, maxAttempts: 3 };
        return await fromTokenFile({ clientConfig } as Parameters<typeof fromTokenFile>[0])();
      }
      const isOfContainer = Object.keys(variables).some((name) => name.startsWith('AWS_CONTAINER_CREDENTIALS_'));
      if (isOfContainer) return await fromHttp({ timeout: 5000, maxRetries: 3 })();
      if (variables['AWS_EC2_METADATA_DISABLED']?.toLowerCase() !== 'true')
        return await fromInstanceMetadata({ timeout: 1000, maxRetries: 2 })();
    } catch (error) {
      throw noKeys(variables, error);
    }
    throw noKeys(variables, undefined);
  }
}

/** The library reads the environment of this thread: it holds what was meant for it, and no file that could name a program. */
function provideOnly(variables: S3Settings['variables']): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, variables, { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' });
}

function noKeys(variables: S3Settings['variables'], error: unknown): WeighlockError {
  if (error instanceof WeighlockError) return error;
  const source =
    variables['AWS_WEB_IDENTITY_TOKEN_FILE'] === undefined
      ? Object.keys(variables).some((name) => name.startsWith('AWS_CONTAINER_CREDENTIALS_'))
        ? "the container's provider"
        : 'the metadata of this instance'
      : 'the exchange of the web identity token';
  const name = errno(error) ?? (error instanceof Error && /^[\w.]{1,60}$/.test(error.name) ? error.name : 'no answer');
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `there are no credentials for S3: ${source} gave none (${name})`,
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

/** Brings the library's requests to STS through the one transport: its proxies, CAs, limits and rules. */
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
