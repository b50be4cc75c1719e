// One of several reporters writes: whoever holds a Lease of coordination.k8s.io, by the rules of
// client-go's leader election. Clocks of machines differ, so no time in the Lease is ever compared
// with ours: a holder is gone when the Lease did not change for its whole duration, as this process
// measured it.
import { setTimeout as delay } from 'node:timers/promises';
import { failureOf } from '../error/index.ts';
import { type Api, type ApiAnswer, reasonOf, unavailable } from './api.ts';
import { pauseAfter } from './back-off.ts';

export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Unlike that of any other process. */
  readonly identity: string;
  readonly notice: (text: string) => void;
  readonly timing?: Partial<LeaseTiming>;
}

/** Milliseconds. */
export interface LeaseTiming {
  /** So long others leave a holder alone that says nothing. */
  readonly duration: number;
  /** A holder that could not renew for so long stops to write: well before others may begin. */
  readonly deadline: number;
  readonly retry: number;
}

/** Twice those of client-go: nobody waits for a report, and each renewal is a write. */
export const LEASE_TIMING: LeaseTiming = { duration: 30_000, deadline: 20_000, retry: 4000 };

interface LeaseObject {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly spec?: LeaseSpec;
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

const API = '/apis/coordination.k8s.io/v1/namespaces';

/** Longer than any sensible duration; a Lease is written by whoever has the right to. */
const MAX_DURATION = 3_600_000;

export class Lease {
  readonly #api: Api;
  readonly #options: LeaseOptions;
  readonly #timing: LeaseTiming;
  /** As it was last seen, and since when nobody has changed it, on our clock. */
  #seen: { readonly version: string; readonly since: number } | undefined;
  #heldUntil = 0;
  #isAnswered = false;
  #failures = 0;
  #said = '';

  constructor(api: Api, options: LeaseOptions) {
    this.#api = api;
    this.#options = options;
    this.#timing = { ...LEASE_TIMING, ...options.timing };
  }

  /**
   * True while nobody else may hold it: asked before each write, since a process may sleep for any
   * time.
   */
  get isHeld(): boolean {
    return performance.now() < this.#heldUntil;
  }

  /** True when the last question about the Lease was answered, whoever holds it. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /**
   * Leads whenever the Lease can be had, until the signal aborts; then it is given back.
   *
   * @param lead - runs until its signal aborts, which it does when the Lease is lost
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      if (await this.#tryToHold(signal)) await this.#lead(signal, lead);
      if (!signal.aborted) await this.#wait(signal);
    }
    await this.#release();
  }

  async #lead(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { notice, name, identity } = this.#options;
    notice(`${identity} holds the lease ${name} and writes`);
    const term = new AbortController();
    const both = AbortSignal.any([signal, term.signal]);
    let isLost = false;
    const leading = lead(both)
      .then(
        () => undefined,
        (error: unknown) => error,
      )
      .finally(() => term.abort());
    while (!both.aborted) {
      await this.#wait(both);
      if (both.aborted) break;
      await this.#tryToHold(both);
      if (!this.isHeld) {
        notice(`the lease ${name} is lost: another one may write`);
        isLost = true;
        term.abort();
      }
    }
    const error = await leading;
    if (error !== undefined && !isLost && !signal.aborted) throw error;
  }

  /** Takes or renews the Lease. What goes wrong is no more than not having it. */
  async #tryToHold(signal: AbortSignal): Promise<boolean> {
    try {
      const held = await this.#takeOrRenew(signal);
      this.#isAnswered = true;
      this.#failures = 0;
      this.#said = '';
      return held;
    } catch (error) {
      if (signal.aborted) return false;
      this.#isAnswered = false;
      this.#failures += 1;
      const { message } = failureOf(error);
      if (message !== this.#said) this.#options.notice(message);
      this.#said = message;
      return false;
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { identity } = this.#options;
    const timeout = this.#timing.deadline / 2;
    const read = await this.#api.ask({ method: 'GET', path: this.#path, timeout, signal });
    if (read.status === 404) return this.#write('POST', undefined, signal);
    if (read.status !== 200) throw this.#refused(read);
    const lease = read.body as LeaseObject;
    const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
    const version = lease.metadata?.resourceVersion ?? '';
    const now = performance.now();
    if (this.#seen?.version !== version) this.#seen = { version, since: now };
    const duration = Math.min(1000 * leaseDurationSeconds, MAX_DURATION);
    const isFree = holderIdentity === '' || holderIdentity === identity || now - this.#seen.since > duration;
    if (!isFree) {
      this.#heldUntil = 0;
      return false;
    }
    return this.#write('PUT', lease, signal);
  }

  /** @returns false when another one was quicker */
  async #write(method: 'POST' | 'PUT', before: LeaseObject | undefined, signal: AbortSignal): Promise<boolean> {
    const { namespace, name, identity } = this.#options;
    const { duration, deadline } = this.#timing;
    const { spec = {}, metadata = {} } = before ?? {};
    const isOurs = spec.holderIdentity === identity;
    const time = microTime(Date.now());
    // Counted from before the request: others count from when they see it.
    const start = performance.now();
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...metadata, name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.ceil(duration / 1000)),
        acquireTime: isOurs ? (spec.acquireTime ?? time) : time,
        renewTime: time,
        leaseTransitions: (spec.leaseTransitions ?? 0) + (isOurs || before === undefined ? 0 : 1),
      },
    };
    const path = method === 'POST' ? `${API}/${encodeURIComponent(namespace)}/leases` : this.#path;
    const answer = await this.#api.ask({ method, path, body, timeout: deadline / 2, signal });
    if (answer.status === 409) return false;
    if (answer.status >= 300) throw this.#refused(answer);
    this.#heldUntil = start + deadline;
    return true;
  }

  /** So that the next one need not wait. A Lease that is not ours any more is left alone. */
  async #release(): Promise<void> {
    if (!this.isHeld) return;
    this.#heldUntil = 0;
    const signal = AbortSignal.timeout(2000);
    try {
      const { status, body } = await this.#api.ask({ method: 'GET', path: this.#path, signal });
      const lease = body as LeaseObject;
      if (status !== 200 || lease.spec?.holderIdentity !== this.#options.identity) return;
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(Date.now()) };
      await this.#api.ask({ method: 'PUT', path: this.#path, body: { ...lease, spec }, signal });
    } catch {
      // It runs out by itself.
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { retry } = this.#timing;
    // Two that wait must not ask at the same moment for ever; a server that is down is not asked
    // every time.
    const pause = this.isHeld
      ? retry * (0.8 + 0.4 * Math.random())
      : pauseAfter({ first: retry, longest: 8 * retry }, Math.max(1, this.#failures));
    await delay(pause, undefined, { signal }).catch(() => {});
  }

  #refused({ status, body }: ApiAnswer) {
    return unavailable(this.#path, `answered ${status}: ${reasonOf(body)}`);
  }

  get #path(): string {
    const { namespace, name } = this.#options;
    return `${API}/${encodeURIComponent(namespace)}/leases/${encodeURIComponent(name)}`;
  }
}

/** RFC 3339 with microseconds, as the API wants it. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/Z$/, '000Z');
}
