export type { Checksums } from './checksums.ts';
export { ChecksumsParser } from './checksums.ts';
export { type LoadedChecksums, loadChecksums } from './load-checksums.ts';
