import { affordablePullThreads } from '../hash/index.ts';
import { isLayoutReference } from '../image-layout/index.ts';
import { type ArtifactPlan, leavesOf, type RemoteSettings } from '../plan/index.ts';
import { type ArchiveRecord, PullPool, parseRecords, type Resolved } from '../pull/index.ts';
import type { Room } from '../registry/index.ts';
import { readMarker } from '../stage/index.ts';
import { provideTrustedRoot } from '../trust/index.ts';
import type { Hashing } from './hashing.ts';
import { roomAt } from './room.ts';

/** What all remote sources of one run share: settings, and the threads that fetch. */
export class Remote {
  readonly settings: RemoteSettings;
  readonly pool: PullPool;
  readonly #hashing: Hashing;

  constructor(settings: RemoteSettings, hashing: Hashing, notice: (text: string) => void) {
    this.settings = settings;
    this.#hashing = hashing;
    const most = Math.min(hashing.concurrency, affordablePullThreads());
    this.pool = new PullPool(hashing.pool, settings.registry, settings.stores, hashing.choice.name, most, notice);
  }

  get threads(): number {
    return this.pool.threads;
  }

  /** Resolves an OCI reference once; everything after goes by the digests in the answer. */
  resolve(reference: string): Promise<Resolved> {
    const { platform, allowUnknownLayers } = this.settings;
    return this.from(reference, () => this.pool.resolve(reference, platform, allowUnknownLayers));
  }

  /**
   * Reads from a registry, or from a layout on a volume: then how long it takes, the content there
   * decides.
   */
  from<T>(reference: string, work: () => Promise<T>): Promise<T> {
    return isLayoutReference(reference) ? this.#hashing.read(work) : work();
  }

  /** What there is room for at a staging folder; undefined where nobody knows. */
  roomAt(folder: string): Room | undefined {
    return roomAt(folder, this.settings.maxBytes);
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
        await provideTrustedRoot(source, await this.pool.trustedRoot(source));
  }

  stop(): Promise<void> {
    return this.pool.stop();
  }
}

/**
 * What the marker beside a destination says of the archives that were unpacked there; nobody's word
 * is taken for it.
 */
export function knownAt(destination: string): { folder: string; records: readonly ArchiveRecord[] } {
  const marker = readMarker(destination) as { archives?: unknown } | null | undefined;
  return { folder: destination, records: parseRecords(marker?.archives) };
}
