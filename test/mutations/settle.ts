import type { Mutation } from '../../scripts/mutate/mutation.ts';

const SETTLE = ['test/unit/settle.test.ts'];

export default [
  {
    id: '19-settle-unsynced',
    file: 'src/fs/settle.ts',
    from: 'await synced(descriptor);',
    to: 'await looked(descriptor);',
    tests: SETTLE,
    name: 'had them mapped',
  },
  {
    id: '19-settle-in-memory',
    file: 'src/fs/settle.ts',
    from: 'if (!isOnDisk && isInMemory(descriptor))',
    to: "if (isInMemory(descriptor) && name === '')",
    tests: SETTLE,
    name: 'in no memory',
  },
  {
    id: '19-settle-too-young',
    file: 'src/fs/settle.ts',
    from: 'Math.max(LEAST_WRITTEN_MS, 10 * 10 * (expire + interval))',
    to: '-Math.max(LEAST_WRITTEN_MS, 10 * 10 * (expire + interval))',
    tests: SETTLE,
    name: 'need no sync',
  },
  {
    id: '19-settle-moved',
    file: 'src/fs/settle.ts',
    from: 'if (!isListed(files, index, await looked(descriptor)))',
    to: "if (!isListed(files, index, await looked(descriptor)) && name === '')",
    tests: SETTLE,
    name: 'were listed',
  },
  {
    id: '19-settle-several',
    file: 'src/fs/settle.ts',
    from: 'if (devices.size > 1)',
    to: 'if (devices.size > 1000)',
    tests: SETTLE,
    name: 'one file system',
  },
  {
    id: '19-receipt-unsettled',
    file: 'src/run/receipts.ts',
    from: ' || !this.#settled.has(listing)) return;',
    to: ') return;',
    tests: ['test/integration/receipts.test.ts'],
    name: 'change unseen',
  },
] satisfies readonly Mutation[];
