import { WeighlockError } from '../error/index.ts';
import type { Expectation } from './artifact-source.ts';
import { Authenticator } from './auth.ts';
import { Deadline } from './deadline.ts';
import { unavailable } from './faults.ts';
import { type CredentialSources, Keychain } from './keychain.ts';
import { MAX_ERROR_BYTES, MAX_TRIES, MAX_WAITS_MISSING, SLOWEST_RATE } from './limits.ts';
import { apiHost, credentialKey, type Reference, referenceText } from './reference.ts';
import { refusalOf } from './refusal.ts';
import { type Patience, type Sleep, withRetries } from './retry.ts';
import { type Answer, Transport, type TransportSettings } from './transport.ts';

/** Everything a client needs to know; plain data, so that it can be handed to a worker thread. */
export interface RegistrySettings extends TransportSettings {
  readonly credentials: CredentialSources;
  /**
   * Registry -> hosts that are asked first, in order. Upstream credentials are not sent to them.
   */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
}

/** Told what a person should see: warnings of registries, retries. */
export type Notice = (text: string) => void;

/** One server that has a repository: the registry itself, or a mirror. */
export interface Host {
  readonly base: URL;
  /** The upstream registry that a mirror is to answer for. */
  readonly namespace: string | undefined;
  readonly authenticator: Authenticator;
}

/**
 * The servers that have one repository, mirrors first: whom to ask, how often, with which
 * credential.
 */
export class Hosts {
  readonly reference: Reference;
  readonly all: readonly Host[];
  readonly #transport: Transport;
  readonly #notice: Notice;
  readonly #warned = new Set<string>();
  readonly #sleep: Sleep;
  #waitsLeft = MAX_WAITS_MISSING;

  /**
   * @throws WeighlockError `CONFIG_INVALID` when a file that was named for registries cannot be
   * used
   */
  constructor(reference: Reference, settings: RegistrySettings, notice: Notice, wait: Sleep) {
    this.reference = reference;
    this.#notice = notice;
    this.#sleep = wait;
    const keychain = new Keychain(settings.credentials, notice);
    keychain.requireNamed();
    this.#transport = new Transport(settings);
    const { registry, repository } = reference;
    const upstream = apiHost(registry);
    const host = (name: string, mirror: boolean): Host => {
      const base = new URL(`${this.#transport.allowsPlainHttp(name) ? 'http' : 'https'}://${name}`);
      const load = () => keychain.credentialsFor(credentialKey(mirror ? name : registry), repository);
      const namespace = mirror ? registry : undefined;
      return { base, namespace, authenticator: new Authenticator(this.#transport, base, repository, load) };
    };
    const mirrors = settings.mirrors.get(registry) ?? [];
    this.all = [...mirrors.map((name) => host(name, true)), host(upstream, false)];
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  /** Milliseconds for a small blob, with whatever has to be tried again; 0 for no limit. */
  timeFor(size: number): number {
    const { documentTimeout } = this.#transport;
    return documentTimeout === 0 ? 0 : 2 * documentTimeout + (size / SLOWEST_RATE) * 1000;
  }

  tooSlow(size: number): WeighlockError {
    const { failure } = new Deadline(this.timeFor(size)).fault(new URL(this.all.at(-1)?.base ?? 'https://registry'));
    return failure;
  }

  /** How long to go on with what fails, and who is told. */
  patience(signal: AbortSignal): Omit<Patience, 'progress'> {
    return { signal, onRetry: this.#onRetry, sleep: this.#sleep };
  }

  /** Tries the hosts in order; the last one, the registry itself, has the last word. */
  async any<T>(signal: AbortSignal, action: (host: Host) => Promise<T>, hosts: readonly Host[] = this.all): Promise<T> {
    for (const [i, host] of hosts.entries()) {
      try {
        return await withRetries(() => action(host), this.patience(signal));
      } catch (error) {
        if (signal.aborted || i === hosts.length - 1) throw error;
        if (!(error instanceof WeighlockError)) throw error;
        this.#notice(`mirror ${host.base.host}: ${error.message}; asking the next one`);
      }
    }
    throw new Error('a repository without hosts');
  }

  /**
   * One GET in this repository, with whatever the registry wants to see. Follows challenges, not
   * failures.
   */
  async get(
    host: Host,
    path: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    options: { readonly asStored?: boolean; readonly along?: readonly URL[] | undefined } = {},
  ): Promise<Answer> {
    const url = new URL(`/v2/${this.reference.repository}/${path}`, host.base);
    if (host.namespace !== undefined) url.searchParams.set('ns', host.namespace);
    for (let turn = 0; turn < MAX_TRIES; turn++) {
      const secretHeaders = host.authenticator.headers();
      const answer = await this.#transport.ask(url, { headers, secretHeaders, signal, ...options });
      this.#showWarnings(answer);
      if (answer.status !== 401) {
        if (answer.status < 400) host.authenticator.accepted();
        return answer;
      }
      const more = await host.authenticator.answer(answer, secretHeaders['authorization'], signal);
      if (!more) return answer;
      await answer.body.dump(MAX_ERROR_BYTES);
    }
    throw unavailable(url, 'asks for credentials again and again');
  }

  /** Why an answer of one of them cannot be used. */
  refusal(answer: Answer, what: string, { isExpected = false, missing }: Expectation = {}): Promise<WeighlockError> {
    const isPatient = isExpected && this.#waitsLeft > 0;
    if (isPatient && answer.status === 404) this.#waitsLeft -= 1;
    return refusalOf(answer, {
      what: `${referenceText(this.reference)}, ${what}`,
      missing: missing ?? 'FILE_MISSING',
      isExpected: isPatient,
      remedies: {
        401: 'mount a pull secret for this registry (DOCKER_CONFIG, --registry-config)',
        403: 'the credentials are known, but may not pull this repository',
        404: isExpected
          ? 'the registry does not have what its own manifest names: push the artifact again, or try again later'
          : 'check the name and the tag: the registry has no such thing',
      },
    });
  }

  /**
   * Asks the hosts in order until one has something. What fails is told in `faults`, and hides
   * nothing of the others.
   */
  async each<T>(
    signal: AbortSignal,
    action: (host: Host) => Promise<readonly T[]>,
    faults: WeighlockError[],
  ): Promise<readonly T[]> {
    for (const host of this.all) {
      try {
        const found = await action(host);
        if (found.length > 0) return found;
      } catch (error) {
        if (signal.aborted || !(error instanceof WeighlockError)) throw error;
        if (host.namespace === undefined) faults.push(error);
        else this.#notice(`mirror ${host.base.host}: ${error.message}; asking the next one`);
      }
    }
    return [];
  }

  /** distribution-spec, "Warnings": shown once each, never acted on. */
  #showWarnings(answer: Answer): void {
    const header = answer.headers['warning'];
    for (const warning of Array.isArray(header) ? header : header === undefined ? [] : [header]) {
      const text = /^299 - "(.{0,4096}?)"/s.exec(warning)?.[1];
      if (text === undefined || this.#warned.has(text) || this.#warned.size > 20) continue;
      this.#warned.add(text);
      this.#notice(`${this.reference.registry} warns: ${text}`);
    }
  }

  readonly #onRetry = (failure: WeighlockError, milliseconds: number): void => {
    this.#notice(`${failure.message}; trying again in ${(milliseconds / 1000).toFixed(1)} s`);
  };
}
