/** Deeper than any answer of S3. */
const MAX_DEPTH = 16;

const TAG =
  /<(\/?)([A-Za-z_][\w.-]{0,100})((?:\s+[A-Za-z_][\w:.-]{0,100}\s*=\s*(?:"[^"<]{0,500}"|'[^'<]{0,500}'))*)\s*(\/?)>/y;

/**
 * What may stand before the root, and nowhere else: no document type is read, so that there are no
 * entities but XML's own.
 */
const DECLARATION = /^\uFEFF?\s*(?:<\?xml\s[^<>]{0,200}\?>)?\s*/;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** An element with text in it, or the end of one with elements. */
export interface XmlNode {
  /** Names from the root down, joined by slashes. */
  readonly path: string;
  /** Undefined at the end of an element that has elements in it. */
  readonly text: string | undefined;
}

/**
 * Reads the small part of XML that S3 and its like send: elements with elements or text in them.
 * Attributes are let pass unread; comments, CDATA, document types and processing instructions are
 * faults. In time that is linear in the length.
 *
 * @param take - told of every element, at its end
 * @returns what is wrong with it
 */
export function readXml(xml: string, take: (node: XmlNode) => void): string | undefined {
  const open: { readonly path: string; hasElements: boolean }[] = [];
  let at = DECLARATION.exec(xml)?.[0].length ?? 0;
  let isDone = false;
  while (at < xml.length) {
    const next = xml.indexOf('<', at);
    const text = next < 0 ? xml.slice(at) : xml.slice(at, next);
    const parent = open.at(-1);
    TAG.lastIndex = next;
    const tag = next < 0 ? null : TAG.exec(xml);
    const [, closing = '', name = '', attributes = '', empty = ''] = tag ?? [];
    const isLeafEnd = closing !== '' && parent?.hasElements === false;
    if (!isLeafEnd && text.trim() !== '') return 'has text between its elements';
    if (next < 0) break;
    if (tag === null) return 'is not the XML that is meant';
    if (isDone) return 'has something behind its end';
    at = TAG.lastIndex;
    if (closing === '') {
      if (open.length === MAX_DEPTH) return 'is nested too deep';
      if (parent !== undefined) parent.hasElements = true;
      open.push({ path: parent === undefined ? name : `${parent.path}/${name}`, hasElements: false });
      if (empty === '') continue;
    } else if (parent === undefined || attributes !== '' || empty !== '' || !isNamed(parent.path, name)) {
      return 'ends an element that did not begin';
    }
    const ended = open.pop();
    const content = closing === '' ? '' : decoded(text);
    if (ended === undefined || content === undefined) return 'has an entity that nobody knows';
    take({ path: ended.path, text: ended.hasElements ? undefined : content });
    isDone = open.length === 0;
  }
  return isDone ? undefined : 'breaks off';
}

function isNamed(path: string, name: string): boolean {
  return path === name || path.endsWith(`/${name}`);
}

/** @returns undefined for an entity that is none of XML's, or no character */
function decoded(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let isWrong = false;
  const result = text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));|&/g, (_, hex, decimal, name) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    const character = name === undefined ? characterOf(code) : ENTITIES[name];
    isWrong ||= character === undefined;
    return character ?? '';
  });
  return isWrong ? undefined : result;
}

function characterOf(code: number): string | undefined {
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}
