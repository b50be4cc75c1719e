import { hostname } from 'node:os';
import { basename } from 'node:path';
import { collisionKey, unsafePath } from '../archive/index.ts';
import { type Failure, WeighlockError } from '../error/index.ts';
import type { SignatureFile, StoredSignature } from '../evidence/index.ts';
import {
  entryText,
  type FileTable,
  FileTableBuilder,
  fromText,
  nameAt,
  type PathBytes,
  toBuffer,
} from '../fs/index.ts';
import { affordablePullThreads } from '../hash/index.ts';
import { isLayoutReference } from '../image-layout/index.ts';
import { type ArtifactPlan, leavesOf, type RemoteSettings } from '../plan/index.ts';
import {
  type ArchiveRecord,
  createBudget,
  loadRecords,
  type PulledFile,
  PullPool,
  parseRecords,
  type Resolved,
  recordPaths,
  type UnreadPlace,
} from '../pull/index.ts';
import { digestOf, hexOf } from '../registry/index.ts';
import { readMarker, Stage } from '../stage/index.ts';
import { provideTrustedRoot } from '../trust/index.ts';
import type { Hashing } from './hashing.ts';
import { roomAt } from './room.ts';

/** Fetches what is not on a volume. */
export class Remote {
  readonly #settings: RemoteSettings;
  readonly #hashing: Hashing;
  readonly #pool: PullPool;

  constructor(settings: RemoteSettings, hashing: Hashing, notice: (text: string) => void) {
    this.#settings = settings;
    this.#hashing = hashing;
    const most = Math.min(hashing.concurrency, affordablePullThreads());
    this.#pool = new PullPool(hashing.pool, settings.registry, hashing.choice.name, most, notice);
  }

  get threads(): number {
    return this.#pool.threads;
  }

  resolve(reference: string): Promise<Resolved> {
    const { platform, allowUnknownLayers } = this.#settings;
    return this.#from(reference, () => this.#pool.resolve(reference, platform, allowUnknownLayers));
  }

  /** Reads from a registry, or from a layout on a volume: then how long it takes, the content there decides. */
  #from<T>(reference: string, work: () => Promise<T>): Promise<T> {
    return isLayoutReference(reference) ? this.#hashing.read(work) : work();
  }

  /** What is stored as signatures of a manifest, in the artifact's repository or another one. */
  async signatures(
    reference: string,
    digest: Resolved['digest'],
  ): Promise<{ readonly stored: readonly StoredSignature[]; readonly unread: readonly UnreadPlace[] }> {
    const { layers, unread } = await this.#from(reference, () => this.#pool.signatures(reference, digest));
    return { stored: layers.map((layer) => ({ ...layer, bytes: Buffer.from(layer.bytes) })), unread };
  }

  /** Files of an artifact that may be signatures of it, by name; fetched before the rest. */
  async signatureLayers(reference: string, { layout }: Resolved, names: readonly string[]): Promise<SignatureFile[]> {
    const files: SignatureFile[] = [];
    for (const item of layout.items) {
      const name = item.kind === 'file' ? entryText(item.path) : '';
      if (!names.includes(name)) continue;
      const bytes = await this.#from(reference, () => this.#pool.smallBlob(reference, item.descriptor));
      files.push({ path: name, bytes: Buffer.from(bytes), links: 1 });
    }
    return files;
  }

  /** Asks the TUF repositories whose keys the artifacts' signers are to be held against. */
  async refreshTrustedRoots(artifacts: readonly ArtifactPlan[]): Promise<void> {
    const attestors = artifacts.flatMap(({ requirements }) =>
      requirements.flatMap(leavesOf).flatMap((leaf) => {
        const signature = leaf.kind === 'checksums' ? leaf.signature : leaf;
        return signature !== undefined && 'attestors' in signature ? signature.attestors : [];
      }),
    );
    for (const source of new Set(attestors.map(({ trustedRoot }) => trustedRoot)))
      if (source !== 'public-good' && 'mirror' in source)
        await provideTrustedRoot(source, await this.#pool.trustedRoot(source));
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /** The files that an artifact is made of, by name, without writing any: archives are fetched to see what is in them. */
  async promised(reference: string, resolved: Resolved, destination: string): Promise<ReadonlyMap<PathBytes, string>> {
    const { layout } = resolved;
    const archives = layout.items.filter(({ kind }) => kind === 'archive');
    const files = new Map<PathBytes, string>();
    for (const item of layout.items) if (item.kind === 'file') files.set(item.path, hexOf(item.descriptor.digest));
    if (archives.length > 0) {
      const only = { ...resolved, layout: { ...layout, items: archives } } as Resolved;
      const { files: members, failures } = await this.#from(reference, () =>
        this.#pool.pull(reference, only, { known: knownAt(destination) }),
      );
      throwFirst(failures);
      for (const { path, sha256 } of members) files.set(path, sha256);
    }
    return files;
  }

  /** A staging folder for an artifact, the same one again after this container was restarted. */
  async stageArtifact(destination: string, { manifest, layout, bytes }: Resolved): Promise<Stage> {
    const { maxBytes } = this.#settings;
    if (maxBytes !== undefined && bytes > maxBytes) throw tooLarge(bytes, maxBytes);
    const files = layout.items.flatMap((item) => (item.kind === 'file' ? [item.path] : []));
    const keep = (records: string) => new Set([...files, ...loadRecords(records).flatMap(recordPaths)]);
    return new Stage({
      destination,
      kind: 'folder',
      bytes,
      resume: { key: await stageKey(destination, manifest), keep },
    });
  }

  /** Fetches an artifact into its staging folder. What lies there afterwards is exactly what was hashed on its way. */
  async pull(
    reference: string,
    resolved: Resolved,
    stage: Stage,
  ): Promise<{ files: FileTable; failures: readonly Failure[] }> {
    const room = roomAt(stage.folder, this.#settings.maxBytes);
    const { files, failures } = await this.#from(reference, () =>
      this.#pool.pull(reference, resolved, {
        content: stage.folder,
        records: stage.records,
        ...(room === undefined ? {} : { budget: createBudget(Math.max(0, room.bytes - plainBytes(resolved))) }),
        known: { folder: stage.folder, records: loadRecords(stage.records) },
      }),
    );
    const table = tableOf(files);
    if (failures.length > 0) return { files: table, failures };
    return { files: table, failures: [...collisions(table), ...(await this.#strangers(stage.folder, table))] };
  }

  get unpacks(): boolean {
    return this.#settings.unpack;
  }

  /** A staging folder for what comes over HTTPS. */
  stageDownload(destination: string): Stage {
    if (this.unpacks) return new Stage({ destination, kind: 'folder', bytes: 0 });
    return new Stage({ destination, kind: 'file', bytes: 0, fileName: fromText(basename(destination)) });
  }

  /** Fetches one file, or an archive as the files in it, over HTTPS into its staging folder. */
  async fetch(url: string, stage: Stage, destination: string): Promise<Downloaded> {
    const most = roomAt(stage.folder, this.#settings.maxBytes);
    const room = most === undefined ? {} : { room: most };
    if (!this.unpacks) {
      const file = `${stage.folder}/${basename(destination)}`;
      const { sha256, files } = await this.#pool.fetch(url, { file, ...room });
      return { kind: 'file', sha256, files: tableOf(files), failures: [], records: [] };
    }
    const { sha256, files, record } = await this.#pool.fetch(url, { unpackInto: stage.folder, ...room });
    const table = tableOf(files);
    const failures = [...collisions(table), ...(await this.#strangers(stage.folder, table))];
    return { kind: 'folder', sha256, files: table, failures, records: record === undefined ? [] : [record] };
  }

  /**
   * The files of an archive by name, without writing any: computed from what lies at the destination where that is
   * possible, otherwise fetched.
   *
   * @returns also the SHA-256 of the archive that they are the files of
   */
  async promisedByArchive(
    url: string,
    digest: string,
    destination: string,
  ): Promise<{ sha256: string; checksums: ReadonlyMap<PathBytes, string> }> {
    const known = { ...knownAt(destination), digest: digestOf(digest) };
    const { sha256, files } = await this.#pool.fetch(url, { unpackInto: null, known });
    return { sha256, checksums: new Map(files.map((file) => [file.path, file.sha256])) };
  }

  /** Files in the staging folder that nobody fetched, or that have another size than was hashed. */
  async #strangers(folder: string, fetched: FileTable): Promise<Failure[]> {
    const listing = await this.#hashing.list(folder, { allowSymlinks: false, maxFiles: Number.MAX_SAFE_INTEGER });
    const same = listing.files.count === fetched.count && listing.failures.length === 0;
    for (let i = 0; same && i < fetched.count; i++) {
      if (nameAt(listing.files, i) !== nameAt(fetched, i) || listing.files.size[i] !== fetched.size[i])
        return [stagedByOthers()];
    }
    return same ? [] : [stagedByOthers()];
  }
}

/** Bytes of what is stored as it is sent: the manifest says how many, and no more are taken. */
function plainBytes({ layout }: Resolved): number {
  return layout.items.reduce((sum, { kind, descriptor }) => sum + (kind === 'file' ? descriptor.size : 0), 0);
}

function tooLarge(bytes: number, most: number): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: 'the artifact is larger than it may be',
    expected: `at most ${most} bytes (--max-bytes)`,
    found: `${bytes} bytes`,
    remedy: 'if this is the right artifact, raise --max-bytes',
  });
}

/** Somebody else writes where only this run should. */
export function stagedByOthers(): Failure {
  return {
    code: 'SOURCE_CHANGED',
    message: 'something else writes to the staging folder',
    remedy: 'see what else mounts this volume, and with which UID; then restart the pod',
  };
}

/** What came over HTTPS. */
export interface Downloaded {
  readonly kind: 'file' | 'folder';
  /** Of the bytes as they came, as hex. */
  readonly sha256: string;
  readonly files: FileTable;
  readonly failures: readonly Failure[];
  readonly records: readonly ArchiveRecord[];
}

/** What the marker beside a destination says of the archives that were unpacked there; nobody's word is taken for it. */
function knownAt(destination: string): { folder: string; records: readonly ArchiveRecord[] } {
  const marker = readMarker(destination) as { archives?: unknown } | null | undefined;
  return { folder: destination, records: parseRecords(marker?.archives) };
}

/** The same for this pod, this place and this content; other pods on the same volume get their own. */
async function stageKey(destination: string, what: string): Promise<string> {
  // Loaded only for a pull: it costs every start 4 ms.
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(`${hostname()}\n${destination}\n${what}`).digest('hex').slice(0, 16);
}

function tableOf(files: readonly PulledFile[]): FileTable {
  const builder = new FileTableBuilder();
  for (const { path, size, sha256 } of files) builder.addHashed(path, size, sha256);
  return builder.freeze();
}

/** Names from different layers that some file system would take for one. */
function collisions(files: FileTable): Failure[] {
  const seen = new Set<string>();
  const failures: Failure[] = [];
  for (let i = 0; i < files.count; i++) {
    const name = nameAt(files, i);
    const key = collisionKey(name);
    if (seen.has(key))
      failures.push(unsafePath(toBuffer(name), 'differs from another one only in case or Unicode form'));
    seen.add(key);
  }
  return failures;
}

function throwFirst(failures: readonly Failure[]): void {
  const [first] = failures;
  if (first !== undefined) throw new WeighlockError(first);
}
