/** Characters of a `Link` header: one address, of at most 2048, and what it is. */
const MAX_LINK = 4096;

const TARGET = /[\s,]*<([^<>]{1,2048})>/y;
const PARAMETER = /\s*;\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/y;

/**
 * The address of the next page in `Link` headers (RFC 8288, section 3): several links in one or
 * several headers, their parameters quoted or not. What does not parse ends a header; it is never
 * guessed at. It must be linear: a server may send a header of 64 KiB.
 *
 * @returns undefined when there is none; no text when a header is too long to be one
 */
export function nextLink(headers: string | readonly string[] | undefined): string | undefined {
  for (const header of headers === undefined ? [] : [headers].flat()) {
    if (header.length > MAX_LINK) return '';
    const target = nextIn(header);
    if (target !== undefined) return target;
  }
  return undefined;
}

function nextIn(header: string): string | undefined {
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  for (let link = take(TARGET); link !== null; link = take(TARGET)) {
    let relation: string | undefined;
    for (let parameter = take(PARAMETER); parameter !== null; parameter = take(PARAMETER)) {
      const [, name = '', quoted, plain] = parameter;
      // The first one counts (RFC 8288, section 3.3).
      if (name.toLowerCase() === 'rel') relation ??= quoted ?? plain ?? '';
    }
    if (relation?.toLowerCase().split(/\s/).includes('next')) return link[1];
  }
  return undefined;
}
