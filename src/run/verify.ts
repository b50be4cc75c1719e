import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, EXIT_CODE_OF, type Failure, failureOf, WeighlockError } from '../error/index.ts';
import {
  type FileTable,
  hexAt,
  type LeftOutEntry,
  type Listing,
  nameAt,
  namesOf,
  type PathBytes,
} from '../fs/index.ts';
import { createShardTable } from '../hash/index.ts';
import type { ArtifactPlan, Limits, Plan, Requirement } from '../plan/index.ts';
import { type ArchiveRecord, loadRecords, type Resolved } from '../pull/index.ts';
import { type Location, locationText } from '../source/index.ts';
import { destinationState, removeMarker, Stage } from '../stage/index.ts';
import type { HashPool } from '../transfer/index.ts';
import {
  type ArtifactOutcome,
  allFailures,
  compareChecksums,
  exitCodeFor,
  expectedText,
  isVerified,
  judge,
  judgeListing,
  type Measured,
  type ReceiptOutcome,
  type RunOutcome,
  resultOf,
  sizeDifferences,
} from '../verdict/index.ts';
import { VERSION } from '../version.ts';
import { ArtifactEvidence } from './evidence.ts';
import { type Hashed, Hashing, type ListedTask } from './hashing.ts';
import { stopWithin, unlessAborted } from './interruption.ts';
import { nameLayout } from './layout-hint.ts';
import { namePointers } from './lfs-pointer.ts';
import { Receipts } from './receipts.ts';
import { Remote, stagedByOthers } from './remote.ts';
import { type Observer, Watchdog } from './watchdog.ts';

/** An artifact on its way through the run. */
interface Work {
  readonly artifact: ArtifactPlan;
  readonly failures: Failure[];
  /** What the listing proves wrong by itself; the same, and perhaps more, is said again of what was hashed. */
  refused: readonly Failure[];
  readonly evidence: ArtifactEvidence;
  path: string;
  /** What lies at the destination did not verify, and is to be replaced. */
  readonly replaces: boolean;
  /** Why that did not verify: it lies there until it is replaced. */
  readonly replaced: readonly Failure[];
  /** Files of a volume, to be hashed. */
  listing?: Listing;
  /** What was left out of it. */
  leftOut: readonly LeftOutEntry[];
  second?: Hashed['second'];
  /** What became of a receipt of it. */
  receipt?: ReceiptOutcome;
  /** What is to be fetched, or compared with what lies at the destination. */
  resolved?: Resolved;
  stage?: Stage;
  /** Files that were fetched, hashed on their way. */
  fetched?: { readonly kind: 'file' | 'folder'; readonly files: FileTable };
  /** Files that the manifest promises, of an artifact that was there already. */
  promised?: ReadonlyMap<PathBytes, string>;
  /** What makes archives again that were unpacked; goes into the marker. */
  records?: readonly ArchiveRecord[];
}

/**
 * One verification run: evidence, listing and resolving, hashing (and copying or fetching), verdict, publication, in this
 * order, so that what is cheap to refuse is refused before the first large byte moves.
 *
 * It never throws for what is wrong with an artifact: that is in the outcome. After `signal` aborts, the outcome says
 * so, and nothing was published.
 */
export class VerifyRun {
  readonly #plan: Plan;
  readonly #observer: Observer;
  readonly #pool: HashPool;
  readonly #startedAt = new Date();
  readonly #start = performance.now();
  #works: Work[];
  readonly #runFailures: Failure[] = [];
  #hashing?: Hashing;
  #remote?: Remote;
  readonly #receipts: Receipts | undefined;

  /** @param isRound - true for one of many rounds of `watch`: then a receipt counts for what has not changed */
  constructor(plan: Plan, pool: HashPool, observer: Observer, isRound = false) {
    this.#plan = plan;
    const { receipts, limits } = plan;
    if (receipts !== undefined)
      this.#receipts = new Receipts(receipts, limits, this.#startedAt, (text) => observer.notice?.(text), isRound);
    this.#pool = pool;
    this.#observer = observer;
    this.#works = plan.artifacts.map((artifact) => workOn(artifact, undefined, plan.limits));
  }

  /** @param signal - aborts with the `WeighlockError` to report (a time-out, an interruption) */
  async execute(signal: AbortSignal): Promise<RunOutcome> {
    const watchdog = new Watchdog(
      this.#plan.limits,
      this.#observer,
      () => this.#pool.progress,
      undefined,
      () => this.#hashing?.isReading === true,
    );
    const aborted = AbortSignal.any([signal, watchdog.signal]);
    let outcomes: readonly ArtifactOutcome[];
    try {
      outcomes = await unlessAborted(this.#verify(watchdog), aborted);
    } catch (error) {
      // Nothing may still be written to a staging folder while it is removed.
      await stopWithin(() => this.dispose());
      this.#runFailures.push(failureOf(error));
      outcomes = await Promise.all(this.#works.map((work) => this.#outcome(work, undefined)));
    } finally {
      watchdog.stop();
      await this.#remote?.stop();
      for (const work of this.#works) this.#tidy(work);
    }
    return this.#finish(outcomes);
  }

  /** Stops all threads at their next chunk. */
  async dispose(): Promise<void> {
    await Promise.all([this.#pool.stop(), this.#remote?.stop()]);
  }

  async #verify(watchdog: Watchdog): Promise<readonly ArtifactOutcome[]> {
    const { hasher, concurrency, remote: settings, limits } = this.#plan;
    const hashing = await Hashing.start(this.#pool, hasher, concurrency, limits);
    const remote = new Remote(settings, hashing, (text) => this.#observer.notice?.(text));
    this.#hashing = hashing;
    this.#remote = remote;
    await remote.refreshTrustedRoots(this.#plan.artifacts);
    const outcomes = await this.#round(this.#works, hashing, remote, watchdog);
    this.#runFailures.push(...unmetPins(this.#plan.pins, outcomes));
    for (const [i, outcome] of outcomes.entries()) {
      if (this.#mayReplace(outcome)) outcomes[i] = await this.#replace(outcome, i, hashing, remote, watchdog);
      this.#observer.artifact?.(outcomes[i] ?? outcome);
    }
    return outcomes;
  }

  /** Takes artifacts from their evidence to their verdict. */
  async #round(
    works: readonly Work[],
    hashing: Hashing,
    remote: Remote,
    watchdog: Watchdog,
  ): Promise<ArtifactOutcome[]> {
    for (const work of works) await attempt(work, () => hashing.read(() => loadEvidence(work, hashing)));
    for (const work of works) await attempt(work, () => this.#prepare(work, hashing, remote));
    const ready: { work: Work; listing: Listing; task: ListedTask }[] = [];
    for (const work of works) {
      this.#refuseListed(work);
      const { listing } = work;
      if (listing !== undefined)
        await attempt(work, async () => void ready.push({ work, listing, task: this.#task(work, listing) }));
    }
    watchdog.expect(
      ready.map(({ listing }) => listing.files),
      works.flatMap(({ resolved, stage }) => (resolved === undefined || stage === undefined ? [] : [resolved])),
    );
    const hashed = await hashing.hash(ready.map(({ task }) => task));
    for (const [i, { work, listing }] of ready.entries()) {
      const failures = hashed[i]?.failures ?? [];
      const again = this.#receipts?.confirm(work, listing, failures) === false ? await hashing.hash([{ listing }]) : [];
      work.failures.push(...(again[0]?.failures ?? failures));
      work.second = hashed[i]?.second ?? new Map();
    }
    for (const work of works) await attempt(work, () => this.#fetch(work, remote));
    for (const work of works) await attempt(work, () => this.#hashAgain(work, hashing));
    const outcomes: ArtifactOutcome[] = [];
    for (const work of works) {
      const content = work.fetched ?? work.listing;
      const measured = content && { ...(await hashing.measure(content, work.failures)), ...secondOf(work) };
      if (measured?.digest !== undefined)
        await attempt(work, async () => void work.failures.push(...(await work.evidence.loadWithDigest(measured))));
      const trees = measured && (await work.evidence.attestedTrees(measured, () => hashing.engine()));
      const outcome = await this.#outcome(work, measured && { ...measured, ...trees });
      this.#receipts?.leave(work, outcome);
      outcomes.push(outcome);
    }
    return outcomes;
  }

  /** Holds names and sizes against the evidence, before anything large is hashed. */
  #refuseListed(work: Work): void {
    const { artifact, listing, evidence, resolved } = work;
    if (listing === undefined) return;
    const refused = evidence.leaves.flatMap((leaf) => [
      ...evidence.refuse(leaf, judgeListing(leaf, listing, evidence.found)),
    ]);
    // Where there are alternatives, another one may be met.
    if (resolved !== undefined && artifact.requirements.some(({ kind }) => kind === 'manifest'))
      refused.push(...sizeDifferences(listing.files, sizesIn(resolved)));
    work.refused = refused;
    const isRefused = resultOf([...work.failures, ...refused]) === 'FAILED';
    if (!isRefused || listing.files.totalBytes <= MOST_REFUSED_BYTES) return;
    work.failures.push(...refused);
    work.refused = [];
    delete work.listing;
  }

  #task({ stage, evidence }: Work, listing: Listing): ListedTask {
    const { secondHash: second, shardBytes } = evidence;
    // A pin that may be of any artifact needs the digest of each.
    if (
      shardBytes !== undefined &&
      stage === undefined &&
      this.#plan.pins.length === 0 &&
      this.#plan.needsDigests !== true
    )
      return { listing, shards: createShardTable(listing.files, shardBytes) };
    const copy = stage === undefined ? {} : { copyTo: stage.folder };
    return { listing, ...copy, ...(second === undefined ? {} : { second }) };
  }

  /** Only a failed verification is a reason to replace something, and only at a destination. */
  #mayReplace({ artifact, result, path }: ArtifactOutcome): boolean {
    return this.#plan.remote.replace && result === 'FAILED' && artifact.destination === path;
  }

  async #replace(
    old: ArtifactOutcome,
    at: number,
    hashing: Hashing,
    remote: Remote,
    watchdog: Watchdog,
  ): Promise<ArtifactOutcome> {
    const codes = [...new Set(old.failures.map(({ code }) => code))].join(', ');
    this.#observer.notice?.(`${old.path} does not verify (${codes}): replacing it`);
    const work = workOn(old.artifact, old.failures, this.#plan.limits);
    this.#works = this.#works.with(at, work);
    const [outcome] = await this.#round([work], hashing, remote, watchdog);
    return outcome ?? old;
  }

  /** Finds out where the artifact is to be read; lists it, or resolves it and prepares its staging folder. */
  async #prepare(work: Work, hashing: Hashing, remote: Remote): Promise<void> {
    if (work.failures.length > 0) return;
    try {
      await this.#locate(work, hashing, remote);
    } catch (error) {
      // Not a byte is read of what cannot be finished.
      delete work.listing;
      throw error;
    }
  }

  async #locate(work: Work, hashing: Hashing, remote: Remote): Promise<void> {
    const { source, destination, requirements } = work.artifact;
    const resolve = async (reference: string) => {
      work.resolved = await remote.resolve(reference);
      const failures = await work.evidence.loadStored(work.resolved, reference, remote, work.path);
      // A bad signature costs one manifest, not one download.
      if (failures.length > 0) throw new WeighlockError(failures[0] ?? unmetWithoutReason());
      return work.resolved;
    };
    const inPlace = destination !== undefined && !work.replaces && destinationState(destination) === 'present';
    if (inPlace) {
      await this.#list(work, destination, hashing);
      // Everything else can be judged without asking anybody.
      const asksRegistry = work.evidence.asksRegistry || requirements.some(({ kind }) => kind === 'manifest');
      if (source.kind === 'oci' && asksRegistry) await resolve(source.reference);
      return;
    }
    if (source.kind === 'volume') {
      await this.#list(work, source.path, hashing);
      if (destination !== undefined) this.#stageCopy(work, destination);
      return;
    }
    const target = requireDestination(source, destination);
    if (source.kind === 'oci') {
      work.stage = await remote.stageArtifact(target, await resolve(source.reference));
    } else work.stage = remote.stageDownload(target);
  }

  async #list(work: Work, path: string, hashing: Hashing): Promise<void> {
    work.path = path;
    const { secondHash, shardBytes } = work.evidence;
    const isCopied = path !== work.artifact.destination && work.artifact.destination !== undefined;
    const needsMore = secondHash !== undefined || shardBytes !== undefined || isCopied;
    const how = { ...this.#plan.limits, storage: work.artifact.storage };
    const isPlain = needsMore || this.#receipts !== undefined;
    const listing = await (isPlain ? hashing.list(path, how) : hashing.listHashing(path, how));
    if (listing.files.count === 0 && listing.failures.length === 0) throw emptyFolder();
    work.listing = listing;
    work.leftOut = listing.leftOut?.entries ?? [];
    work.failures.push(...listing.failures);
    if (this.#receipts !== undefined && listing.failures.length === 0)
      work.receipt = await this.#receipts.use(work, listing, needsMore);
  }

  #stageCopy(work: Work, destination: string): void {
    // A file that nobody listed may be larger than any volume: it is refused, and not called a lack of space.
    this.#refuseListed(work);
    const { listing, failures, refused } = work;
    // Nothing is copied of what is refused already.
    if (listing === undefined || failures.length > 0 || refused.length > 0) return;
    const { kind, files } = listing;
    work.stage = new Stage({
      destination,
      kind,
      bytes: files.totalBytes,
      folders: foldersOf(listing),
      ...(kind === 'file' ? { fileName: nameAt(files, 0) } : {}),
    });
  }

  /** Fetches what was resolved; for what lies at the destination already, finds out what it should be. */
  async #fetch(work: Work, remote: Remote): Promise<void> {
    const { artifact, resolved, stage } = work;
    const { source } = artifact;
    if (work.failures.length > 0) return;
    if (source.kind === 'oci' && resolved !== undefined) {
      if (stage === undefined) this.#promise(work, await remote.promised(source.reference, resolved, work.path));
      else {
        const { files, failures } = await remote.pull(source.reference, resolved, stage);
        work.failures.push(...failures);
        work.fetched = { kind: 'folder', files };
        work.records = loadRecords(stage.records);
        this.#promise(work, undefined);
      }
    } else if (source.kind === 'https' && stage !== undefined) {
      const { kind, sha256, files, failures, records } = await remote.fetch(
        source.url,
        stage,
        artifact.destination ?? '',
      );
      work.failures.push(...failures);
      work.fetched = { kind, files };
      work.records = records;
      if (kind === 'folder') promiseArchive(work, sha256, new Map(hexByName(files)));
    } else if (source.kind === 'https' && artifact.destination === work.path) {
      // One is enough: if there are several, they agree or fail.
      const pin = work.evidence.leaves.find((one) => one.kind === 'archive')?.digest;
      if (pin === undefined) return;
      const { sha256, checksums } = await remote.promisedByArchive(source.url, pin, artifact.destination);
      promiseArchive(work, sha256, checksums);
    }
  }

  /** What was fetched was hashed on its way with SHA-256 alone; a signature may list other hashes. */
  async #hashAgain(work: Work, hashing: Hashing): Promise<void> {
    const { stage, fetched, evidence } = work;
    const { secondHash: second } = evidence;
    if (second === undefined || stage === undefined || fetched === undefined || work.failures.length > 0) return;
    const listing = await hashing.list(stage.folder, { allowSymlinks: false, maxFiles: Number.MAX_SAFE_INTEGER });
    const [hashed] = await hashing.hash([{ listing, second }]);
    work.failures.push(
      ...listing.failures,
      ...(hashed?.failures ?? []),
      ...differencesOf(listing.files, fetched.files),
    );
    work.second = hashed?.second ?? new Map();
  }

  /** Evidence for a pinned manifest: the files it promises. What was fetched by it was held against it on its way. */
  #promise(work: Work, promised: ReadonlyMap<PathBytes, string> | undefined): void {
    const fetched = work.fetched?.files;
    const checksums = promised ?? new Map(fetched === undefined ? [] : hexByName(fetched));
    if (promised !== undefined) work.promised = promised;
    work.evidence.promise(checksums);
    for (const requirement of work.artifact.requirements) {
      const isMet = requirement.kind === 'manifest' && work.resolved?.digest === `sha256:${requirement.digest}`;
      if (isMet) work.evidence.set(requirement, { checksums, files: [] });
    }
  }

  async #outcome(work: Work, measured: Measured | undefined): Promise<ArtifactOutcome> {
    const { artifact, path, stage } = work;
    const judgement =
      measured === undefined
        ? { requirements: artifact.requirements.map(unmet), failures: [] }
        : judge(artifact.requirements, measured, work.evidence.found, work.evidence.refused);
    const judged = measured === undefined ? work.refused : judgement.failures;
    const found = nameLayout([...work.failures, ...judged], artifact.source);
    const failures =
      measured === undefined ? [...found] : [...namePointers(found, folderOf(work, measured), measured.files)];
    const { requirements } = judgement;
    let published = false;
    if (stage !== undefined && isVerified(measured, requirements, failures)) {
      try {
        await stage.publish({ verified: measured.files, replace: work.replaces, ...this.#marker(work, measured) });
        published = true;
      } catch (error) {
        failures.push(failureOf(error));
      }
    }
    if (failures.length === 0 && measured !== undefined && !requirements.every(({ met }) => met))
      failures.push(unmetWithoutReason());
    work.failures.splice(0, work.failures.length, ...failures);
    // Whatever kept it from being replaced: a network that does not answer makes nothing better of what lies there.
    if (!published) failures.push(...work.replaced);
    const result = measured === undefined && failures.length === 0 ? 'UNEVALUATED' : resultOf(failures);
    // It spoke of something else.
    if (result === 'FAILED' && stage === undefined && path === artifact.destination) removeMarker(path);
    const resolved =
      work.resolved === undefined
        ? {}
        : { manifest: work.resolved.manifest, isOfManifest: measured !== undefined && isOfManifest(work, measured) };
    return {
      artifact,
      result,
      ...(measured === undefined ? {} : { measured }),
      ...resolved,
      requirements,
      failures,
      leftOut: work.leftOut,
      path,
      published,
      ...(work.receipt === undefined ? {} : { receipt: work.receipt }),
    };
  }

  /** What is put beside content that was fetched, to say what it is. */
  #marker({ artifact, resolved, fetched, records }: Work, { digest, files }: Measured): { marker?: string } {
    if (fetched === undefined) return {};
    const marker = {
      apiVersion: 'weighlock.dev/v1alpha1',
      kind: 'VerificationMarker',
      verifier: { name: 'weighlock', version: VERSION },
      source: locationText(artifact.source),
      ...(resolved === undefined ? {} : { digest: resolved.digest, manifest: resolved.manifest }),
      content: { sha256: digest, files: files.count, bytes: files.totalBytes },
      requirements: artifact.requirements.map((one) => ({
        kind: one.kind,
        expected: expectedText(one),
        origin: one.origin,
      })),
      timeVerified: new Date().toISOString(),
      archives: records ?? [],
    };
    return { marker: `${JSON.stringify(marker, null, 2)}\n` };
  }

  /** Keeps a staging folder only when the next run can go on with it: after a time-out, a broken network, a signal. */
  #tidy({ stage, failures }: Work): void {
    if (stage === undefined) return;
    const all = [...failures, ...this.#runFailures];
    const mayResume = stage.resumable && all.length > 0 && all.every(({ code }) => RESUMABLE.has(EXIT_CODE_OF[code]));
    if (mayResume) stage.leave();
    else stage.discard();
  }

  #finish(artifacts: readonly ArtifactOutcome[]): RunOutcome {
    const plan = this.#plan;
    const failures = allFailures({ artifacts, failures: this.#runFailures });
    const { bytes, files } = this.#pool.progress;
    const engine = this.#hashing?.choice;
    return {
      mode: plan.mode,
      failurePolicy: plan.failurePolicy,
      result: resultOf(failures),
      exitCode: exitCodeFor(failures, plan.mode, plan.failurePolicy),
      artifacts,
      failures: this.#runFailures,
      ...(engine === undefined ? {} : { engine }),
      kernels: this.#pool.kernels,
      ...(this.#pool.kernelReason === undefined ? {} : { kernelReason: this.#pool.kernelReason }),
      workers: Math.max(this.#pool.workers, this.#remote?.threads ?? 0),
      bytes,
      files,
      startedAt: this.#startedAt,
      seconds: (performance.now() - this.#start) / 1000,
    };
  }
}

/** The folder that the files of an artifact were measured in. */
function folderOf({ fetched, stage, path }: Work, { kind }: Measured): string {
  if (fetched !== undefined && stage !== undefined) return stage.folder;
  return kind === 'file' ? dirname(path) : path;
}

/** Folders of an artifact: those of bookkeeping only where files of the artifact lie in them. */
function foldersOf({ files, folders, leftOut }: Listing): PathBytes[] {
  const bookkeeping = new Set(leftOut?.folders);
  const needed = new Set<string>();
  for (const name of bookkeeping.size === 0 ? [] : namesOf(files))
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) needed.add(name.slice(0, at));
  return namesOf(folders).filter((name) => name !== '' && (!bookkeeping.has(name) || needed.has(name)));
}

/** @param replaced - what is wrong with what lies at the destination, where that is to be replaced */
function workOn(
  artifact: ArtifactPlan,
  replaced: readonly Failure[] | undefined,
  { allowSymlinks }: Pick<Limits, 'allowSymlinks'>,
): Work {
  const replaces = replaced !== undefined;
  const evidence = new ArtifactEvidence(artifact, { allowSymlinks, linkRoot: artifact.storage?.linkRoot });
  return {
    artifact,
    failures: [],
    leftOut: [],
    refused: [],
    evidence,
    path: locationText(artifact.source),
    replaces,
    replaced: replaced ?? [],
  };
}

/**
 * What is refused by its listing is hashed only to say more of it (what else differs, and where a missing file's content is now),
 * which may take a second.
 */
const MOST_REFUSED_BYTES = 256 << 20;

/**
 * Whether the content is that of the manifest. What was there already may have met another requirement, and whoever writes to
 * the repository says what a tag leads to.
 */
function isOfManifest({ fetched, promised }: Work, { files, unknown }: Measured): boolean {
  if (fetched !== undefined) return true;
  return promised !== undefined && compareChecksums(files, { checksums: promised }, unknown).failures.length === 0;
}

/** The files that a manifest promises as they are, with their sizes. */
function sizesIn({ layout }: Resolved): Map<PathBytes, number> {
  return new Map(layout.items.flatMap((item) => (item.kind === 'file' ? [[item.path, item.descriptor.size]] : [])));
}

/** Ends of a run after which the content may still be right. */
const RESUMABLE = new Set<number>([EXIT.notEvaluated, EXIT.sigterm, EXIT.sigint]);

/** Keeps what is wrong with one artifact from ending the verification of the others. */
async function attempt(work: Work, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    work.failures.push(failureOf(error));
  }
}

/** What is in the staging folder must still be what came. */
function differencesOf(staged: FileTable, fetched: FileTable): Failure[] {
  const before = new Map(hexByName(fetched));
  const isSame = staged.count === before.size && hexByName(staged).every(([name, hex]) => before.get(name) === hex);
  return isSame ? [] : [stagedByOthers()];
}

/** Evidence for an archive that was pinned: the files in it. */
function promiseArchive(work: Work, sha256: string, checksums: ReadonlyMap<PathBytes, string>): void {
  for (const leaf of work.evidence.leaves) {
    if (leaf.kind !== 'archive') continue;
    if (leaf.digest === sha256) work.evidence.set(leaf, { checksums, files: [] });
    else work.failures.push(...work.evidence.refuse(leaf, [wrongArchive(leaf, sha256)]));
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

function hexByName(table: FileTable): [PathBytes, string][] {
  return namesOf(table).map((name, i) => [name, hexAt(table, i) ?? '']);
}

function unmet(requirement: Requirement) {
  return { kind: requirement.kind, origin: requirement.origin, expected: expectedText(requirement), met: false };
}

function secondOf({ second }: Work): Pick<Measured, 'second'> {
  return second === undefined ? {} : { second };
}

/**
 * What can be verified before anything of the artifact is read. A signature lies where the artifact comes from; what was
 * published before may have brought it along.
 */
async function loadEvidence(work: Work, hashing: Hashing): Promise<void> {
  const { source, destination } = work.artifact;
  const places = [source.kind === 'volume' ? source.path : undefined, destination];
  const there = places.filter((place) => place !== undefined && existsSync(place)) as string[];
  // Of what is not there no signature is missed: the listing says what is wrong.
  if (source.kind === 'volume' && there.length === 0) return;
  const paths = there.length > 0 ? there : [destination ?? work.path];
  work.failures.push(...(await work.evidence.load(paths, () => hashing.engine())));
}

/** Digests that were promised of some artifact, and that none has. */
function unmetPins(pins: Plan['pins'], outcomes: readonly ArtifactOutcome[]): Failure[] {
  const found = outcomes.map(({ artifact, measured }) => `${artifact.name}: ${measured?.digest ?? 'not measured'}`);
  return pins
    .filter(({ digest }) => !outcomes.some(({ measured }) => measured?.digest === digest))
    .map(({ digest, origin }) => ({
      code: 'DIGEST_MISMATCH',
      message: `nothing that was verified has the digest ${origin}`,
      expected: digest,
      found: found.join('; '),
      remedy: 'mount the content that the pod promises, or correct the value',
    }));
}

/** Can only be a defect of ours, and must not let anything pass. */
function unmetWithoutReason(): Failure {
  return {
    code: 'INTERNAL',
    message: 'a requirement is not met, and no reason is known',
    remedy: 'please report this as a defect',
  };
}

/** S24: nothing to verify is not the same as nothing wrong. */
export function emptyFolder(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'the folder holds no file at all',
    expected: 'at least one file',
    found: 'none',
    remedy: 'check the volume: is it the right one, and was it filled?',
  });
}

/** Where to put what is fetched; what cannot be fetched at all is refused here. */
function requireDestination(source: Exclude<Location, { kind: 'volume' }>, destination: string | undefined): string {
  if (source.kind === 'unsupported') {
    const local = destination === undefined ? '' : ', or put the content at the destination beforehand';
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `this version cannot fetch ${source.scheme}:// sources`,
      found: source.text,
      remedy: `mount the content as a volume and give its path, or use oci:// or https://${local}`,
    });
  }
  if (destination !== undefined) return destination;
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: 'there is no place to put what is fetched',
    found: locationText(source),
    remedy: 'name the path after the source, or set MODEL_PATH or DATASET_PATH',
  });
}
