import { type Control, type EngineName, restartQueue } from '../hash/index.ts';
import type { Descriptor, Digest, Platform, RegistrySettings } from '../registry/index.ts';
import { ThreadGroup } from '../thread/index.ts';
import type { TufSource } from '../trust/index.ts';
import type {
  FetchReply,
  FetchRequest,
  PullReply,
  PullRequest,
  PullSetup,
  RemoteRequest,
  Resolved,
  StoredLayer,
} from './protocol.ts';

/** The pull threads of one run; they start when something remote is asked for, and join the run's control. */
export class PullPool {
  readonly #setup: PullSetup;
  readonly #threads: ThreadGroup;
  readonly #most: number;

  /** @param most - most threads, at least 1 */
  constructor(
    control: Control,
    settings: RegistrySettings,
    engine: EngineName,
    most: number,
    notice: (text: string) => void,
  ) {
    this.#setup = { control, settings, engine };
    this.#threads = new ThreadGroup('pull', notice);
    this.#most = most;
  }

  get threads(): number {
    return this.#threads.size;
  }

  /** Resolves a reference once; everything after goes by the digests in the answer. */
  async resolve(reference: string, platform: Platform, allowUnknownLayers: boolean): Promise<Resolved> {
    return (await this.#ask({ kind: 'resolve', reference, platform, allowUnknownLayers })) as Resolved;
  }

  /** Fetches all layers, largest first, on as many threads as there is work for. */
  async pull(
    reference: string,
    { layout }: Resolved,
    folders: Pick<PullRequest, 'content' | 'records' | 'known'>,
  ): Promise<PullReply> {
    const isImage = layout.subtree !== undefined;
    const order = isImage ? Uint32Array.of(0) : largestFirst(layout.items.map(({ descriptor }) => descriptor.size));
    if (order.length === 0) return { files: [], failures: [] };
    this.#start(Math.min(this.#most, order.length));
    restartQueue(this.#setup.control);
    const request: PullRequest = { kind: 'pull', reference, layout, order, ...folders };
    const replies = (await this.#threads.askAll(request)) as PullReply[];
    return { files: replies.flatMap(({ files }) => files), failures: replies.flatMap(({ failures }) => failures) };
  }

  /** Fetches one file over HTTPS, or an archive as the files in it. */
  async fetch(url: string, what: Pick<FetchRequest, 'file' | 'unpackInto' | 'known'>): Promise<FetchReply> {
    return (await this.#ask({ kind: 'fetch', url, ...what })) as FetchReply;
  }

  /** Fetches what is stored as signatures of a manifest. */
  async signatures(reference: string, digest: Digest): Promise<StoredLayer[]> {
    return (await this.#ask({ kind: 'signatures', reference, digest })) as StoredLayer[];
  }

  /** Fetches one small blob of an artifact; its digest is checked. */
  async smallBlob(reference: string, descriptor: Descriptor): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'blob', reference, descriptor })) as Uint8Array;
  }

  /** The `trusted_root.json` that a TUF repository publishes now. */
  async trustedRoot(source: TufSource): Promise<string> {
    return (await this.#ask({ kind: 'trusted-root', source })) as string;
  }

  async stop(): Promise<void> {
    await this.#threads.stop();
  }

  #ask(request: RemoteRequest): Promise<unknown> {
    this.#start(1);
    return this.#threads.ask(0, request);
  }

  #start(wanted: number): void {
    while (this.#threads.size < wanted) this.#threads.start(this.#setup);
  }
}

function largestFirst(sizes: readonly number[]): Uint32Array {
  return Uint32Array.from(sizes.keys()).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0) || a - b);
}
