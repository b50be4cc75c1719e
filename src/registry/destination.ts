import type { LookupFunction } from 'node:net';
import { type Reach, reachOf } from './address.ts';

/**
 * Where a request goes: what its URL says, and how near the address is, where that is known of a
 * name.
 */
export interface Place {
  readonly url: URL;
  readonly reach?: Reach | undefined;
}

/** Resolves a name; `dns.lookup`. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: Error | null, addresses: readonly { readonly address: string; readonly family: number }[]) => void,
) => void;

/**
 * The one decision whether a server may send us somewhere, by a redirect or for a token: it must
 * not make requests of its choice from within this network. Undefined when it may, else why not.
 *
 * - To itself, on whatever port: always.
 * - To metadata of a cloud, and what else is on this link: never.
 * - To this pod's loopback: only if it is there itself.
 * - To a private address: a server that is at one itself, always. One in public may name a host
 *   that has a private address (a storage behind a private endpoint) over https, where the
 *   certificate says that the name is meant.
 */
export function destinationFault(sender: Place, target: Place): string | undefined {
  const host = hostOf(target.url);
  if (host === hostOf(sender.url)) return undefined;
  const written = writtenReach(host);
  const reach = written ?? target.reach;
  const from = writtenReach(hostOf(sender.url)) ?? sender.reach ?? 'public';
  const isMeant = written === undefined && target.url.protocol === 'https:';
  const isRefused =
    reach === 'special' ||
    (reach === 'loopback' && from !== 'loopback') ||
    (reach === 'private' && from === 'public' && !isMeant);
  return isRefused ? `the internal address ${host}` : undefined;
}

/**
 * How near a host is as it is written: an address, or a name that every resolver knows (RFC 6761,
 * section 6.3).
 */
export function writtenReach(host: string): Reach | undefined {
  return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : reachOf(host);
}

/** The host of a URL without the dot that may end it. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/\.$/, '');
}

/** A name whose addresses are all where the server that named it must not send us. */
export class RefusedAddress extends Error {}

/** Resolves names to those of their addresses that may be connected to. */
export function checkedLookup(
  lookup: Lookup,
  faultOf: (hostname: string, address: string) => string | undefined,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const allowed = error === null ? addresses.filter(({ address }) => faultOf(hostname, address) === undefined) : [];
      const [first] = allowed;
      if (error !== null) callback(error, '', 0);
      else if (first === undefined) callback(new RefusedAddress('an internal address'), '', 0);
      else if (options.all === true) callback(null, [...allowed]);
      else callback(null, first.address, first.family);
    });
  };
}
