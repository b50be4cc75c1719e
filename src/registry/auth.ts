import { type Challenge, parseChallenges } from './challenge.ts';
import { mayReceive, realmFault } from './credential-scope.ts';
import type { Credential } from './docker-config.ts';
import { unavailable } from './faults.ts';
import { MAX_TOKEN_BYTES } from './limits.ts';
import { refusalOf } from './refusal.ts';
import { type Answer, readBody, type Transport } from './transport.ts';

/** Sent to OAuth2 token servers. */
const CLIENT_ID = 'weighlock';

/** Seconds before its end that a token is not used any more. */
const EARLY = 10;

/** distribution docs, spec/auth/token.md: a token without `expires_in` lives a minute. */
const DEFAULT_LIFETIME = 60;

/**
 * Answers a registry's challenges for one repository, and remembers the answer until it expires.
 * Credentials are tried in order until the registry takes one; without any, a token is asked for
 * anonymously.
 */
export class Authenticator {
  readonly #transport: Transport;
  readonly #registry: URL;
  readonly #scope: string;
  readonly #load: () => Promise<(Credential | undefined)[]>;
  #credentials: (Credential | undefined)[] | undefined;
  #header: { value: string; expires: number } | undefined;
  #worked = false;
  #pending: Promise<boolean> | undefined;

  /**
   * @param registry - origin of the registry's API
   *
   * @param load - gets the credentials when the registry first asks
   */
  constructor(transport: Transport, registry: URL, repository: string, load: () => Promise<Credential[]>) {
    this.#transport = transport;
    this.#registry = registry;
    this.#scope = `repository:${repository}:pull`;
    this.#load = load;
  }

  /** Headers for the next request; empty before the first challenge. */
  headers(): Record<string, string> {
    if (this.#header === undefined || this.#header.expires <= Date.now()) return {};
    return { authorization: this.#header.value };
  }

  /** Tells that the registry took what `headers` gave: from now on a 401 means that it expired. */
  accepted(): void {
    if (this.#header !== undefined) this.#worked = true;
  }

  /**
   * Takes a 401 and gets something better to send. Requests that are refused at the same time share
   * one answer. Only the registry's own challenge counts: what a redirect led to may want somebody
   * else's password, and gets nothing.
   *
   * @param sent - the `authorization` that was refused
   * @returns false when there is nothing left to try
   */
  async answer(refusal: Answer, sent: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (!mayReceive(this.#registry, refusal.hops)) return false;
    // Somebody else got a new token while this request was under way.
    if (this.#header !== undefined && this.#header.value !== sent && this.#header.expires > Date.now()) return true;
    this.#pending ??= this.#renew(parseChallenges(refusal.headers['www-authenticate']), sent, signal).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #renew(challenges: readonly Challenge[], sent: string | undefined, signal: AbortSignal): Promise<boolean> {
    const challenge =
      challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic');
    if (challenge === undefined) return false;
    // Anonymous access is for those whom no credential fits, not for those whose credential was
    // refused.
    const credentials = this.#credentials ?? (await this.#load());
    if (this.#credentials === undefined && credentials.length === 0) credentials.push(undefined);
    this.#credentials = credentials;
    if (sent !== undefined && !this.#worked) credentials.shift();
    this.#header = undefined;
    for (; credentials.length > 0; credentials.shift()) {
      this.#header = await this.#headerFor(challenge, credentials[0], signal);
      if (this.#header !== undefined) return true;
    }
    return false;
  }

  /**
   * What to send with this credential; undefined when it was refused or does not fit the challenge.
   */
  async #headerFor(challenge: Challenge, credential: Credential | undefined, signal: AbortSignal) {
    if (challenge.scheme === 'bearer') return this.#bearer(challenge, credential, signal);
    if (credential?.kind !== 'basic') return undefined;
    return { value: basicHeader(credential), expires: Number.POSITIVE_INFINITY };
  }

  async #bearer(challenge: Challenge, credential: Credential | undefined, signal: AbortSignal) {
    if (credential?.kind === 'registry-token')
      return { value: `Bearer ${credential.token}`, expires: Number.POSITIVE_INFINITY };
    const realm = this.#realm(challenge);
    if (credential?.kind === 'identity-token') {
      const token = await this.#oauth2(realm, challenge, credential.token, signal);
      if (token !== undefined) return token;
    }
    const url = new URL(realm);
    const service = challenge.parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.append('scope', challenge.parameters.get('scope') ?? this.#scope);
    const secretHeaders = credential?.kind === 'basic' ? { authorization: basicHeader(credential) } : {};
    const check = (hop: URL) => this.#requireRealm(hop);
    const answer = await this.#transport.ask(url, { secretHeaders, signal, check, namedBy: this.#registry });
    return this.#token(answer);
  }

  /** The token in an answer; undefined when the server refuses the credential. */
  async #token(answer: Answer): Promise<{ value: string; expires: number } | undefined> {
    if (answer.status === 200) return tokenOf(await readBody(answer, MAX_TOKEN_BYTES), answer.url);
    if (answer.status !== 401 && answer.status !== 403) throw await refusalOf(answer, { what: 'the token server' });
    await answer.body.dump();
    return undefined;
  }

  /**
   * distribution docs, spec/auth/oauth.md; a server without this flow answers 404, and the GET flow
   * is used.
   */
  async #oauth2(realm: URL, challenge: Challenge, token: string, signal: AbortSignal) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: token,
      service: challenge.parameters.get('service') ?? '',
      client_id: CLIENT_ID,
      scope: challenge.parameters.get('scope') ?? this.#scope,
    });
    const answer = await this.#transport.ask(realm, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      signal,
      namedBy: this.#registry,
      // The token is in the body, and a redirect would carry it away.
      check: (hop) => {
        if (!mayReceive(realm, [hop])) throw unavailable(hop, 'the token server redirects to another origin');
      },
    });
    if (answer.status === 404 || answer.status === 405) {
      await answer.body.dump();
      return undefined;
    }
    return this.#token(answer);
  }

  /** The token server that the registry names, unless it is somewhere it must not be (S33). */
  #realm({ parameters }: Challenge): URL {
    const text = parameters.get('realm') ?? '';
    let realm: URL;
    try {
      realm = new URL(text);
    } catch {
      throw unavailable(this.#registry, 'asks for a token from something that is no URL');
    }
    realm.username = '';
    realm.password = '';
    this.#requireRealm(realm);
    return realm;
  }

  #requireRealm(url: URL): void {
    const place = this.#transport.placeOf(this.#registry);
    const fault = realmFault(place, url, (host) => this.#transport.allowsPlainHttp(host));
    if (fault !== undefined) throw unavailable(this.#registry, fault);
  }
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function tokenOf(body: Buffer, url: URL): { value: string; expires: number } {
  try {
    const { token, access_token, expires_in } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    // Some servers send both names, and one of them empty.
    const value = [token, access_token].find((one) => typeof one === 'string' && one !== '');
    if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) {
      const seconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : DEFAULT_LIFETIME;
      return { value: `Bearer ${value}`, expires: Date.now() + Math.max(1, seconds - EARLY) * 1000 };
    }
  } catch {
    // What it holds may be half a token: not in the message.
  }
  throw unavailable(url, 'the token server did not answer with a token');
}
