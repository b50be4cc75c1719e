import { Unsound } from './cursor.ts';
import type { Finding } from './format.ts';
import type { Read, Reader } from './inspector.ts';
import { templateFinding } from './jinja.ts';
import { modelCardFacts, TextWatcher } from './text.ts';
import { codeInYaml, isYamlName } from './yaml.ts';

/** Templates and configurations are looked at as a whole. */
const MOST_WHOLE_BYTES = 16 << 20;

export function isTemplateName(name: string): boolean {
  return /\.(jinja2?|j2)$/i.test(name);
}

/** Names of what people write and nobody loads as weights. */
export function isTextName(name: string): boolean {
  return /(\.(txt|md|rst|csv|tsv|log)|(^|\/)(readme|licen[cs]e|notice|authors|changelog))$/i.test(name);
}

/**
 * Text of any size; what its name makes a template or a configuration of is looked at as that, too.
 */
export class TextReader implements Reader {
  readonly #name: string;
  readonly #watcher = new TextWatcher();
  readonly #head: Buffer;
  readonly #codeIn: ((text: string) => readonly Finding[]) | undefined;
  readonly #whole: Buffer[] = [];
  #bytes = 0;

  constructor(name: string, head: Buffer) {
    this.#name = name;
    this.#head = head;
    if (isTemplateName(name)) this.#codeIn = templateFinding;
    else if (isYamlName(name)) this.#codeIn = codeInYaml;
  }

  push(chunk: Buffer): void {
    this.#watcher.push(chunk);
    if (this.#codeIn === undefined) return;
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_WHOLE_BYTES) this.#whole.length = 0;
    else this.#whole.push(Buffer.from(chunk));
  }

  /** @throws Unsound for a template or configuration that is too large to be looked at */
  finish(): Read {
    this.#watcher.finish();
    const { fault, tag } = this.#watcher;
    if (fault !== undefined) return { format: 'unknown' };
    if (this.#bytes > MOST_WHOLE_BYTES) throw new Unsound(`it is larger than ${MOST_WHOLE_BYTES} bytes`);
    const findings: Finding[] =
      tag === undefined ? [] : [{ kind: 'auto-map', text: `the tag ${tag} makes a reader of YAML call something` }];
    findings.push(...(this.#codeIn?.(Buffer.concat(this.#whole).toString('utf8')) ?? []));
    return { format: 'text', findings, facts: modelCardFacts(this.#name, this.#head) };
  }
}
