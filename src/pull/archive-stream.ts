import { type Compression, Decompressor, TarReader } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import type { Engine } from '../hash/index.ts';
import type { WriteBehind } from '../transfer/index.ts';
import { Allowance, type Budget } from './budget.ts';
import { Frames } from './frames.ts';
import { MemberWriter, type Placement } from './member-writer.ts';
import type { PulledFile } from './protocol.ts';

/** Hashers and a queue that one archive needs for itself. */
export interface ArchiveTools {
  readonly packed: Engine;
  readonly unpacked: Engine;
  readonly member: Engine;
  readonly behind: WriteBehind;
  /** Says what each member is. */
  readonly inspects: boolean;
}

export interface Unpacked {
  /** SHA-256 of the bytes as they came, as hex. */
  readonly packedSha256: string;
  /** SHA-256 of the uncompressed archive, as hex. */
  readonly unpackedSha256: string;
  readonly files: readonly PulledFile[];
  /** What makes the archive again from its files; undefined where not all of it became files. */
  readonly frames?: Buffer;
}

/**
 * An archive in one pass: its bytes are hashed as they come, unpacked, hashed again as the archive
 * they are, and its members written and hashed.
 */
export class ArchiveStream {
  readonly #tools: ArchiveTools;
  readonly #isPacked: boolean;
  readonly #members: MemberWriter;
  readonly #frames = new Frames();
  readonly #allowance: Allowance;
  readonly #reader: TarReader;
  readonly #decompressor: Decompressor;

  /** @param budget - what it may come to; where nothing is written, only names are taken of it */
  constructor(
    compression: Compression,
    place: Placement,
    content: string | undefined,
    tools: ArchiveTools,
    budget: Budget,
  ) {
    this.#tools = tools;
    this.#allowance = new Allowance(budget, content !== undefined);
    // Unpacked and packed are the same bytes when nothing is compressed; one hash then serves both.
    this.#isPacked = compression !== 'none';
    this.#members = new MemberWriter(place, content, tools);
    const members = this.#members;
    this.#reader = new TarReader({
      entry: (entry) => {
        this.#allowance.spendName(entry.name.length);
        members.entry(entry);
      },
      data: (chunk) => members.data(chunk),
      end: () => members.end(),
      frame: (chunk) => this.#frames.add(chunk),
    });
    this.#decompressor = new Decompressor(compression, (chunk) => {
      this.#allowance.spend(chunk.length);
      if (this.#isPacked) tools.unpacked.update(chunk);
      this.#reader.push(chunk);
    });
    tools.packed.init();
    tools.unpacked.init();
  }

  /** The next bytes as they come. */
  async push(chunk: Buffer): Promise<void> {
    this.#tools.packed.update(chunk);
    await this.#decompressor.push(chunk);
    if (this.#tools.behind.isFull) await this.#tools.behind.room();
  }

  /**
   * Instead of `push`: an uncompressed archive out of its framing, and the contents of its files
   * where they lie.
   */
  async repack(frames: Buffer, read: (path: PathBytes, size: number) => AsyncIterable<Buffer>): Promise<void> {
    const { packed } = this.#tools;
    for (let at = 0; at < frames.length; ) {
      const from = at;
      at = this.#reader.pushFrame(frames, at);
      packed.update(frames.subarray(from, at));
      const { pending } = this.#members;
      if (at === frames.length || pending === undefined) break;
      for await (const chunk of read(pending.path, pending.size)) {
        packed.update(chunk);
        this.#reader.push(chunk);
      }
    }
  }

  async finish(): Promise<Unpacked> {
    await this.#decompressor.finish();
    this.#reader.finish();
    await this.#tools.behind.drain();
    const packedSha256 = hex(this.#tools.packed);
    const frames = this.#members.hasAll ? this.#frames.bytes() : undefined;
    return {
      packedSha256,
      unpackedSha256: this.#isPacked ? hex(this.#tools.unpacked) : packedSha256,
      files: this.#members.files,
      ...(frames === undefined ? {} : { frames }),
    };
  }

  /** Takes away every file that it wrote. */
  async undo(): Promise<void> {
    await this.close();
    this.#members.removeAll();
    this.#allowance.giveBack();
  }

  async close(): Promise<void> {
    await this.#members.close();
  }
}

function hex(engine: Engine): string {
  return Buffer.from(engine.digest()).toString('hex');
}

/** Times an archive is begun anew because its source cannot go on in its middle. */
export const MAX_BEGINNINGS = 4;

/** Says that an archive cannot go on where it broke off: what it became so far is worth nothing. */
export class CannotGoOn extends WeighlockError {
  constructor(source: 'registry' | 'server') {
    super({
      code: 'SOURCE_UNAVAILABLE',
      message: 'the server cannot go on with an archive where it broke off',
      remedy: `use a ${source} that answers Range requests, or try again when the network is stable`,
    });
  }
}
