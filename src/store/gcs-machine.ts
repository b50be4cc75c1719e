import { WeighlockError } from '../error/index.ts';
import { headerOf, unavailable } from '../registry/index.ts';
import { type Metadata, type MetadataAnswer, metadataFields, secretOf } from './metadata.ts';

/**
 * Milliseconds before its end that a token is fetched anew: the server gives out a new one from
 * then on.
 */
const EARLY = 5 * 60_000;

/** Milliseconds between two times that a token is fetched, however soon it ends. */
const SELDOM = 30_000;

const TOKEN = '/computeMetadata/v1/instance/service-accounts/default/token';

/**
 * Tokens of the machine's service account, or of the pod's where the node says so (Compute Engine
 * and GKE, "metadata server").
 */
export class MachineTokens {
  readonly #metadata: Metadata;
  readonly #scope: string;
  #token: string | undefined;
  #end = 0;

  constructor(metadata: Metadata, scope: string) {
    this.#metadata = metadata;
    this.#scope = scope;
  }

  /**
   * Whether there is such a server, and an account.
   *
   * @throws WeighlockError where it answers otherwise than with a token
   */
  async isThere(): Promise<boolean> {
    let answer: MetadataAnswer;
    try {
      answer = await this.#ask();
    } catch (error) {
      if (error instanceof WeighlockError) return false;
      throw error;
    }
    // Other clouds answer at the same address.
    if (headerOf(answer.headers, 'metadata-flavor') !== 'Google' || answer.status === 404) return false;
    this.#take(answer);
    return true;
  }

  async getAccessToken(): Promise<{ token: string | undefined }> {
    if (this.#token === undefined || Date.now() > this.#end - EARLY) this.#take(await this.#ask());
    return { token: this.#token };
  }

  #ask(): Promise<MetadataAnswer> {
    const url = this.#metadata.url(TOKEN);
    url.searchParams.set('scopes', this.#scope);
    return this.#metadata.ask(url, { headers: { 'metadata-flavor': 'Google' } });
  }

  #take(answer: MetadataAnswer): void {
    const { url, status } = answer;
    if (status !== 200) throw unavailable(url, `answered ${status}`);
    const { access_token: token, expires_in: seconds } = metadataFields(answer);
    this.#token = secretOf(token, url);
    const left = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
    this.#end = Date.now() + Math.max(left, EARLY + SELDOM);
  }
}
