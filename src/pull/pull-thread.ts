import type { MessagePort } from 'node:worker_threads';
import { type Failure, failureOf } from '../error/index.ts';
import {
  awaitBytes,
  checkStop,
  countBytes,
  countEntry,
  countFile,
  createEngine,
  type Engine,
  nextInQueue,
  RingSender,
  Stopped,
} from '../hash/index.ts';
import { ImageLayout, isLayoutReference, parseLayoutReference } from '../image-layout/index.ts';
import {
  type ArtifactSource,
  MAX_SIGNATURE_BYTES,
  type Move,
  parseReference,
  Repository,
  setPace,
  Transport,
} from '../registry/index.ts';
import { type Inventory, openStore } from '../store/index.ts';
import type { Reply } from '../thread/index.ts';
import {
  Connections,
  type Digester,
  fetchRanges,
  openPlain,
  Pieces,
  type RangeTools,
  shareOf,
  WriteBehind,
} from '../transfer/index.ts';
import type { PullContext, PullTools } from './context.ts';
import { fetchUrl } from './fetch-url.ts';
import { InspectedDigester } from './inspected.ts';
import { plainPlacement } from './member-writer.ts';
import type {
  BlobRequest,
  FetchReply,
  FetchRequest,
  NoticeMessage,
  PulledFile,
  PullReply,
  PullRequest,
  PullSetup,
  RemoteRequest,
  Resolved,
  ResolveRequest,
  SignaturesRequest,
  StoredRequest,
  StoredSignatures,
  TrustedRootRequest,
} from './protocol.ts';
import { pullArchive } from './pull-archive.ts';
import { pullFile } from './pull-file.ts';
import { pullImage } from './pull-image.ts';
import { RangeReader, type UrlPart } from './read-range.ts';
import { resolveArtifact } from './resolve.ts';
import { storedSignatures } from './signatures.ts';
import { inventoryOf, pullFromStore, type Serving, smallStored } from './stores.ts';
import { fetchTrustedRoot } from './trusted-root.ts';

/**
 * Blobs that one thread fetches at a time: while one waits for the network, the other is hashed.
 */
const AT_A_TIME = 2;

/**
 * Milliseconds between looks at the stop flag, for waits on the network that no byte interrupts.
 */
const LOOK = 100;

type Served = Resolved | PullReply | FetchReply | StoredSignatures | Uint8Array | UrlPart | string | Inventory;

/** A pull thread: network, hashing and writing for its share of the blobs. */
export class PullThread {
  readonly #port: MessagePort;
  readonly #setup: PullSetup;
  readonly #controller = new AbortController();
  readonly #engines: Engine[] = [];
  readonly #queues: WriteBehind[] = [];
  readonly #move: Move;
  readonly #ranges: RangeTools;
  readonly #parts: RangeReader;

  /** @param port - requests come and replies go here */
  constructor(port: MessagePort, setup: PullSetup) {
    this.#port = port;
    this.#setup = setup;
    setPace(setup.pace);
    this.#ranges = { connections: new Connections(setup.limits), pieces: new Pieces(setup.limits) };
    this.#parts = new RangeReader(
      (reference) => this.#open(reference),
      ({ location, revision }, transport) =>
        openStore(location, setup.stores, { transport, notice: this.#notice, maxFiles: 0 }, revision),
      setup.settings,
    );
    this.#move = (task, patience) => fetchRanges(task, patience, this.#ranges);
    const timer = setInterval(() => {
      try {
        checkStop(setup.control);
      } catch (error) {
        clearInterval(timer);
        this.#controller.abort(error);
      }
    }, LOOK);
    timer.unref();
    port.on('message', ({ id, request }: { id: number; request: RemoteRequest }) => void this.#answer(id, request));
  }

  async #answer(id: number, request: RemoteRequest): Promise<void> {
    try {
      this.#port.postMessage({ id, ok: true, value: await this.#serve(request) } satisfies Reply);
    } catch (error) {
      if (!(error instanceof Stopped))
        this.#port.postMessage({ id, ok: false, failure: failureOf(error) } satisfies Reply);
    }
  }

  #serve(request: RemoteRequest): Promise<Served> {
    if (request.kind === 'blob-range' || request.kind === 'url-range' || request.kind === 'stored-range')
      return this.#parts.read(request, this.#controller.signal);
    if (request.kind === 'inventory') return inventoryOf(request, this.#serving);
    if (request.kind === 'small-stored') return smallStored(request, this.#serving);
    if (request.kind === 'stored') return this.#stored(request);
    if (request.kind === 'trusted-root') return this.#trustedRoot(request);
    if (request.kind === 'blob') return this.#blob(request);
    if (request.kind === 'resolve') return this.#resolve(request);
    if (request.kind === 'signatures') return this.#signatures(request);
    return request.kind === 'pull' ? this.#pull(request) : this.#fetch(request);
  }

  async #resolve(request: ResolveRequest): Promise<Resolved> {
    const repository = this.#open(request.reference);
    try {
      return await resolveArtifact(repository, request, this.#controller.signal);
    } finally {
      await repository.close();
    }
  }

  async #pull(request: PullRequest): Promise<PullReply> {
    const { threads } = request;
    this.#share(threads);
    const repository = this.#open(request.reference, threads);
    const { content, records, known, budget } = request;
    const context: PullContext = { ...this.#tools(request), repository, content, records, known, budget };
    const files: PulledFile[] = [];
    const failures: Failure[] = [];
    const lane = async () => {
      for (let next = this.#next(); next < request.order.length; next = this.#next()) {
        try {
          const pulled = await this.#item(request, request.order[next] ?? 0, context);
          files.push(...pulled);
          for (const _ of pulled) countFile(this.#setup.control);
        } catch (error) {
          if (error instanceof Stopped) throw error;
          failures.push(failureOf(error));
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: request.ring?.streams ?? AT_A_TIME }, lane));
    } finally {
      await repository.close();
    }
    return { files, failures };
  }

  async #item({ layout }: PullRequest, index: number, context: PullContext): Promise<readonly PulledFile[]> {
    if (layout.subtree !== undefined) return pullImage(layout, context);
    const item = layout.items[index];
    if (item === undefined) return [];
    return item.kind === 'file'
      ? [await pullFile(item, context)]
      : pullArchive(item, plainPlacement(item.within), context);
  }

  #stored(request: StoredRequest): Promise<PullReply> {
    this.#share(request.threads);
    const tools = this.#tools(request);
    return pullFromStore(request, { ...this.#serving, tools, move: this.#move, next: () => this.#next() });
  }

  get #serving(): Serving {
    const { settings, stores, control } = this.#setup;
    const signal = this.#controller.signal;
    return { settings, stores, signal, notice: this.#notice, countFile: () => countFile(control) };
  }

  async #signatures({ reference, digest }: SignaturesRequest): Promise<StoredSignatures> {
    const repository = this.#open(reference);
    try {
      return await storedSignatures(repository, digest, this.#controller.signal);
    } finally {
      await repository.close();
    }
  }

  async #blob({ reference, descriptor }: BlobRequest): Promise<Uint8Array> {
    const repository = this.#open(reference);
    try {
      return await repository.smallBlob(descriptor, this.#controller.signal, MAX_SIGNATURE_BYTES);
    } finally {
      await repository.close();
    }
  }

  async #trustedRoot({ source }: TrustedRootRequest): Promise<string> {
    const transport = new Transport(this.#setup.settings);
    try {
      return await fetchTrustedRoot(source, transport, this.#controller.signal);
    } finally {
      await transport.close();
    }
  }

  async #fetch(request: FetchRequest): Promise<FetchReply> {
    this.#share(1);
    const transport = new Transport(this.#setup.settings);
    try {
      const reply = await fetchUrl(request, {
        ...this.#tools(request),
        transport,
        notice: this.#notice,
        move: this.#move,
      });
      for (const _ of reply.files) countFile(this.#setup.control);
      return reply;
    } finally {
      await transport.close();
    }
  }

  #share(threads: number): void {
    this.#ranges.connections.shareWith(threads);
  }

  #open(reference: string, threads = 1): ArtifactSource {
    if (isLayoutReference(reference))
      return new ImageLayout(parseLayoutReference(reference), () => countEntry(this.#setup.control));
    const { settings } = this.#setup;
    const connections = shareOf(this.#ranges.connections.most, threads);
    return new Repository(parseReference(reference), { ...settings, connections }, this.#notice, this.#move);
  }

  #next(): number {
    checkStop(this.#setup.control);
    return nextInQueue(this.#setup.control);
  }

  #tools({ ring, inspects = false }: Pick<PullRequest, 'ring' | 'inspects'>): PullTools {
    const { control, engine } = this.#setup;
    const borrowEngine = async () => this.#engines.pop() ?? createEngine(engine);
    const returnEngine = (used: Engine) => void this.#engines.push(used);
    const borrowBehind = () => this.#queues.pop() ?? new WriteBehind();
    const returnBehind = (used: WriteBehind) => {
      used.reset();
      this.#queues.push(used);
    };
    const sender = ring === undefined ? undefined : new RingSender(ring);
    return {
      signal: this.#controller.signal,
      count: (bytes) => {
        countBytes(control, bytes);
        awaitBytes(control, bytes);
      },
      async openPlain(path, name, size) {
        const looked = (digester: Digester) => (inspects ? new InspectedDigester(digester, name, size) : digester);
        const stream = sender?.open();
        if (stream !== undefined) return openPlain(path, looked(stream), () => stream.close());
        const engine = await borrowEngine();
        return openPlain(path, looked(engine), () => returnEngine(engine));
      },
      borrowArchiveTools: async () => ({
        packed: await borrowEngine(),
        unpacked: await borrowEngine(),
        member: await borrowEngine(),
        behind: borrowBehind(),
        inspects,
      }),
      returnArchiveTools: ({ packed, unpacked, member, behind }) => {
        for (const used of [packed, unpacked, member]) returnEngine(used);
        returnBehind(behind);
      },
    };
  }

  readonly #notice = (notice: string): void => {
    this.#port.postMessage({ notice } satisfies NoticeMessage);
  };
}
