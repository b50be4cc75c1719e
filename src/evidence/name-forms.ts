/**
 * A label of a host name, as certificates have them (RFC 5280 section 4.2.1.6), underscores and one
 * wildcard included.
 */
const HOST = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63}){0,126}$/i;

/**
 * Whether the text of an alternative name is what its kind says. Patterns are compared with text
 * alone, and a CA's name constraints hold for one kind: an authority that may issue no address of
 * somebody's must not get it past them as a host name or as a URI without a scheme.
 *
 * @param kind - as Node calls it
 */
export function hasFormOf(kind: string, text: string): boolean {
  if (kind === 'email') return /^[^@\s:/]+@[^@\s:/]+$/.test(text);
  if (kind === 'DNS') return HOST.test(text) && isIP(text) === 0;
  if (kind === 'URI') return /^[a-z][a-z0-9+.-]*:./is.test(text);
  return kind === 'IP Address' && isIP(text) !== 0;
}

/** Fulcio's user names are `NAME!DOMAIN` (fulcio, docs/oid-info.md, 1.3.6.1.4.1.57264.1.7). */
export function isUserName(text: string): boolean {
  return /^[^@:/\s]+$/.test(text) && text.slice(1, -1).includes('!');
}

/** Loaded where it is needed: every start would pay for it. */
function isIP(text: string): number {
  return process.getBuiltinModule('node:net').isIP(text);
}
