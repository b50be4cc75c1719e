import { WeighlockError } from '../error/index.ts';
import { type Location, locationText } from '../source/index.ts';
import type { RunContext, Subject } from './delivery.ts';
import { HttpsDownload } from './https-download.ts';
import { RegistryArtifact } from './registry-artifact.ts';
import type { RemoteSource } from './remote-source.ts';
import { StoredFiles } from './stored-files.ts';

/**
 * What a location stands for that is not on a volume; undefined for a volume, and for what cannot
 * be fetched.
 */
export function remoteSource(subject: Subject, run: RunContext): RemoteSource | undefined {
  const { source } = subject.artifact;
  if (source.kind === 'oci') return new RegistryArtifact(subject, run, source.reference);
  if (source.kind === 'https') return new HttpsDownload(subject, run, source.url);
  if (source.kind === 'store') return new StoredFiles(subject, run, source.store);
  return undefined;
}

/**
 * @throws WeighlockError `CONFIG_INVALID` for what cannot be fetched at all, and where there is no
 * place to put it
 */
export function requireFetchable(
  source: Location,
  remote: RemoteSource | undefined,
  destination: string | undefined,
): { readonly source: RemoteSource; readonly destination: string } {
  if (remote === undefined) {
    const local = destination === undefined ? '' : ', or put the content at the destination beforehand';
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `this version cannot fetch ${source.kind === 'unsupported' ? source.scheme : source.kind}:// sources`,
      found: locationText(source),
      remedy: `mount the content as a volume and give its path, or use oci:// or https://${local}`,
    });
  }
  if (destination !== undefined) return { source: remote, destination };
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: 'there is no place to put what is fetched',
    found: locationText(source),
    remedy: 'name the path after the source, or set MODEL_PATH or DATASET_PATH',
  });
}
