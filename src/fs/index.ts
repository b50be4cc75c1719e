export { isListed } from './attributes.ts';
export type { LeftOutEntry, LeftOutSummary } from './bookkeeping.ts';
export type { Call, Task, Tasks } from './calls.ts';
export {
  comparePaths,
  entryText,
  fromBuffer,
  fromText,
  isAscii,
  isValidUtf8,
  joinPath,
  type PathBytes,
  toBuffer,
} from './entry-path.ts';
export type { EntrySource, OpenEntry } from './entry-source.ts';
export {
  AGAIN,
  DIGEST_BYTES,
  deviceAt,
  digestAt,
  emptyTable,
  type FileTable,
  FileTableBuilder,
  hexAt,
  nameAt,
  namedTable,
  namesOf,
  openPathAt,
  SEEN,
  unseenFiles,
} from './file-table.ts';
export { finishTable } from './finish-table.ts';
export { GrowingTable, type TableBuffers } from './growing-table.ts';
export { isBlobPath } from './hub-cache.ts';
export { bytesTaken, ioError, ioFailure, tookNothing } from './io-failure.ts';
export { lacksNaming, lacksSync } from './lacking.ts';
export { MAX_DEPTH, MAX_FILES, MAX_PATH_BYTES } from './limits.ts';
export { type Listing, type ListOptions, listAgain, listing, listPath } from './listing.ts';
export { lookAt } from './look.ts';
export {
  AT_FDCWD,
  close,
  folderContents,
  kindOf,
  openFileBeneath,
  openFolder,
  openFolderBeneath,
  statBeneath,
  statOpen,
} from './open.ts';
export { type BigIntStats, closeLater, type Done, openFileLater, readLater, readNow, statLater } from './open-later.ts';
export { MOST_SEEN, peek } from './peek.ts';
export { namesIn, openFolders, readBeneath } from './read-beneath.ts';
export { EntryReader, type ReadWhole, refreshEntry } from './read-entry.ts';
export { openFault } from './read-faults.ts';
export { readFileWhole, readWhole } from './read-whole.ts';
export { changedFolders, recheck } from './recheck.ts';
export { type AllowedLinks, refuseLinks } from './refuse-links.ts';
export { firstMoved, isAllLocal, settle } from './settle.ts';
export { TimesChanged } from './source-changed.ts';
export { isAtOrBelow, STORAGE_PRESETS, type StoragePreset, type StorageRules } from './storage-rules.ts';
export type { WalkOptions } from './walk.ts';
export { enter, isInside, isLocal } from './working-folder.ts';
