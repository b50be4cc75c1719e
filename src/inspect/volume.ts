import { closeSync } from 'node:fs';
import { EntryReader, entryText, type Listing, listPath, nameAt } from '../fs/index.ts';
import type { Readable } from './headers.ts';

/**
 * Files of a volume, read by the same rules as when they are verified; what changes meanwhile is an
 * error.
 */
export interface Volume {
  readonly files: readonly Readable[];
  readonly listing: Listing;
  close(): void;
}

/** @throws WeighlockError what listing a path throws */
export function openVolume(
  path: string,
  limits: { readonly allowSymlinks: boolean; readonly maxFiles: number },
): Volume {
  const listing = listPath(path, { ...limits, onEntry: () => {} });
  const { root, files: table } = listing;
  const files = Array.from({ length: table.count }, (_, index) => ({
    name: entryText(nameAt(table, index)),
    size: table.size[index] ?? 0,
    read: async (start: number, length: number) => {
      const reader = EntryReader.open({ root, table, index, range: { start, length } });
      try {
        const bytes = Buffer.allocUnsafeSlow(length + 1);
        let at = 0;
        while (!reader.isAtEnd) at += reader.read(bytes.subarray(at))?.length ?? 0;
        return bytes.subarray(0, length);
      } finally {
        reader.close();
      }
    },
  }));
  return { files, listing, close: () => closeSync(root) };
}
