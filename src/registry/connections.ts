import { lookup as dnsLookup } from 'node:dns';
import { readFileSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { errno, WeighlockError } from '../error/index.ts';
import { type Reach, reachOf } from './address.ts';
import { checkedLookup, destinationFault, hostOf, type Lookup, type Place, writtenReach } from './destination.ts';
import { CONNECT_TIMEOUT } from './limits.ts';
import { receivingConnector } from './receive.ts';

// HTTP/1.1 only: several blobs in one connection of HTTP/2 are slower than each in its own.
const limits = { maxHeaderSize: 65_536, allowH2: false };

/**
 * Connections to servers, directly and through proxies: kept for further requests, and only to
 * where they may go.
 */
export class Connections {
  readonly #direct: Agent;
  /** For hosts that a server named, by that server and scheme: what it may name depends on both. */
  readonly #led = new Map<string, Agent>();
  /** How near the hosts are that were connected to. */
  readonly #reaches = new Map<string, Reach>();
  readonly #lookup: Lookup;
  readonly #proxies = new Map<string, ProxyAgent>();
  readonly #tls: { ca?: string[] };
  readonly #limits: typeof limits & { readonly headersTimeout: number; readonly bodyTimeout: number };

  /** @param most - milliseconds without a byte of an answer */
  constructor(caFiles: readonly string[], most: number, lookup: Lookup = dnsLookup) {
    this.#lookup = lookup;
    this.#limits = { ...limits, headersTimeout: most, bodyTimeout: most };
    this.#tls = caFiles.length === 0 ? {} : { ca: [...rootCertificates, ...caFiles.map(readCertificates)] };
    this.#direct = this.#agent(checkedLookup(lookup, () => undefined));
  }

  /** @param from - the server that named the URL, if one did */
  dispatcherFor(url: URL, proxy: URL | undefined, from: Place | undefined): Dispatcher {
    if (proxy !== undefined) return this.#proxied(proxy);
    return from === undefined || hostOf(url) === hostOf(from.url) ? this.#direct : this.#agentFor(url, from);
  }

  async close(): Promise<void> {
    const others = [...this.#led.values(), ...this.#proxies.values()];
    await Promise.all([this.#direct, ...others].map((one) => one.destroy()));
  }

  /** What is known of the place that a URL names. */
  placeOf(url: URL): Place {
    return { url, reach: this.#reaches.get(hostOf(url)) };
  }

  /** A host that a server named is connected to only at addresses that it may send us to. */
  #agentFor({ protocol }: URL, from: Place): Agent {
    const reach = writtenReach(hostOf(from.url)) ?? from.reach ?? 'public';
    const key = `${protocol} ${reach} ${hostOf(from.url)}`;
    const known = this.#led.get(key);
    if (known !== undefined) return known;
    const faultOf = (host: string, address: string) =>
      destinationFault(from, { url: new URL(`${protocol}//${host}`), reach: reachOf(address) });
    const agent = this.#agent(checkedLookup(this.#lookup, faultOf));
    this.#led.set(key, agent);
    return agent;
  }

  #agent(lookup: LookupFunction): Agent {
    const connect = receivingConnector({ timeout: CONNECT_TIMEOUT, allowH2: false, lookup, ...this.#tls });
    return new Agent({
      connect: (target, callback) =>
        connect(target, (...args) => {
          const [, socket] = args;
          const reach = reachOf(socket?.remoteAddress ?? '');
          if (reach !== undefined) this.#reaches.set(target.hostname.replace(/\.$/, ''), reach);
          callback(...args);
        }),
      ...this.#limits,
    });
  }

  #proxied({ href }: URL): Dispatcher {
    const known = this.#proxies.get(href);
    if (known !== undefined) return known;
    const tls = { timeout: CONNECT_TIMEOUT, ...this.#tls };
    // Of its own accord undici waits five minutes for the answer to CONNECT.
    const clientFactory = (origin: URL, options: object) => new Pool(origin, { ...options, ...this.#limits });
    const agent = new ProxyAgent({ uri: href, requestTls: tls, proxyTls: tls, clientFactory, ...this.#limits });
    this.#proxies.set(href, agent);
    return agent;
  }
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: `cannot read the CA certificates ${file}: ${errno(error)}`,
        remedy: 'mount the file, or drop --registry-cacert',
      },
      { cause: error },
    );
  }
}
