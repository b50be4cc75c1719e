import { createContentTable } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import { type LeftOutEntry, type Listing, nameAt, namesOf, type PathBytes } from '../fs/index.ts';
import { Stage } from '../stage/index.ts';
import type { Measured, ReceiptOutcome } from '../verdict/index.ts';
import { type Content, closeStage, type Delivery, type RunContext, type Subject } from './delivery.ts';
import type { Hashed, ListedTask } from './hashing.ts';
import { requireFiles, VolumeListing } from './volume-listing.ts';

/** What is copied from a volume to a destination, hashed on its way. */
export class Copied implements Delivery {
  readonly path: string;
  readonly #subject: Subject;
  readonly #run: RunContext;
  readonly #destination: string;
  leftOut: readonly LeftOutEntry[] = [];
  receipt: ReceiptOutcome | undefined;
  #listed: VolumeListing | undefined;
  #stage: Stage | undefined;

  constructor(subject: Subject, run: RunContext, path: string, destination: string) {
    this.path = path;
    this.#subject = subject;
    this.#run = run;
    this.#destination = destination;
  }

  isOfManifest(): boolean {
    return false;
  }

  async prepare(): Promise<readonly Failure[]> {
    const { hashing, plan } = this.#run;
    const { storage } = this.#subject.artifact;
    const listing = await hashing.list(this.path, { ...plan.limits, storage });
    requireFiles(listing);
    this.leftOut = listing.leftOut?.entries ?? [];
    const listed = new VolumeListing(this.#subject, this.path, listing);
    await listed.useReceipt(this.#run, true);
    this.receipt = listed.receipt;
    listed.compare();
    const refused = [...listing.failures, ...listed.refused];
    // A file that nobody listed may be larger than any volume: it is refused, and not called a lack
    // of space.
    if (refused.length === 0) this.#stage = stageCopy(listing, this.#destination);
    if (listed.isHopeless) return refused;
    this.#listed = listed;
    return listing.failures;
  }

  get refused(): readonly Failure[] {
    return this.#listed?.refused ?? [];
  }

  task(): ListedTask | undefined {
    if (this.#listed === undefined) return undefined;
    const { listing } = this.#listed;
    const { secondHash: second, asksContent } = this.#subject.evidence;
    const content = asksContent ? { content: createContentTable(listing.files.count) } : {};
    const copy = this.#stage === undefined ? {} : { copyTo: this.#stage.folder };
    return { listing, ...copy, ...content, ...(second === undefined ? {} : { second }) };
  }

  async take(hashed: Hashed): Promise<readonly Failure[]> {
    return this.#listed?.take(hashed, this.#run) ?? hashed.failures;
  }

  async complete(): Promise<readonly Failure[]> {
    return [];
  }

  get content(): Content | undefined {
    return this.#listed?.content;
  }

  async publish({ files }: Measured, replace: boolean): Promise<boolean> {
    if (this.#stage === undefined) return false;
    await this.#stage.publish({ verified: files, replace });
    return true;
  }

  disown(): void {}

  close(mayResume: boolean): void {
    closeStage(this.#stage, mayResume);
  }
}

/** @throws WeighlockError `NO_SPACE`, `CONFIG_INVALID` */
function stageCopy(listing: Listing, destination: string): Stage {
  const { kind, files } = listing;
  return new Stage({
    destination,
    kind,
    bytes: files.totalBytes,
    folders: foldersOf(listing),
    ...(kind === 'file' ? { fileName: nameAt(files, 0) } : {}),
  });
}

/** Folders of an artifact: those of bookkeeping only where files of the artifact lie in them. */
function foldersOf({ files, folders, leftOut }: Listing): PathBytes[] {
  const bookkeeping = new Set(leftOut?.folders);
  const needed = new Set<string>();
  for (const name of bookkeeping.size === 0 ? [] : namesOf(files))
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) needed.add(name.slice(0, at));
  return namesOf(folders).filter((name) => name !== '' && (!bookkeeping.has(name) || needed.has(name)));
}
