import { type Failure, WeighlockError } from '../error/index.ts';
import type { PathBytes } from '../fs/index.ts';
import { createBudget, loadRecords, type Resolved, recordPaths } from '../pull/index.ts';
import { hexOf } from '../registry/index.ts';
import { locationText } from '../source/index.ts';
import { Stage } from '../stage/index.ts';
import { contentOfPulled } from './content.ts';
import type { RunContext, Subject } from './delivery.ts';
import { RegistrySignatures } from './registry-signatures.ts';
import { knownAt } from './remote.ts';
import type { Fetched, RemoteSource } from './remote-source.ts';
import { requireSize, stageKey } from './room.ts';
import { hexByName, stagedFaults, tableOf } from './staged-files.ts';

/** An artifact of an OCI registry, or of an image layout on a disk. */
export class RegistryArtifact implements RemoteSource {
  readonly #reference: string;
  readonly #subject: Subject;
  readonly #run: RunContext;
  #resolved: Resolved | undefined;
  #promised: ReadonlyMap<PathBytes, string> | undefined;

  constructor(subject: Subject, run: RunContext, reference: string) {
    this.#subject = subject;
    this.#run = run;
    this.#reference = reference;
  }

  get digest(): string | undefined {
    return this.#resolved?.digest;
  }

  get manifest(): string | undefined {
    return this.#resolved?.manifest;
  }

  get promised(): ReadonlyMap<PathBytes, string> | undefined {
    return this.#promised;
  }

  get expected(): RemoteSource['expected'] {
    return this.#resolved && { totalBytes: this.#resolved.bytes, count: this.#resolved.layout.items.length };
  }

  get sizes(): ReadonlyMap<PathBytes, number> | undefined {
    // Where there are alternatives, another one may be met.
    if (this.#resolved === undefined || !this.#isPinned) return undefined;
    const { items } = this.#resolved.layout;
    return new Map(items.flatMap((item) => (item.kind === 'file' ? [[item.path, item.descriptor.size]] : [])));
  }

  get #isPinned(): boolean {
    return this.#subject.artifact.requirements.some(({ kind }) => kind === 'manifest');
  }

  async stage(destination: string): Promise<Stage> {
    const { manifest, layout, bytes } = await this.#resolve(locationText(this.#subject.artifact.source));
    const { maxBytes } = this.#run.remote.settings;
    requireSize(bytes, maxBytes);
    const files = layout.items.flatMap((item) => (item.kind === 'file' ? [item.path] : []));
    const keep = (records: string) => new Set([...files, ...loadRecords(records).flatMap(recordPaths)]);
    const key = await stageKey(destination, manifest);
    return new Stage({ destination, kind: 'folder', bytes, resume: { key, keep } });
  }

  async consult(destination: string): Promise<void> {
    // Everything else can be judged without asking anybody.
    if (this.#subject.evidence.asksRegistry || this.#isPinned) await this.#resolve(destination);
  }

  /** @param path - where the artifact lies, or comes from */
  async #resolve(path: string): Promise<Resolved> {
    const { remote } = this.#run;
    const resolved = await remote.resolve(this.#reference);
    this.#resolved = resolved;
    const { digest, layout } = resolved;
    const store = new RegistrySignatures(remote, this.#reference, digest, layout.items);
    const [failure] = await this.#subject.evidence.loadStored(store, digest, path);
    // A bad signature costs one manifest, not one download.
    if (failure !== undefined) throw new WeighlockError(failure);
    return resolved;
  }

  async fetch({ folder, records }: Stage): Promise<Fetched> {
    const { remote, hashing } = this.#run;
    const resolved = this.#resolved;
    // A tag is resolved once.
    if (resolved === undefined) throw new Error('an artifact is fetched before it is resolved');
    const room = remote.roomAt(folder);
    const pulled = await remote.from(this.#reference, () =>
      remote.pool.pull(this.#reference, resolved, {
        content: folder,
        inspects: this.#subject.evidence.asksContent,
        records,
        ...(room === undefined ? {} : { budget: createBudget(Math.max(0, room.bytes - plainBytes(resolved))) }),
        known: { folder, records: loadRecords(records) },
      }),
    );
    const files = tableOf(pulled.files);
    const failures = pulled.failures.length > 0 ? pulled.failures : await stagedFaults(folder, files, hashing);
    this.#promise(new Map(hexByName(files)));
    const found = contentOfPulled(pulled.files, files);
    return { kind: 'folder', files, found, failures, records: loadRecords(records) };
  }

  async promise(destination: string): Promise<readonly Failure[]> {
    if (this.#resolved === undefined) return [];
    this.#promised = await this.#checksums(this.#resolved, destination);
    this.#promise(this.#promised);
    return [];
  }

  /**
   * Evidence for a pinned manifest: the files it promises. What was fetched by it was held against
   * it on its way.
   */
  #promise(checksums: ReadonlyMap<PathBytes, string>): void {
    const { artifact, evidence } = this.#subject;
    evidence.promise(checksums);
    for (const requirement of artifact.requirements) {
      const isMet = requirement.kind === 'manifest' && this.digest === `sha256:${requirement.digest}`;
      if (isMet) evidence.set(requirement, { checksums, files: [] });
    }
  }

  /**
   * The files that the artifact is made of, by name, without writing any: archives are fetched to
   * see what is in them.
   */
  async #checksums(resolved: Resolved, destination: string): Promise<ReadonlyMap<PathBytes, string>> {
    const { remote } = this.#run;
    const { layout } = resolved;
    const archives = layout.items.filter(({ kind }) => kind === 'archive');
    const files = new Map<PathBytes, string>();
    for (const item of layout.items) if (item.kind === 'file') files.set(item.path, hexOf(item.descriptor.digest));
    if (archives.length > 0) {
      const only = { ...resolved, layout: { ...layout, items: archives } } as Resolved;
      const known = knownAt(destination);
      const { files: members, failures } = await remote.from(this.#reference, () =>
        remote.pool.pull(this.#reference, only, { known }),
      );
      const [failure] = failures;
      if (failure !== undefined) throw new WeighlockError(failure);
      for (const { path, sha256 } of members) files.set(path, sha256);
    }
    return files;
  }
}

/** Bytes of what is stored as it is sent: the manifest says how many, and no more are taken. */
function plainBytes({ layout }: Resolved): number {
  return layout.items.reduce((sum, { kind, descriptor }) => sum + (kind === 'file' ? descriptor.size : 0), 0);
}
