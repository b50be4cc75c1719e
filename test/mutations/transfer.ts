import type { Mutation } from '../../scripts/mutate/mutation.ts';

const TRANSFER = ['test/unit/transfer.test.ts'];
const QUIRKS = ['test/unit/storage-quirks.test.ts'];

export default [
  {
    id: '16-pieces-in-order',
    file: 'src/transfer/window.ts',
    from: '    const [slot] = this.#slots;\n    if (slot === undefined || !slot.isDone) return undefined;\n    if (slot.error',
    to: '    const slot = this.#slots.find((one) => one.isDone);\n    if (slot === undefined) return undefined;\n    if (slot.error',
    tests: TRANSFER,
    name: 'wrong order|first fault',
    hangs: true,
  },
  {
    id: '16-end-behind-the-last-piece',
    file: 'src/transfer/window.ts',
    from: 'this.#entry.reachesEnd ? length + 1 : length',
    to: 'this.#entry.reachesEnd ? length : length',
    tests: QUIRKS,
    name: 'whose reads give more',
  },
  {
    id: '16-shrinks-under-many-reads',
    file: 'src/transfer/window.ts',
    from: 'Math.min(slot.filled, from + most)',
    to: 'Math.min(slot.length, from + most)',
    tests: TRANSFER,
    name: 'shrinks',
  },
  {
    id: '16-error-of-a-piece',
    file: 'src/transfer/window.ts',
    from: 'if (slot.error !== undefined) throw slot.error;',
    to: '',
    tests: TRANSFER,
    name: 'first fault',
  },
  {
    id: '16-closed-when-all-are-back',
    file: 'src/transfer/window.ts',
    from: '    if (this.#underWay > 0) return;\n    for',
    to: '    for',
    tests: TRANSFER,
    name: 'first fault',
    hangs: true,
  },
  {
    id: '16-attributes-after-the-last-piece',
    file: 'src/transfer/window.ts',
    from: 'else if (this.#isIssued && this.#underWay === 0) this.#look();',
    to: 'else if (this.#issued === 1) this.#look();',
    tests: TRANSFER,
    name: 'looked at when',
    hangs: true,
  },
  {
    id: '16-no-more-than-allowed',
    file: 'src/transfer/reads.ts',
    from: 'while (this.#underWay < this.#most && this.#beginOne());',
    to: 'while (this.#beginOne());',
    tests: TRANSFER,
    name: 'at once and no more',
  },
  {
    id: '16-rate-when-asked-for',
    file: 'src/transfer/reads.ts',
    from: 'this.#waitFor(takeBytes(this.#control, window.nextBytes));',
    to: '',
    tests: TRANSFER,
    name: 'no faster than the limit',
  },
  {
    id: '16-descriptors',
    file: 'src/transfer/reads.ts',
    from: 'return this.opens < this.#mostOpen && this.opener?.() === true;',
    to: 'return this.opener?.() === true;',
    tests: TRANSFER,
    name: 'as descriptors last',
  },
] satisfies Mutation[];
