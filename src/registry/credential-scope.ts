import { BlockList, isIP } from 'node:net';

/** Addresses that a registry has no business sending us to for a token (go-containerregistry #2243, #2293). */
const INTERNAL = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  INTERNAL.ipv4.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['::ffff:0:0', 96],
  // NAT64 (RFC 6052): the last 32 bits are an IPv4 address.
  ['64:ff9b::', 96],
] as const) {
  INTERNAL.ipv6.addSubnet(network, prefix, 'ipv6');
}

/**
 * The one decision whether a credential may be sent, or a challenge for it counts: only when every address that was
 * asked, from the first to the last, is the origin that the credential is for. A request that a redirect took elsewhere
 * does not get it back, not even when it is sent back. (CVE-2020-15157, go-containerregistry #2349.)
 *
 * An origin is scheme, host and port. `URL` has brought case, default ports and the forms of addresses together; the dot
 * that may end a host name is left out here.
 *
 * @param owner - any URL of the origin that the credential is for
 * @param hops - every URL that was asked, or is to be asked, in order
 */
export function mayReceive(owner: URL, hops: readonly URL[]): boolean {
  return hops.length > 0 && hops.every((hop) => originOf(hop) === originOf(owner));
}

function originOf({ protocol, hostname, port }: URL): string {
  return `${protocol}//${hostname.replace(/\.$/, '')}:${port}`;
}

function isInternal(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return false;
  // In one list an IPv4 address would match the range of those that are mapped into IPv6.
  return family === 4 ? INTERNAL.ipv4.check(host, 'ipv4') : INTERNAL.ipv6.check(host, 'ipv6');
}

/**
 * Why a registry's own challenge may not send us, with the password, to a token server; undefined when it may. The
 * registry names any host for it (Docker's does), but over https, unless it is itself spoken to without TLS, and at no
 * internal address (S33).
 */
export function realmFault(registry: URL, realm: URL): string | undefined {
  const isPlain = realm.protocol === 'http:' && registry.protocol === 'http:';
  if (realm.protocol !== 'https:' && !isPlain) return `asks for a token over ${realm.protocol}`;
  if (realm.host === registry.host) return undefined;
  const host = realm.hostname.replace(/^\[|\]$|\.$/g, '');
  const isLocal = host === 'localhost' || host.endsWith('.localhost');
  if (!isLocal && !isInternal(host)) return undefined;
  // A registry on this machine may have its token server beside it, on another port.
  return realm.hostname === registry.hostname ? undefined : `asks for a token at the internal address ${host}`;
}
