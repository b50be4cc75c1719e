import { parentPort, workerData } from 'node:worker_threads';
import { failureOf, toFailure } from '../error/index.ts';
import { changedFolders, type FileTable, isLocal, type Listing, listAgain, listPath, lookAgain } from '../fs/index.ts';
import type { Reply } from '../thread/index.ts';
import { checkStop, countEntry, Stopped } from './control.ts';
import { createEngine, type Engine, type EngineName } from './engine.ts';
import { hashFiles, readAhead, secondsOf } from './hash-files.ts';
import { createLaneHasher, hashInLanes, type KernelChoice, type LaneCount, type LaneHasher } from './lanes/index.ts';
import { serveLine } from './line.ts';
import { unseenInputs } from './look.ts';
import type {
  FileFailure,
  HashReply,
  HashRequest,
  Kernel,
  ListRequest,
  LookRequest,
  Request,
  UnseenPart,
  WorkerSetup,
} from './protocol.ts';
import { fileFailure, queuedInputs } from './queue.ts';
import { hashersInLanes, hashersOf } from './stream-hashers.ts';

/** Below this much to do, compiling and testing the kernel costs more than it saves. */
const LEAST_LANE_BYTES = 8 << 20;

/** A second hash of the same bytes goes through one file after the other. */
function isWorthLanes({ tasks }: HashRequest): boolean {
  const bytes = tasks.reduce((sum, { listing }) => sum + listing.files.totalBytes, 0);
  return bytes >= LEAST_LANE_BYTES && tasks.every(({ second }) => second === undefined);
}

/** A worker thread: lists, hashes and re-checks with blocking calls, so that the main thread never has to wait. */
async function serve(port: NonNullable<typeof parentPort>, { control, likelyEngine }: WorkerSetup): Promise<void> {
  let buffer = Buffer.alloc(0);
  /** `null` where it cannot be had. */
  let lanes: LaneHasher | null | undefined;
  /** How many lanes it was to have: fewer if those failed their tests, which are not repeated at every request. */
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

  const list = ({ path, sendsUnseen = false, ...limits }: ListRequest, send: (part: UnseenPart) => void): Listing => {
    const onEntry = () => {
      countEntry(control);
      checkStop(control);
    };
    let isRootLocal: boolean | undefined;
    const onUnseen = (files: FileTable, root: number) => {
      isRootLocal ??= isLocal(root);
      send({ root, files, isLocal: isRootLocal });
    };
    return listPath(path, { ...limits, onEntry, ...(sendsUnseen ? { onUnseen } : {}) });
  };

  const look = async (request: LookRequest): Promise<Kernel> => {
    const inputs = unseenInputs(request, control);
    const own = request.engine === 'wasm' ? lanesFor(request.kernel) : null;
    if (own !== null)
      return hashInLanes(inputs, { lanes: own.lanes, aloneBytes: Number.POSITIVE_INFINITY }, own, control);
    const engine = await engineNamed(request.engine);
    return hashFiles(inputs, engine, bufferFor(engine), control);
  };

  const hash = async (request: HashRequest): Promise<HashReply> => {
    const failures: FileFailure[] = [];
    const inputs = queuedInputs(request, control, (next, error) => {
      if (error instanceof Stopped) throw error;
      failures.push(fileFailure(next, error));
    });
    if (request.engine === 'wasm' && isWorthLanes(request)) {
      const own = lanesFor(request.kernel);
      if (own !== null) return { kernel: hashInLanes(inputs, request, own, control), failures, second: [] };
    }
    const engine = await engineNamed(request.engine);
    const seconds = await secondsOf(request);
    return {
      kernel: hashFiles(inputs, engine, bufferFor(engine), control, seconds),
      failures,
      second: seconds.digests,
    };
  };

  const answer = async (request: Request, send: (part: UnseenPart) => void): Promise<unknown> => {
    if (request.kind === 'list') return list(request, send);
    if (request.kind === 'look') return look(request);
    if (request.kind === 'again') return listAgain(request.root, request.files);
    if (request.kind === 'look-again') {
      for (const { listing, index } of request.files) lookAgain(listing.root, listing.files, index);
      return undefined;
    }
    if (request.kind === 'recheck') return changedFolders(request.listing).map(toFailure);
    if (request.kind === 'line') {
      const makeEngine = () => createEngine(request.engine);
      const found = request.engine === 'wasm' ? lanesFor(request.kernel) : null;
      // A kernel that was to have eight lanes may have failed its tests in this thread.
      const own = found !== null && found.lanes >= request.line.streams ? found : null;
      const hashers =
        own !== null
          ? hashersInLanes(own)
          : hashersOf(await Promise.all(Array.from({ length: request.line.streams }, makeEngine)));
      if (own !== null) own.usedWide = false;
      serveLine(request.line, hashers, () => checkStop(control));
      if (own !== null) return own.kernel satisfies Kernel;
      return (request.engine === 'wasm' ? 'hash-wasm' : 'openssl') satisfies Kernel;
    }
    // Which kernel it was says the thread that hashes.
    if (request.line !== undefined) return { failures: readAhead(request, request.line, control), second: [] };
    return hash(request);
  };

  port.on('message', async ({ id, request }: { id: number; request: Request }) => {
    try {
      const value = await answer(request, (part) => port.postMessage({ id, part } satisfies Reply));
      port.postMessage({ id, ok: true, value } satisfies Reply);
    } catch (error) {
      // A stopped run has nobody left to answer to.
      if (!(error instanceof Stopped)) port.postMessage({ id, ok: false, failure: failureOf(error) } satisfies Reply);
    }
  });
  // What was asked meanwhile comes first: that is listing, which needs no engine. Who needs it hears of a fault when asking for it.
  if (likelyEngine !== undefined) setImmediate(() => engineNamed(likelyEngine).catch(() => {}));
}

if (parentPort !== null) void serve(parentPort, workerData);
