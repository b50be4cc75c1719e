import { isUtf8 } from 'node:buffer';
import type { Facts } from './format.ts';

/** Front matter of a model card is at its beginning. */
const MOST_FRONT_MATTER = 64 << 10;

/** What makes a reader of YAML call something. */
const YAML_TAGS = ['!!python/', 'tag:yaml.org,2002:python/', '!!javax.', '!!java.', '!ruby/object', '%TAG !'];
const LONGEST_TAG = Math.max(...YAML_TAGS.map(({ length }) => length));

/**
 * Follows a text: UTF-8 without control characters, and no tags that make a reader of YAML call
 * something.
 */
export class TextWatcher {
  /** Why it is no text. */
  fault: string | undefined;
  tag: string | undefined;
  #carry = Buffer.alloc(0);
  #last = '';

  push(chunk: Buffer): void {
    if (this.fault !== undefined) return;
    if (hasControls(chunk)) {
      this.fault = 'it has control characters';
      return;
    }
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    const whole = bytes.length - unfinished(bytes);
    this.#carry = Buffer.from(bytes.subarray(whole));
    if (!isUtf8(bytes.subarray(0, whole))) this.fault = 'it is not UTF-8';
    this.#lookForTags(chunk);
  }

  finish(): void {
    if (this.#carry.length > 0) this.fault ??= 'it is not UTF-8';
  }

  #lookForTags(chunk: Buffer): void {
    const edge = this.#last + chunk.toString('latin1', 0, LONGEST_TAG);
    this.tag ??= YAML_TAGS.find((tag) => edge.includes(tag) || chunk.includes(tag));
    this.#last = chunk.toString('latin1', Math.max(0, chunk.length - LONGEST_TAG));
  }
}

/** Tab, line feed, form feed and carriage return are what texts have. */
function hasControls(chunk: Buffer): boolean {
  for (const byte of chunk) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) return true;
    if (byte === 0x7f) return true;
  }
  return false;
}

/** Bytes at the end that begin a character. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0xf0) return back < 4 ? back : 0;
    if (byte >= 0xe0) return back < 3 ? back : 0;
    if (byte >= 0xc0) return back < 2 ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** What the front matter of a model card says. */
export function modelCardFacts(name: string, head: Buffer): Facts {
  if (!/(^|\/)(readme|modelcard|model_card)\.md$/i.test(name)) return {};
  const text = head.toString('utf8', 0, MOST_FRONT_MATTER);
  const matter = /^---\r?\n([\s\S]*?)\r?\n---(\r?\n|$)/.exec(text)?.[1];
  if (matter === undefined) return { isModelCard: true };
  const value = (key: string) => {
    const found = new RegExp(`^${key}:[ \\t]*["']?([^"'\\r\\n#]*)`, 'm').exec(matter)?.[1]?.trim();
    return found === undefined || found === '' ? undefined : found.slice(0, 100);
  };
  const declared = value('license');
  const licence = declared === 'other' ? (value('license_name') ?? declared) : declared;
  return { isModelCard: true, ...(licence === undefined ? {} : { licence }) };
}
