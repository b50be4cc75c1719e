import { basename } from 'node:path';
import { WeighlockError } from '../error/index.ts';
import type { SignatureFile } from '../evidence/index.ts';
import { entryText, type FileTable, fromText, namedTable, type PathBytes } from '../fs/index.ts';
import { Stage } from '../stage/index.ts';
import type { Inventory, StoredFile, StoreLocation } from '../store/index.ts';
import { judgeListing, type StoreOutcome } from '../verdict/index.ts';
import { contentOfPulled } from './content.ts';
import type { RunContext, Subject } from './delivery.ts';
import type { Fetched, RemoteSource } from './remote-source.ts';
import { requireSize, stageKey } from './room.ts';
import { stagedFaults, tableOf } from './staged-files.ts';

/**
 * Files of a bucket, or of a repository of a hub: listed once, and fetched in the versions that
 * were listed.
 */
export class StoredFiles implements RemoteSource {
  readonly #subject: Subject;
  readonly #run: RunContext;
  readonly #location: StoreLocation;
  #inventory: Inventory | undefined;
  #versions: ReadonlyMap<PathBytes, string> = new Map();

  constructor(subject: Subject, run: RunContext, location: StoreLocation) {
    this.#subject = subject;
    this.#run = run;
    this.#location = location;
  }

  get expected(): RemoteSource['expected'] {
    return this.#inventory && { totalBytes: bytesOf(this.#inventory), count: this.#inventory.files.length };
  }

  get store(): StoreOutcome | undefined {
    return this.#inventory && storeOutcome(this.#location, this.#inventory, this.#versions);
  }

  async stage(destination: string): Promise<Stage> {
    const { remote, plan } = this.#run;
    const listed = await remote.pool.inventory(this.#location, plan.limits.maxFiles);
    requireAny(listed);
    this.#inventory = listed.kind === 'file' ? renamed(listed, fromText(basename(destination))) : listed;
    await this.#refuse(this.#inventory);
    const inventory = this.#inventory;
    const bytes = bytesOf(inventory);
    requireSize(bytes, remote.settings.maxBytes);
    const { kind, files } = inventory;
    const key = await stageKey(destination, identityOf(inventory));
    const keep = () => new Set(files.map(({ path }) => path));
    const fileName = kind === 'file' ? { fileName: fromText(basename(destination)) } : {};
    return new Stage({ destination, kind, bytes, ...fileName, resume: { key, keep } });
  }

  /** What signatures and names prove wrong costs a few requests, and no download. */
  async #refuse(inventory: Inventory): Promise<void> {
    const { evidence } = this.#subject;
    const [unsigned] = await evidence.loadMembers((names) => this.#signatureFiles(inventory, names));
    if (unsigned !== undefined) throw new WeighlockError(unsigned);
    const listing = { kind: inventory.kind, files: listedTable(inventory), failures: [] };
    const [refused] = evidence.leaves.flatMap((leaf) =>
      evidence.refuse(leaf, judgeListing(leaf, listing, evidence.found)),
    );
    if (refused !== undefined) throw new WeighlockError(refused);
  }

  async #signatureFiles(inventory: Inventory, names: readonly string[]): Promise<SignatureFile[]> {
    const files: SignatureFile[] = [];
    for (const file of inventory.files) {
      const path = entryText(file.path);
      if (!names.includes(path)) continue;
      const bytes = await this.#run.remote.pool.smallStored(this.#location, inventory, file);
      files.push({ path, bytes: Buffer.from(bytes), links: 1 });
    }
    return files;
  }

  async fetch({ folder }: Stage): Promise<Fetched> {
    const { remote, hashing } = this.#run;
    const inventory = this.#inventory ?? { kind: 'folder', files: [] };
    const inspects = this.#subject.evidence.asksContent;
    const pulled = await remote.pool.pullStored(this.#location, inventory, { content: folder, inspects });
    this.#versions = versionsOf(pulled.files);
    const files = tableOf(pulled.files);
    const failures = pulled.failures.length > 0 ? pulled.failures : await stagedFaults(folder, files, hashing);
    const found = contentOfPulled(pulled.files, files);
    return { kind: inventory.kind, files, found, failures, records: [] };
  }

  // What lies at the destination is judged by the requirements alone, which need nobody's word.
  async consult(): Promise<void> {}

  async promise(): Promise<readonly []> {
    return [];
  }
}

/**
 * What a report says of a store.
 *
 * @param versions - what it calls the versions that came, by path
 */
export function storeOutcome(
  { include, exclude }: StoreLocation,
  { revision, files }: Inventory,
  versions: ReadonlyMap<PathBytes, string>,
): StoreOutcome {
  return {
    ...(revision === undefined ? {} : { revision }),
    include,
    exclude,
    files: new Map(files.map((file) => [file.path, versionOf(file, versions.get(file.path))])),
  };
}

export function versionsOf(files: readonly { path: PathBytes; version?: string }[]): Map<PathBytes, string> {
  return new Map(files.flatMap(({ path, version }) => (version === undefined ? [] : [[path, version] as const])));
}

function versionOf({ etag, promised, checksums }: StoredFile, version: string | undefined) {
  return {
    ...(version === undefined ? {} : { version }),
    ...(etag === undefined ? {} : { etag }),
    ...(promised === undefined ? {} : { promised }),
    ...(checksums === undefined ? {} : { checksums }),
  };
}

/** One file gets the name of its destination. */
function renamed(inventory: Inventory, path: PathBytes): Inventory {
  return { ...inventory, files: inventory.files.map((file) => ({ ...file, path })) };
}

function bytesOf({ files }: Inventory): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** The files with their names and sizes, and no digests. */
function listedTable({ files }: Inventory): FileTable {
  const table = namedTable(
    files.map(({ path }) => path),
    files.reduce((sum, { size }) => sum + size, 0),
  );
  for (const [i, { size }] of files.entries()) table.size[i] = size;
  return table;
}

/** The same text for the same versions of the same files. */
function identityOf({ revision, files }: Inventory): string {
  return JSON.stringify([
    revision,
    ...files.map(({ path, size, etag, promised }) => [path, size, etag, promised?.digest]),
  ]);
}

/** @throws WeighlockError `SOURCE_EMPTY`: nothing to verify is not the same as nothing wrong */
export function requireAny({ files }: Inventory): void {
  if (files.length > 0) return;
  throw new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'the store has no file of what was named',
    expected: 'at least one file',
    found: 'none',
    remedy: 'check the name, and --include and --exclude if they are given',
  });
}
