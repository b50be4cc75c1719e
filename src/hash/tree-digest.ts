import { digestAt, type FileTable, nameAt, type PathBytes, toBuffer } from '../fs/index.ts';
import type { Engine } from './engine.ts';

/** Listing lines are hashed in pieces of about this many bytes, so that the listing is never in memory as a whole. */
const PIECE_BYTES = 1 << 16;

/**
 * One line of `sha256sum` (coreutils 9): digest, two spaces, name. A name with a backslash, newline or carriage return
 * has them written as `\\`, `\n`, `\r`, and the line then starts with a backslash.
 */
export function checksumLine(hex: string, name: PathBytes): string {
  if (!/[\\\n\r]/.test(name)) return `${hex}  ${name}\n`;
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `\\${hex}  ${escaped}\n`;
}

/** The `sha256sum` listing of all files, sorted by path bytes: pieces of bytes, as one stream. */
export function* checksumListing(table: FileTable): Generator<Buffer> {
  let lines = '';
  for (let i = 0; i < table.count; i++) {
    lines += checksumLine(Buffer.from(digestAt(table, i)).toString('hex'), nameAt(table, i));
    if (lines.length >= PIECE_BYTES) {
      yield toBuffer(lines as PathBytes);
      lines = '';
    }
  }
  yield toBuffer(lines as PathBytes);
}

/** Tree digest: SHA-256 of the `sha256sum` listing. Every file must have been hashed. 32 raw bytes. */
export function treeDigest(table: FileTable, engine: Engine): Uint8Array {
  engine.init();
  for (const piece of checksumListing(table)) engine.update(piece);
  return engine.digest();
}
