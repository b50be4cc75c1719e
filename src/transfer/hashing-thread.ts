import type { MessagePort } from 'node:worker_threads';
import { type Failure, failureOf, toFailure, type WeighlockError } from '../error/index.ts';
import {
  AT_FDCWD,
  deviceAt,
  GrowingTable,
  isLocal,
  type Listing,
  type ListOptions,
  listAgain,
  listing,
  lookAt,
  recheck,
  refreshEntry,
  statOpen,
} from '../fs/index.ts';
import {
  additionalOf,
  checkStop,
  countEntry,
  createEngine,
  createLaneHasher,
  depthOf,
  type Engine,
  type EngineName,
  type FileFailure,
  fileFailure,
  type HashReply,
  type HashRequest,
  hashersInLanes,
  hashersOf,
  hashFiles,
  hashInLanes,
  type Kernel,
  type KernelChoice,
  type LaneCount,
  type LaneHasher,
  Stopped,
  serveRing,
} from '../hash/index.ts';
import type { Reply } from '../thread/index.ts';
import { inspecting } from './content-inputs.ts';
import type { FileInputs } from './file-inputs.ts';
import type { HashUnlistedRequest, ListRequest, Request, UnseenPart, WorkerSetup } from './protocol.ts';
import { queuedInputs } from './queued-inputs.ts';
import { readIntoRing } from './read-into-ring.ts';
import { TaskRun } from './task-run.ts';
import { readingThread } from './thread.ts';
import { unseenInputs } from './unseen-inputs.ts';

/** Below this much to do, compiling and testing the kernel costs more than it saves. */
const LEAST_LANE_BYTES = 8 << 20;

/** By file: what was read at once came in any order. */
function inOrder(failures: readonly Failure[]): Failure[] {
  const name = ({ file = '' }: Failure) => file;
  return [...failures].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}

/** A second hash of the same bytes goes through one file after the other. */
function isWorthLanes({ tasks }: HashRequest): boolean {
  const bytes = tasks.reduce((sum, { listing }) => sum + listing.files.totalBytes, 0);
  return bytes >= LEAST_LANE_BYTES && tasks.every(({ second }) => second === undefined);
}

/**
 * What a worker thread does: lists, hashes and re-checks with blocking calls, so that the main
 * thread never has to wait.
 *
 * @param port - requests come and replies go here
 */
export function serveHashing(port: MessagePort, { control, likelyEngine }: WorkerSetup): void {
  const thread = readingThread(control);
  let buffer = Buffer.alloc(0);
  /** `null` where it cannot be had. */
  let lanes: LaneHasher | null | undefined;
  /**
   * How many lanes it was to have: fewer if those failed their tests, which are not repeated at
   * every request.
   */
  let asked: LaneCount | undefined;
  const lanesFor = (kernel?: KernelChoice): LaneHasher | null => {
    const isOther = kernel !== undefined && kernel.lanes !== asked;
    if (lanes !== undefined && !isOther) return lanes;
    lanes = createLaneHasher(kernel) ?? createLaneHasher() ?? null;
    asked = kernel?.lanes ?? lanes?.lanes;
    return lanes;
  };
  const engines = new Map<EngineName, Promise<Engine>>();
  const engineNamed = (name: EngineName): Promise<Engine> => {
    const ready = engines.get(name) ?? createEngine(name);
    engines.set(name, ready);
    return ready;
  };
  const bufferFor = ({ chunkBytes }: Engine): Buffer => {
    if (buffer.length !== chunkBytes) buffer = Buffer.allocUnsafeSlow(chunkBytes);
    return buffer;
  };

  const list = async ({ path, ...limits }: ListRequest, send: (part: UnseenPart) => void): Promise<Listing> => {
    const onEntry = () => {
      countEntry(control);
      checkStop(control);
    };
    let isRootLocal: boolean | undefined;
    let table: GrowingTable | undefined;
    let first = 0;
    const onUnseen: ListOptions['onUnseen'] = (names, targets, root) => {
      isRootLocal ??= isLocal(root);
      table ??= GrowingTable.create(limits.maxFiles, statOpen(root).dev);
      const { count } = table.append(first, names);
      const placed = new Map([...targets].map(([index, target]) => [first + index, target]));
      const told = first === 0 ? { table: table.buffers } : {};
      send({ root, first, count, targets: placed, isLocal: isRootLocal, ...told });
      first = count;
    };
    const run = new TaskRun(thread, depthOf(control).isGiven);
    const listed = await run.run(listing(path, { ...limits, onEntry, onUnseen }));
    return run.wasAtOnce ? { ...listed, failures: inOrder(listed.failures) } : listed;
  };

  /** Hashes what comes, and waits until nothing of it is open any more. */
  const hashAll = async <T>(inputs: FileInputs, hash: (inputs: FileInputs) => Promise<T>): Promise<T> => {
    try {
      return await hash(inputs);
    } finally {
      await inputs.close();
    }
  };

  const lookAtFolders = async (listed: Listing): Promise<WeighlockError[]> => {
    const isSlow = thread.pace.isSlow(() => deviceAt(listed.folders, 0));
    return new TaskRun(thread, isSlow).run(recheck(listed));
  };

  let table: GrowingTable | undefined;
  const hashUnlisted = async (request: HashUnlistedRequest): Promise<Kernel | undefined> => {
    if (request.table !== undefined) table = new GrowingTable(request.table);
    if (table === undefined) throw new Error('files of no table');
    const unseen = { ...request, files: { ...table.upTo(request.count), targets: request.targets } };
    if (request.engine === undefined) {
      checkStop(control);
      const isSlow = request.root !== AT_FDCWD && thread.pace.isSlow(() => thread.likelyDevice);
      await new TaskRun(thread, isSlow).run(lookAt(unseen.root, unseen.files, unseen.first));
      return undefined;
    }
    const own = request.engine === 'wasm' ? lanesFor(request.kernel) : null;
    const engine = own === null ? await engineNamed(request.engine) : undefined;
    return hashAll(unseenInputs(unseen, thread), (inputs) => {
      const together = { lanes: own?.lanes ?? 1, aloneBytes: Number.POSITIVE_INFINITY };
      if (own !== null) return hashInLanes(inputs, together, own, control);
      return hashFiles(inputs, engine as Engine, bufferFor(engine as Engine), control);
    });
  };

  const hash = async (request: HashRequest): Promise<HashReply> => {
    const failures: FileFailure[] = [];
    const inputs = queuedInputs(request, thread, (next, error) => {
      if (error instanceof Stopped) throw error;
      failures.push(fileFailure(next, error));
    });
    const content = inspecting(inputs, request);
    const { ring } = request;
    if (ring !== undefined) {
      await hashAll(inputs, () => readIntoRing(content.inputs, ring, control));
      return { failures, second: [], content: content.shares };
    }
    const own = request.engine === 'wasm' && isWorthLanes(request) ? lanesFor(request.kernel) : null;
    if (own !== null) {
      const kernel = await hashAll(inputs, () => hashInLanes(content.inputs, request, own, control));
      return { kernel, failures, second: [], content: content.shares };
    }
    const engine = await engineNamed(request.engine);
    const additional = await additionalOf(request);
    const kernel = await hashAll(inputs, () =>
      hashFiles(content.inputs, engine, bufferFor(engine), control, additional),
    );
    return { kernel, failures, second: additional.digests, content: content.shares };
  };

  const answer = async (request: Request, send: (part: UnseenPart) => void): Promise<unknown> => {
    if (request.kind === 'list') return list(request, send);
    if (request.kind === 'hash-unlisted') return hashUnlisted(request);
    if (request.kind === 'relist') return listAgain(request.root, request.files);
    if (request.kind === 'refresh') {
      for (const { listing, index } of request.files) refreshEntry(listing.root, listing.files, index);
      return undefined;
    }
    if (request.kind === 'recheck') return (await lookAtFolders(request.listing)).map(toFailure);
    if (request.kind === 'ring') {
      const makeEngine = () => createEngine(request.engine);
      const found = request.engine === 'wasm' ? lanesFor(request.kernel) : null;
      // A kernel that was to have eight lanes may have failed its tests in this thread.
      const own = found !== null && found.lanes >= request.ring.streams ? found : null;
      const hashers =
        own !== null
          ? hashersInLanes(own)
          : hashersOf(await Promise.all(Array.from({ length: request.ring.streams }, makeEngine)));
      if (own !== null) own.usedWide = false;
      serveRing(request.ring, hashers, () => checkStop(control));
      if (own !== null) return own.kernel satisfies Kernel;
      return (request.engine === 'wasm' ? 'hash-wasm' : 'openssl') satisfies Kernel;
    }
    return hash(request);
  };

  const serveOne = async ({ id, request }: { id: number; request: Request }): Promise<void> => {
    try {
      const value = await answer(request, (part) => port.postMessage({ id, part } satisfies Reply));
      port.postMessage({ id, ok: true, value } satisfies Reply);
    } catch (error) {
      // A stopped run has nobody left to answer to.
      if (!(error instanceof Stopped)) port.postMessage({ id, ok: false, failure: failureOf(error) } satisfies Reply);
    }
  };
  // One after the other, also when one of them waits for storage: engines, lanes and buffers are
  // there once.
  let served = Promise.resolve();
  port.on('message', (message) => {
    served = served.then(() => serveOne(message));
  });
  // What was asked meanwhile comes first: that is listing, which needs no engine. Who needs it
  // hears of a fault when asking for it.
  if (likelyEngine !== undefined) setImmediate(() => engineNamed(likelyEngine).catch(() => {}));
}
