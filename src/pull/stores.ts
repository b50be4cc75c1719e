import { type Failure, failureOf, toFailure } from '../error/index.ts';
import { entryText } from '../fs/index.ts';
import { Stopped } from '../hash/index.ts';
import {
  MAX_SIGNATURE_BYTES,
  type Move,
  type Notice,
  type RegistrySettings,
  readBody,
  Transport,
  withRetries,
} from '../registry/index.ts';
import { type Inventory, openStore, type Store, type StoreSettings } from '../store/index.ts';
import type { PullTools } from './context.ts';
import type { InventoryRequest, PulledFile, PullReply, SmallStoredRequest, StoredRequest } from './protocol.ts';
import { pullStored } from './pull-stored.ts';

/** What a pull thread serves requests about stores with. */
export interface Serving {
  readonly settings: RegistrySettings;
  readonly stores: StoreSettings;
  readonly signal: AbortSignal;
  readonly notice: Notice;
  readonly countFile: () => void;
}

/** Lists what a URL names. */
export function inventoryOf({ location, maxFiles }: InventoryRequest, serving: Serving): Promise<Inventory> {
  return withStore({ location, maxFiles }, serving, (store) => store.inventory(serving.signal));
}

/** Fetches one small file whole, into memory. */
export function smallStored({ location, revision, file }: SmallStoredRequest, serving: Serving): Promise<Uint8Array> {
  const { signal, notice } = serving;
  const onRetry = ({ message }: Failure, ms: number) =>
    notice(`${message}; trying again in ${(ms / 1000).toFixed(1)} s`);
  return withStore({ location, revision, maxFiles: 0 }, serving, (store) =>
    withRetries(
      async () => {
        const answer = await store.open(file, {}, { signal });
        if (answer.status !== 200) throw await store.refusal(answer, file);
        return readBody(answer, Math.min(file.size, MAX_SIGNATURE_BYTES));
      },
      { signal, onRetry },
    ),
  );
}

/** Fetches files from the queue that all threads share, several at a time. */
export function pullFromStore(
  { location, inventory, order, lanes, content }: StoredRequest,
  serving: Serving & { readonly tools: PullTools; readonly move: Move; readonly next: () => number },
): Promise<PullReply> {
  const { revision, files: listed } = inventory;
  const files: PulledFile[] = [];
  const failures: Failure[] = [];
  return withStore({ location, revision, maxFiles: 0 }, serving, async (store) => {
    const context = { ...serving.tools, store, content, move: serving.move, notice: serving.notice };
    const lane = async () => {
      for (let next = serving.next(); next < order.length && failures.length === 0; next = serving.next()) {
        const file = listed[order[next] ?? 0];
        if (file === undefined) continue;
        try {
          files.push(await pullStored(file, context));
          serving.countFile();
        } catch (error) {
          if (error instanceof Stopped) throw error;
          failures.push({ ...toFailure(failureOf(error)), file: entryText(file.path) });
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return { files, failures };
  });
}

async function withStore<T>(
  { location, maxFiles, revision }: Pick<InventoryRequest, 'location' | 'maxFiles'> & { revision?: string | undefined },
  { settings, stores, notice }: Serving,
  action: (store: Store) => Promise<T>,
): Promise<T> {
  const transport = new Transport(settings);
  try {
    return await action(openStore(location, stores, { transport, notice, maxFiles }, revision));
  } finally {
    await transport.close();
  }
}
