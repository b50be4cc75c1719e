export { type Compression, compressionOf, Decompressor } from './decompress.ts';
export { collisionKey, safePath, unsafePath } from './entry-path.ts';
export { type TarEntry, TarReader, type TarSink } from './tar.ts';
