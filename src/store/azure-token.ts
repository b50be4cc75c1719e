// A token of Microsoft Entra ID by the identity of the pod (OAuth 2.0 client credentials with a federated credential, RFC 7523) or by a secret.
// One request: the library for it would be 400 KB of code that speaks to servers by another way than this program does.
import { readFileSync } from 'node:fs';
import { errno, WeighlockError } from '../error/index.ts';
import { readBody, refusalOf, type Transport } from '../registry/index.ts';
import type { AzureSettings } from './azure-settings.ts';
import { jsonOf } from './json.ts';

/** Milliseconds before its end that a token is fetched anew. */
const EARLY = 5 * 60_000;

/** A token of a service account has 1 to 2 KB. */
const MAX_FILE_BYTES = 64 << 10;

const MAX_ANSWER_BYTES = 1 << 20;

const AUTHORITY = 'https://login.microsoftonline.com/';

/** Tokens for one run, fetched when they are first needed and again before they end. */
export class AzureTokens {
  readonly #settings: AzureSettings;
  readonly #transport: Transport;
  #token: Promise<string> | undefined;
  #end = 0;

  constructor(settings: AzureSettings, transport: Transport) {
    this.#settings = settings;
    this.#transport = transport;
  }

  /** Whether there is an identity to get one for. */
  get isThere(): boolean {
    const { variables } = this.#settings;
    const has = (name: string) => variables[name] !== undefined;
    const isProven = has('AZURE_FEDERATED_TOKEN_FILE') || has('AZURE_CLIENT_SECRET');
    return has('AZURE_TENANT_ID') && has('AZURE_CLIENT_ID') && isProven;
  }

  /** @throws WeighlockError */
  async headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    if (!this.isThere) return {};
    if (this.#token === undefined || Date.now() > this.#end - EARLY) {
      const asked = this.#ask(signal);
      this.#end = Number.POSITIVE_INFINITY;
      this.#token = asked;
      asked.catch(() => {
        if (this.#token === asked) this.#token = undefined;
      });
    }
    return { authorization: `Bearer ${await this.#token}` };
  }

  forget(): void {
    this.#token = undefined;
  }

  async #ask(signal: AbortSignal): Promise<string> {
    const { variables } = this.#settings;
    const tenant = variables['AZURE_TENANT_ID'] ?? '';
    if (!/^[\w.-]{1,100}$/.test(tenant))
      throw invalid('AZURE_TENANT_ID is no tenant', 'set it to the id of the tenant');
    const authority = authorityOf(variables['AZURE_AUTHORITY_HOST'] ?? AUTHORITY);
    const url = new URL(`${tenant}/oauth2/v2.0/token`, authority);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: variables['AZURE_CLIENT_ID'] ?? '',
      scope: 'https://storage.azure.com/.default',
    });
    const file = variables['AZURE_FEDERATED_TOKEN_FILE'];
    if (file !== undefined) {
      form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      form.set('client_assertion', readToken(file));
    } else form.set('client_secret', variables['AZURE_CLIENT_SECRET'] ?? '');
    const answer = await this.#transport.ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
      signal,
      // A redirect would take the assertion along.
      check: (to) => {
        if (to.origin !== url.origin)
          throw new WeighlockError({
            code: 'SOURCE_UNAVAILABLE',
            message: `${url.host} sends us elsewhere with a credential`,
            remedy: 'check AZURE_AUTHORITY_HOST',
          });
      },
    });
    if (answer.status !== 200)
      throw await refusalOf(answer, { what: 'a token of Microsoft Entra ID', remedies: REMEDIES });
    const { access_token: token, expires_in: seconds } = (jsonOf(await readBody(answer, MAX_ANSWER_BYTES), url) ??
      {}) as Record<string, unknown>;
    if (typeof token !== 'string' || !/^[\x21-\x7e]{1,32768}$/.test(token))
      throw invalid('Microsoft Entra ID answered without a token', 'check AZURE_AUTHORITY_HOST');
    this.#end = Date.now() + (typeof seconds === 'number' && seconds > 0 ? seconds : 3600) * 1000;
    return token;
  }
}

const WHO = 'check AZURE_CLIENT_ID, AZURE_TENANT_ID and the federated credential of the service account';
const REMEDIES = { 400: WHO, 401: WHO, 403: WHO };

function authorityOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '' && url.search === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('AZURE_AUTHORITY_HOST is not the address of a server', 'set it to https://HOST/');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** The kubelet writes it anew every hour. */
function readToken(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text.length > 0 && text.length <= MAX_FILE_BYTES) return text;
  } catch (error) {
    throw invalid(
      `AZURE_FEDERATED_TOKEN_FILE cannot be read: ${errno(error) ?? 'unknown error'}`,
      'label the pod azure.workload.identity/use: "true"',
    );
  }
  throw invalid('AZURE_FEDERATED_TOKEN_FILE holds no token', 'check what is mounted there');
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
