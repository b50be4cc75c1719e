import { ContentInspector, type FileContent } from '../content/index.ts';
import { entryText, type PathBytes } from '../fs/index.ts';
import type { Digester } from '../transfer/index.ts';

/** A hasher whose bytes are looked at as well: what is said of them is said of the digest. */
export class InspectedDigester implements Digester {
  readonly #digester: Digester;
  readonly #name: string;
  readonly #size: number | undefined;
  #inspector: ContentInspector;

  constructor(digester: Digester, name: PathBytes, size: number | undefined) {
    this.#digester = digester;
    this.#name = entryText(name);
    this.#size = size;
    this.#inspector = this.#make();
  }

  /** Begins anew. */
  init(): void {
    this.#inspector.drop();
    this.#inspector = this.#make();
    this.#digester.init();
  }

  update(bytes: Buffer): void {
    this.#inspector.push(bytes);
    this.#digester.update(bytes);
  }

  digest(): Uint8Array | Promise<Uint8Array> {
    return this.#digester.digest();
  }

  get isShort(): boolean {
    return this.#digester.isShort === true;
  }

  async room(): Promise<void> {
    await this.#digester.room?.();
  }

  content(): { readonly content: FileContent } {
    return { content: this.#inspector.finish() };
  }

  #make(): ContentInspector {
    return new ContentInspector(this.#name, this.#size);
  }
}
