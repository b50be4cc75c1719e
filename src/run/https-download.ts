import { basename } from 'node:path';
import type { Failure } from '../error/index.ts';
import { fromText, type PathBytes } from '../fs/index.ts';
import type { Requirement } from '../plan/index.ts';
import { digestOf } from '../registry/index.ts';
import { Stage } from '../stage/index.ts';
import { contentOfPulled } from './content.ts';
import type { RunContext, Subject } from './delivery.ts';
import { knownAt } from './remote.ts';
import type { Fetched, RemoteSource } from './remote-source.ts';
import { hexByName, stagedFaults, tableOf } from './staged-files.ts';

/** One file on a server, or the files of an archive there. */
export class HttpsDownload implements RemoteSource {
  readonly #subject: Subject;
  readonly #run: RunContext;
  readonly #url: string;

  constructor(subject: Subject, run: RunContext, url: string) {
    this.#subject = subject;
    this.#run = run;
    this.#url = url;
  }

  get #unpacks(): boolean {
    return this.#run.remote.settings.unpack;
  }

  /** Whether a digest of the bytes as they come is required. */
  get #isPinned(): boolean {
    const pin = this.#unpacks ? 'archive' : 'sha256';
    return this.#subject.artifact.requirements.some(({ kind }) => kind === pin);
  }

  async stage(destination: string): Promise<Stage> {
    if (this.#unpacks) return new Stage({ destination, kind: 'folder', bytes: 0 });
    return new Stage({ destination, kind: 'file', bytes: 0, fileName: fromText(basename(destination)) });
  }

  async fetch({ folder }: Stage, destination: string): Promise<Fetched> {
    const { remote, hashing } = this.#run;
    const inspects = this.#subject.evidence.asksContent;
    const most = remote.roomAt(folder);
    const how = { isPinned: this.#isPinned, ...(most === undefined ? {} : { room: most }) };
    if (!this.#unpacks) {
      const file = `${folder}/${basename(destination)}`;
      const { files: pulled } = await remote.pool.fetch(this.#url, { file, inspects, ...how });
      const files = tableOf(pulled);
      return { kind: 'file', files, found: contentOfPulled(pulled, files), failures: [], records: [] };
    }
    const what = { unpackInto: folder, inspects, ...how };
    const { sha256, files: members, record } = await remote.pool.fetch(this.#url, what);
    const files = tableOf(members);
    const failures = await stagedFaults(folder, files, hashing);
    const refused = this.#promise(sha256, new Map(hexByName(files)));
    return {
      kind: 'folder',
      files,
      found: contentOfPulled(members, files),
      failures: [...failures, ...refused],
      records: record === undefined ? [] : [record],
    };
  }

  async consult(): Promise<void> {}

  /**
   * Computed from what lies at the destination where that is possible; otherwise the archive is
   * fetched to look into it.
   */
  async promise(destination: string): Promise<readonly Failure[]> {
    // One is enough: if there are several, they agree or fail.
    const pin = this.#subject.evidence.leaves.find((one) => one.kind === 'archive')?.digest;
    if (pin === undefined) return [];
    const known = { ...knownAt(destination), digest: digestOf(pin) };
    const { sha256, files } = await this.#run.remote.pool.fetch(this.#url, { unpackInto: null, known, isPinned: true });
    return this.#promise(sha256, new Map(files.map((file) => [file.path, file.sha256])));
  }

  /** Evidence for an archive that was pinned: the files in it. */
  #promise(sha256: string, checksums: ReadonlyMap<PathBytes, string>): readonly Failure[] {
    const { evidence } = this.#subject;
    const failures: Failure[] = [];
    for (const leaf of evidence.leaves) {
      if (leaf.kind !== 'archive') continue;
      if (leaf.digest === sha256) evidence.set(leaf, { checksums, files: [] });
      else failures.push(...evidence.refuse(leaf, [wrongArchive(leaf, sha256)]));
    }
    return failures;
  }
}

function wrongArchive({ origin, digest }: Requirement & { kind: 'archive' }, found: string): Failure {
  return {
    code: 'DIGEST_MISMATCH',
    message: `the archive's SHA-256 is not ${origin}`,
    expected: digest,
    found,
    remedy: 'do not use this content; if it is the right one, pin it anew with: sha256sum ARCHIVE',
  };
}
