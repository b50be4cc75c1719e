import { WeighlockError } from '../error/index.ts';
import { entryText } from '../fs/index.ts';
import { ImageLayout, isLayoutReference, parseLayoutReference } from '../image-layout/index.ts';
import { resolveArtifact, storedSignatures } from '../pull/index.ts';
import {
  type ArtifactSource,
  contentRangeFault,
  type Descriptor,
  headerOf,
  type Platform,
  parseContentRange,
  parseReference,
  type RegistrySettings,
  Repository,
  readBody,
  Transport,
} from '../registry/index.ts';
import { bundleClaim, type Claim } from './claims.ts';
import type { Readable } from './headers.ts';

/** What a reference names, as files whose headers can be read. */
export interface RemoteArtifact {
  readonly digest: string;
  readonly files: readonly Readable[];
  /** Layers that are archives: what is in them is not looked at. */
  readonly archives: readonly string[];
  readonly claims: readonly Claim[];
  close(): Promise<void>;
}

/** An artifact of a registry, or of an image layout on a disk. @throws WeighlockError */
export async function openArtifact(
  reference: string,
  settings: RegistrySettings,
  platform: Platform,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<RemoteArtifact> {
  const source = isLayoutReference(reference)
    ? new ImageLayout(parseLayoutReference(reference), () => {})
    : new Repository(parseReference(reference), settings, notice);
  try {
    const { digest, layout } = await resolveArtifact(
      source,
      { kind: 'resolve', reference, platform, allowUnknownLayers: true },
      signal,
    );
    const claims = await claimsOf(source, digest, signal, notice);
    const files = layout.items.flatMap((item) =>
      item.kind === 'file'
        ? [{ name: entryText(item.path), size: item.descriptor.size, read: readerOf(source, item.descriptor, signal) }]
        : [],
    );
    const archives = layout.items.flatMap(({ kind, descriptor }) => (kind === 'archive' ? [descriptor.digest] : []));
    return { digest, files, archives, claims, close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function readerOf(source: ArtifactSource, descriptor: Descriptor, signal: AbortSignal): Readable['read'] {
  if (source instanceof Repository) return (start, length) => source.range(descriptor, start, length, signal);
  return async (start, length) => {
    const pieces: Buffer[] = [];
    let left = length;
    const enough = new Error('enough');
    const sink = (chunk: Buffer) => {
      pieces.push(Buffer.from(chunk.subarray(0, left)));
      left -= pieces.at(-1)?.length ?? 0;
      if (left === 0) throw enough;
    };
    try {
      await source.blob(descriptor, { offset: () => start, sink, restart: () => {} }, signal);
    } catch (error) {
      if (left > 0) throw error;
    }
    return Buffer.concat(pieces);
  };
}

/** What is stored as signatures; that some could not be read is a notice, since nothing rests on them. */
async function claimsOf(
  source: ArtifactSource,
  digest: string,
  signal: AbortSignal,
  notice: (text: string) => void,
): Promise<Claim[]> {
  const { layers, unread } = await storedSignatures(source, digest as Parameters<typeof storedSignatures>[1], signal);
  for (const { where, failure } of unread) notice(`${where} cannot be read: ${failure.message}`);
  return layers.map(({ form, bytes, where }): Claim => {
    try {
      return form === 'bundle'
        ? bundleClaim(where, bytes)
        : { where, kind: form === 'envelope' ? 'attestation' : 'signature' };
    } catch {
      return { where, kind: 'signature' };
    }
  });
}

/** A file on a server that answers ranges. @throws WeighlockError */
export async function openUrl(
  url: string,
  settings: RegistrySettings,
  signal: AbortSignal,
): Promise<{ readonly file: Readable; close(): Promise<void> }> {
  const transport = new Transport(settings);
  const address = new URL(url);
  const user = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  const secretHeaders: Record<string, string> =
    user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  address.username = '';
  address.password = '';
  const ask = async (start: number, length: number, total?: number) => {
    const headers = { range: `bytes=${start}-${start + length - 1}` };
    const answer = await transport.ask(address, { headers, secretHeaders, signal, asStored: true });
    const range = headerOf(answer.headers, 'content-range');
    const whole = parseContentRange(range)?.total;
    const end = Math.min(start + length, whole ?? 0);
    const fault = answer.status === 206 ? contentRangeFault(range, start, total, end) : `answered ${answer.status}`;
    if (fault !== undefined || whole === undefined) {
      answer.body.destroy();
      throw new WeighlockError({
        code: 'SOURCE_UNAVAILABLE',
        message: `${address.host} does not send a part of the file: ${fault ?? 'no length'}`,
        remedy: 'check the address; or fetch the file, and look at it where it lies',
      });
    }
    return { bytes: await readBody(answer, end - start), whole };
  };
  try {
    const { whole } = await ask(0, 1);
    const name = address.pathname.split('/').at(-1) ?? '';
    const read = async (start: number, length: number) => (await ask(start, length, whole)).bytes;
    return { file: { name, size: whole, read }, close: () => transport.close() };
  } catch (error) {
    await transport.close();
    throw error;
  }
}
