import { errno, WeighlockError } from '../error/index.ts';
import { readFileWhole } from '../fs/index.ts';
import { library } from '../library/index.ts';
import { type Notice, readBody, type Transport } from '../registry/index.ts';
import { MachineTokens } from './gcs-machine.ts';
import type { GcsSettings } from './gcs-settings.ts';
import { Metadata } from './metadata.ts';
import { onlyOriginOf } from './same-origin.ts';
import { requireTokenFile } from './token-file.ts';

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only';

/** A key of a service account has 2.4 KB. */
const MAX_FILE_BYTES = 1 << 20;

/** A token and what belongs to it. */
const MAX_ANSWER_BYTES = 1 << 20;

/** What gives a token, and a new one before it ends. */
interface Tokens {
  getAccessToken(): Promise<{ token?: string | null | undefined }>;
}

/** Credentials for one run, looked for when they are first needed. */
export class GcsCredentials {
  readonly #settings: GcsSettings;
  readonly #transport: Transport;
  readonly #notice: Notice;
  readonly #metadata: Metadata;
  #client: Promise<Tokens | undefined> | undefined;

  constructor(settings: GcsSettings, transport: Transport, notice: Notice, metadata = new Metadata()) {
    this.#settings = settings;
    this.#transport = transport;
    this.#notice = notice;
    this.#metadata = metadata;
  }

  /**
   * The header with a token; none for an emulator, and where there are no credentials: then
   * everything has to be public.
   *
   * @throws WeighlockError `CONFIG_INVALID` for a file that cannot be used, `SOURCE_UNAVAILABLE`
   * where nobody gives a token
   */
  async headers(): Promise<Readonly<Record<string, string>>> {
    if (this.#settings.emulator !== undefined && this.#settings.credentialsFile === undefined) return {};
    this.#client ??= this.#find();
    const client = await this.#client;
    if (client === undefined) return {};
    try {
      const { token } = await client.getAccessToken();
      if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) throw new Error('no token');
      return { authorization: `Bearer ${token}` };
    } catch (error) {
      throw error instanceof WeighlockError ? error : noToken(this.#settings, error);
    }
  }

  /** The server does not take the token: there may be a new one. */
  forget(): void {
    this.#client = undefined;
  }

  async #find(): Promise<Tokens | undefined> {
    const { credentialsFile, isOutside } = this.#settings;
    const document = credentialsFile === undefined ? undefined : readCredentials(credentialsFile);
    if (document === undefined) {
      const machine = new MachineTokens(this.#metadata, SCOPE);
      if (!isOutside && (await machine.isThere())) return machine;
      if (!isOutside) this.#notice('there are no credentials of Google Cloud: what is not public cannot be read');
      return undefined;
    }
    const { Gaxios, GoogleAuth } = await library('google-auth');
    const transporter = new Gaxios({ fetchImplementation: fetchBy(this.#transport) });
    try {
      const auth = new GoogleAuth({ scopes: SCOPE, clientOptions: { transporter } });
      return auth.fromJSON(document as Parameters<typeof auth.fromJSON>[0], { scopes: SCOPE, transporter } as object);
    } catch (error) {
      throw unusable(credentialsFile ?? '', 'it is none of the kinds that there are', error);
    }
  }
}

/** Kinds of files that are taken; others are for people at a keyboard. */
const KINDS = new Set([
  'service_account',
  'external_account',
  'external_account_authorized_user',
  'impersonated_service_account',
  'authorized_user',
]);

/** @throws WeighlockError `CONFIG_INVALID` */
function readCredentials(file: string): Record<string, unknown> {
  let bytes: Buffer | undefined;
  try {
    bytes = readFileWhole(file, MAX_FILE_BYTES);
  } catch (error) {
    throw unusable(file, `it cannot be read: ${errno(error) ?? 'unknown error'}`, error);
  }
  if (bytes === undefined) throw unusable(file, 'it is too large');
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch {
    // The message of the parser would show a part of the key.
    throw unusable(file, 'it is no JSON');
  }
  const fields = (document ?? {}) as Record<string, unknown>;
  if (typeof fields['type'] !== 'string' || !KINDS.has(fields['type'])) throw unusable(file, 'its type is not known');
  const source = (fields['credential_source'] ?? {}) as Record<string, unknown>;
  if ('executable' in source) throw unusable(file, 'it names a program to run');
  // The library would read a device or a FIFO without end.
  const { file: token } = source;
  if (typeof token === 'string') requireTokenFile('credential_source.file', token, 'check what is mounted there');
  return fields;
}

function unusable(file: string, why: string, cause?: unknown): WeighlockError {
  return new WeighlockError(
    {
      code: 'CONFIG_INVALID',
      message: `GOOGLE_APPLICATION_CREDENTIALS cannot be used: ${why}`,
      file,
      remedy:
        'mount the key of a service account, or what "gcloud iam workload-identity-pools create-cred-config" prints',
    },
    { cause },
  );
}

function noToken({ credentialsFile }: GcsSettings, error: unknown): WeighlockError {
  const status = (error as { status?: unknown }).status;
  const why = typeof status === 'number' ? `answered ${status}` : (errno(error) ?? 'gave none');
  const where = credentialsFile === undefined ? 'the metadata server' : `the identity in ${credentialsFile}`;
  return new WeighlockError(
    {
      code: 'SOURCE_UNAVAILABLE',
      message: `there is no token for Google Cloud Storage: ${where} ${why}`,
      remedy: "check the key, or the binding of the pod's service account (Workload Identity)",
    },
    { cause: error },
  );
}

/** Brings what the library asks through the one transport: its proxies, CAs, limits and rules. */
function fetchBy(transport: Transport): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { method = 'GET', body } = init;
    const answer = await transport.ask(url, {
      method: method.toUpperCase() === 'POST' ? 'POST' : 'GET',
      headers: Object.fromEntries(new Headers(init.headers ?? {})),
      check: onlyOriginOf(url),
      ...(body === undefined || body === null ? {} : { body: textOf(body) }),
    });
    const bytes = await readBody(answer, MAX_ANSWER_BYTES);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined) headers.set(name, [value].flat().join(', '));
    return new Response(bytes.length === 0 ? null : new Uint8Array(bytes), { status: answer.status, headers });
  };
}

function textOf(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  throw new Error('a request with a body of unknown kind');
}
