import { ContentGatherer, createContentTable, type Facts, mergeContent } from '../content/index.ts';
import type { Claim } from './claims.ts';
import type { HeadersFound } from './headers.ts';

/**
 * What is in an artifact, by its headers alone: for a person to look at, and for nothing to rest
 * on.
 */
export interface Inspection {
  readonly source: string;
  /** Digest that a reference was resolved to. */
  readonly digest?: string;
  /** Bytes of all files, and those that were read. */
  readonly bytes: number;
  readonly bytesRead: number;
  readonly formats: Readonly<Record<string, number>>;
  readonly model: Facts;
  readonly files: readonly HeadersFound[];
  readonly claims: readonly Claim[];
}

export function inspectionOf(
  source: string,
  files: readonly HeadersFound[],
  claims: readonly Claim[],
  digest?: string,
): Inspection {
  const gatherer = new ContentGatherer(createContentTable(files.length));
  const formats: Record<string, number> = {};
  for (const [i, file] of files.entries()) {
    gatherer.add(i, file);
    formats[file.format] = (formats[file.format] ?? 0) + 1;
  }
  const { facts } = mergeContent(createContentTable(0), [gatherer.share], (i) => files[i]?.name ?? '');
  return {
    source,
    ...(digest === undefined ? {} : { digest }),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    bytesRead: files.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    formats,
    model: facts,
    files,
    claims,
  };
}
