import { createHash, randomBytes } from 'node:crypto';
import hashWasm from 'hash-wasm/dist/sha256.umd.min.js';
import { chooseKernel, LaneHasher, type LaneKernels } from '../src/hash/lanes/index.ts';
import { inTurns, printRatios, rate, updated } from './measure.ts';

/** What stays in the second-level cache, as between read and hash. */
const CHUNK = 1 << 17;

/** SHA-256 in memory on one core, no file and no pipeline: what each engine can reach at most. */
export async function benchEngines(rounds: number): Promise<object> {
  const chunk = randomBytes(CHUNK);
  const reference = await hashWasm.createSHA256();
  reference.init();
  const openssl = createHash('sha256');
  const contestants = new Map<string, () => Promise<number>>([
    ['hash-wasm', async () => rate(() => updated(reference, chunk))],
    ['node:crypto (OpenSSL)', async () => rate(() => updated(openssl, chunk))],
  ]);
  const { wide, reason } = await chooseKernel();
  const add = (width: number, kernels: LaneKernels, how: string) => {
    const hasher = new LaneHasher(kernels);
    for (let lane = 0; lane < width; lane++) hasher.begin(lane);
    contestants.set(`${width} ${width === 1 ? 'lane' : 'lanes'} of ours${how}`, async () =>
      rate(() => {
        for (let lane = 0; lane < width; lane++) {
          hasher.room(lane);
          hasher.add(lane, CHUNK);
        }
        hasher.run();
        return width * CHUNK;
      }),
    );
  };
  for (const width of [1, 2, 3, 4, 5]) add(width, { lanes: 5 }, '');
  if (wide !== undefined) {
    for (const width of [1, 2, 4, 5, 6, 7, 8]) add(width, { lanes: 8, wide }, ', wide registers');
  }
  for (const run of contestants.values()) await run();
  const results = await inTurns(rounds, contestants);
  console.log(reason);
  printRatios(`Engines in memory, one core (median of ${rounds})`, 'MiB/s', 'hash-wasm', results, 0);
  return Object.fromEntries(results);
}
