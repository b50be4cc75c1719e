import { destinationFault, hostOf, type Place } from './destination.ts';

/**
 * The one decision whether a credential may be sent, or a challenge for it counts: only when every
 * address that was asked, from the first to the last, is the origin that the credential is for. A
 * request that a redirect took elsewhere does not get it back, not even when it is sent back.
 * (CVE-2020-15157, go-containerregistry #2349.)
 *
 * An origin is scheme, host and port. `URL` has brought case, default ports and the forms of
 * addresses together; the dot that may end a host name is left out here.
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

/**
 * Why a registry's own challenge may not send us, with the password, to a token server; undefined
 * when it may. The registry names any host for it (Docker's does), but over https. Over plain http
 * it may name itself, on whatever port, and hosts that were allowed plain http as it was. Which
 * addresses it may name at all, `destinationFault` says (S33).
 *
 * @param allowsPlainHttp - whether a host was named by `--plain-http`
 */
export function realmFault(registry: Place, realm: URL, allowsPlainHttp: (host: string) => boolean) {
  const isSame = hostOf(realm) === hostOf(registry.url);
  const isPlain = realm.protocol === 'http:' && registry.url.protocol === 'http:';
  if (realm.protocol !== 'https:' && !(isPlain && (isSame || allowsPlainHttp(realm.host))))
    return `asks for a token over ${realm.protocol}`;
  const fault = destinationFault(registry, { url: realm });
  return fault === undefined ? undefined : `asks for a token at ${fault}`;
}
