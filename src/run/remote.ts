import { hostname } from 'node:os';
import { collisionKey, unsafePath } from '../archive/index.ts';
import { type Failure, WeighlockError } from '../error/index.ts';
import { type FileTable, FileTableBuilder, fromText, nameAt, type PathBytes, toBuffer } from '../fs/index.ts';
import type { RemoteSettings } from '../plan/index.ts';
import { type PulledFile, PullPool, type Resolved } from '../pull/index.ts';
import { hexOf } from '../registry/index.ts';
import { Stage } from '../stage/index.ts';
import type { Hashing } from './hashing.ts';

/** Fetches what is not on a volume. */
export class Remote {
  readonly #settings: RemoteSettings;
  readonly #hashing: Hashing;
  readonly #pool: PullPool;

  constructor(settings: RemoteSettings, hashing: Hashing, notice: (text: string) => void) {
    this.#settings = settings;
    this.#hashing = hashing;
    this.#pool = new PullPool(
      hashing.pool.control,
      settings.registry,
      hashing.choice.name,
      hashing.concurrency,
      notice,
    );
  }

  get threads(): number {
    return this.#pool.threads;
  }

  resolve(reference: string): Promise<Resolved> {
    return this.#pool.resolve(reference, this.#settings.platform, this.#settings.allowUnknownLayers);
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /** The files that an artifact is made of, by name, without writing any: archives are fetched to see what is in them. */
  async promised(reference: string, resolved: Resolved): Promise<ReadonlyMap<PathBytes, string>> {
    const { layout } = resolved;
    const archives = layout.items.filter(({ kind }) => kind === 'archive');
    const files = new Map<PathBytes, string>();
    for (const item of layout.items) if (item.kind === 'file') files.set(item.path, hexOf(item.descriptor.digest));
    if (archives.length > 0) {
      const only = { ...resolved, layout: { ...layout, items: archives } } as Resolved;
      const { files: members, failures } = await this.#pool.pull(reference, only, undefined);
      throwFirst(failures);
      for (const { path, sha256 } of members) files.set(path, sha256);
    }
    return files;
  }

  /** A staging folder for an artifact, the same one again after this container was restarted. */
  async stageArtifact(destination: string, { manifest, layout, bytes }: Resolved): Promise<Stage> {
    const keep = new Set(layout.items.flatMap((item) => (item.kind === 'file' ? [item.path] : [])));
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
    const { files, failures } = await this.#pool.pull(reference, resolved, stage.folder);
    const table = tableOf(files);
    if (failures.length > 0) return { files: table, failures };
    return { files: table, failures: [...collisions(table), ...(await this.#strangers(stage.folder, table))] };
  }

  /** Fetches one file over HTTPS into its staging folder. */
  async fetch(url: string, stage: Stage, name: string): Promise<FileTable> {
    return tableOf([await this.#pool.fetch(url, `${stage.folder}/${name}`)]);
  }

  stageFile(destination: string, name: string): Stage {
    return new Stage({ destination, kind: 'file', bytes: 0, fileName: fromText(name) });
  }

  /** Files in the staging folder that nobody fetched, or that have another size than was hashed. */
  async #strangers(folder: string, fetched: FileTable): Promise<Failure[]> {
    const listing = await this.#hashing.list(folder, { allowSymlinks: false, maxFiles: Number.MAX_SAFE_INTEGER });
    const same = listing.files.count === fetched.count && listing.failures.length === 0;
    for (let i = 0; same && i < fetched.count; i++) {
      if (nameAt(listing.files, i) !== nameAt(fetched, i) || listing.files.size[i] !== fetched.size[i])
        return [stranger()];
    }
    return same ? [] : [stranger()];
  }
}

function stranger(): Failure {
  return {
    code: 'SOURCE_CHANGED',
    message: 'something else writes to the staging folder',
    remedy: 'see what else mounts this volume, and with which UID; then restart the pod',
  };
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
