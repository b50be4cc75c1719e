/**
 * Drops what may be a secret from a URL: user information, and the query and fragment (pre-signed
 * URLs).
 */
export function withoutSecrets(url: string): string {
  const [begin = '', scheme = '', authority = ''] = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url) ?? [];
  // A password with a slash in it, which should have been %2F: what stands behind the colon is no
  // port.
  const isCutShort = /^[^@[:]*:(?!\d*$)[^@]*$/.test(authority);
  const at = isCutShort ? url.lastIndexOf('@') : authority.lastIndexOf('@') + begin.length - authority.length;
  const plain = at < scheme.length ? url : scheme + url.slice(at + 1);
  return plain.replace(/[?#].*$/s, (rest) => `${rest[0]}...`);
}

/** What follows the one `@` that a reference may have. */
const DIGEST = /@(?:sha256|sha384|sha512|blake3):[^@/:]*$/i;

/** Longest text that is shown of something that should have been a reference. */
const MOST_SHOWN = 300;

/**
 * A text that should have been a reference, or a host, for a message: without a user and password,
 * which somebody may have written as in a URL. Whatever stands before an `@` that no digest follows
 * may be part of them.
 */
export function shownReference(text: string): string {
  const begin = /^[a-z][a-z0-9+.-]{0,30}:\/\//i.exec(text)?.[0] ?? '';
  const end = text.length - (DIGEST.exec(text.slice(-MOST_SHOWN))?.[0].length ?? 0);
  const at = text.slice(0, end).lastIndexOf('@');
  // No reference has a query; a signed address has secrets in it.
  const shown = (at < 0 ? text : `${begin}...${text.slice(at)}`).replace(/[?#].*$/s, (rest) => `${rest[0]}...`);
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}...` : shown;
}
