// A token of Microsoft Entra ID by the identity of the pod (OAuth 2.0 client credentials with a
// federated credential, RFC 7523) or by a secret. One request: the library for it would be 400 KB
// of code that speaks to servers by another way than this program does.
import { WeighlockError } from '../error/index.ts';
import { readBody, refusalOf, type Transport, unavailable } from '../registry/index.ts';
import type { AzureSettings } from './azure-settings.ts';
import { jsonOf } from './json.ts';
import { Metadata, type MetadataAnswer, metadataFields, secretOf } from './metadata.ts';
import { onlyOriginOf } from './same-origin.ts';
import { readTokenFile } from './token-file.ts';

/** Milliseconds before its end that a token is fetched anew. */
const EARLY = 5 * 60_000;

const MAX_ANSWER_BYTES = 1 << 20;

const AUTHORITY = 'https://login.microsoftonline.com/';

/** Milliseconds between two times that a token is fetched, however soon it ends. */
const SELDOM = 30_000;

/** Tokens for one run, fetched when they are first needed and again before they end. */
export class AzureTokens {
  readonly #settings: AzureSettings;
  readonly #transport: Transport;
  readonly #metadata: Metadata;
  #machine: Promise<boolean> | undefined;
  #isOfMachine = false;
  #token: Promise<string> | undefined;
  #end = 0;

  constructor(settings: AzureSettings, transport: Transport, metadata = new Metadata()) {
    this.#settings = settings;
    this.#transport = transport;
    this.#metadata = metadata;
  }

  /**
   * Where the environment names no identity, and what was asked without one was refused: the
   * machine's may be asked for from now on.
   *
   * @returns whether there is one
   */
  useMachine(): Promise<boolean> {
    this.#machine ??= this.#tryMachine();
    return this.#machine;
  }

  async #tryMachine(): Promise<boolean> {
    if (this.#isNamed) return false;
    const answer = await this.#askMachine().catch((error) => {
      if (error instanceof WeighlockError) return undefined;
      throw error;
    });
    // Without an identity, or with several and no AZURE_CLIENT_ID, it answers 400; other clouds
    // have no such address.
    if (answer?.status !== 200) return false;
    this.#token = Promise.resolve(this.#take(answer.url, metadataFields(answer)));
    this.#isOfMachine = true;
    return true;
  }

  /** Whether the environment says for which identity. */
  get #isNamed(): boolean {
    const { variables } = this.#settings;
    const has = (name: string) => variables[name] !== undefined;
    const isProven = has('AZURE_FEDERATED_TOKEN_FILE') || has('AZURE_CLIENT_SECRET');
    return has('AZURE_TENANT_ID') && has('AZURE_CLIENT_ID') && isProven;
  }

  /** @throws WeighlockError */
  async headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    if (!this.#isNamed && !this.#isOfMachine) return {};
    if (this.#token === undefined || Date.now() > this.#end - EARLY) {
      const asked = this.#isOfMachine ? this.#anew() : this.#ask(signal);
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
      form.set('client_assertion', readTokenFile('AZURE_FEDERATED_TOKEN_FILE', file, LABEL));
    } else form.set('client_secret', variables['AZURE_CLIENT_SECRET'] ?? '');
    const answer = await this.#transport.ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
      signal,
      check: onlyOriginOf(url),
    });
    if (answer.status !== 200)
      throw await refusalOf(answer, { what: 'a token of Microsoft Entra ID', remedies: REMEDIES });
    return this.#take(url, (jsonOf(await readBody(answer, MAX_ANSWER_BYTES), url) ?? {}) as Record<string, unknown>);
  }

  /** Azure Instance Metadata Service, "Acquire an access token". */
  #askMachine(): Promise<MetadataAnswer> {
    const url = this.#metadata.url('/metadata/identity/oauth2/token');
    const client = this.#settings.variables['AZURE_CLIENT_ID'];
    url.search = new URLSearchParams({
      'api-version': '2018-02-01',
      resource: 'https://storage.azure.com/',
      ...(client === undefined ? {} : { client_id: client }),
    }).toString();
    return this.#metadata.ask(url, { headers: { metadata: 'true' } });
  }

  async #anew(): Promise<string> {
    const answer = await this.#askMachine();
    if (answer.status !== 200) throw unavailable(answer.url, `answered ${answer.status}`);
    return this.#take(answer.url, metadataFields(answer));
  }

  #take(url: URL, { access_token: token, expires_in: left }: Readonly<Record<string, unknown>>): string {
    const secret = secretOf(token, url);
    // Entra ID says seconds as a number, the metadata of a machine as a text.
    const seconds = Number(left);
    this.#end = Date.now() + Math.max((seconds > 0 ? seconds : 3600) * 1000, EARLY + SELDOM);
    return secret;
  }
}

const LABEL = 'label the pod azure.workload.identity/use: "true"';
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

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
