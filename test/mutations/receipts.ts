import type { Mutation } from '../../scripts/mutate/mutation.ts';

const RECEIPTS = ['test/unit/receipts.test.ts'];
const BOOK = { file: 'src/receipt/receipt-book.ts', tests: RECEIPTS } as const;
const STATEMENT = { file: 'src/receipt/receipt-statement.ts', tests: RECEIPTS } as const;

export default [
  { ...BOOK, id: '19-receipt-age', from: 'if (now - receipt.startedAt > maxAge)', to: 'if (now < maxAge)' },
  { ...BOOK, id: '19-receipt-future', from: 'if (receipt.startedAt > now)', to: 'if (receipt.startedAt > 2 * now)' },
  {
    ...BOOK,
    id: '19-receipt-policy',
    from: 'if (receipt.requirements !== termsOf(question))',
    to: "if (receipt.requirements === '')",
  },
  {
    ...BOOK,
    id: '19-receipt-evidence',
    from: 'if (receipt.evidence !== evidenceDigest(question.evidence))',
    to: "if (receipt.evidence === '')",
  },
  {
    ...BOOK,
    id: '19-receipt-volume',
    from: 'if (files.device.includes(device ^ files.deviceBase))',
    to: 'if (files.device.includes((device + 1n) ^ files.deviceBase))',
  },
  {
    ...BOOK,
    id: '19-receipt-grain',
    from: 'BigInt(startedAt) * 1_000_000n - GRAIN_NANOSECONDS;',
    to: 'BigInt(startedAt) * 1_000_000n;',
  },
  {
    ...BOOK,
    id: '19-receipt-left-alone-once',
    from: '      requireLeftAlone(files, receipt);\n',
    to: '',
  },
  { ...BOOK, id: '19-receipt-count', from: 'if (receipt.files !== files.count)', to: 'if (receipt.files < 0)' },
  { ...BOOK, id: '19-receipt-difference', from: 'if (different === undefined) {', to: 'if (different !== null) {' },
  {
    ...BOOK,
    id: '19-receipt-spot',
    from: 'if (files.hashed[index] !== 1 || digest.equals(digestAt(files, index))) continue;',
    to: 'if (files.hashed[index] !== 2) continue;',
  },
  {
    ...BOOK,
    id: '19-receipt-type',
    from: '{ predicateType: RECEIPT_TYPE });',
    to: "{ predicateType: 'https://weighlock.dev/receipt/v2' });",
  },
  {
    ...BOOK,
    id: '19-receipt-undone',
    from: 'question.listing.files.hashed.fill(0);',
    to: 'question.listing.files.hashed.fill(1);',
  },
  {
    id: '19-receipt-table',
    file: 'src/receipt/receipt-file.ts',
    from: "digest('hex') === sha256 ? found : undefined;",
    to: "digest('hex') !== '' ? found : undefined;",
    tests: RECEIPTS,
    name: 'another table',
  },
  {
    id: '19-receipt-file-length',
    file: 'src/receipt/receipt-file.ts',
    from: 'if (stat.size !== end + 1 + bytes) return undefined;',
    to: 'if (stat.size < end + 1 + bytes) return undefined;',
    tests: RECEIPTS,
  },
  {
    id: '19-receipt-link',
    file: 'src/receipt/receipt-file.ts',
    from: ' | constants.O_NOFOLLOW',
    to: '',
    tests: RECEIPTS,
    name: 'a link',
  },
  {
    ...STATEMENT,
    id: '19-receipt-version',
    from: "verifier.text('id') !== VERIFIER_ID || version !== VERSION",
    to: "verifier.text('id') !== VERIFIER_ID",
  },
  {
    ...STATEMENT,
    id: '19-receipt-failed',
    from: "fields.text('verificationResult') !== 'PASSED'",
    to: "fields.text('verificationResult') === ''",
  },
  ...(['size', 'device', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh'] as const).map((column) => ({
    id: `19-receipt-${column}`,
    file: 'src/receipt/attribute-table.ts',
    from: `const COMPARED = ['size', 'device', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh'] as const;`,
    to: `const COMPARED = (['size', 'device', 'inode', 'mtime', 'ctime', 'mtimeHigh', 'ctimeHigh'] as const).filter((one) => one !== '${column}');`,
    tests: RECEIPTS,
  })),
  {
    id: '19-receipt-of-failure',
    file: 'src/run/receipts.ts',
    from: "if (result !== 'PASSED' || published",
    to: "if (result === 'UNEVALUATED' || published",
    tests: ['test/integration/receipts.test.ts'],
    name: 'no verification that failed',
  },
  {
    id: '19-receipt-late-evidence',
    file: 'src/run/receipts.ts',
    from: 'const known = this.#evidence.get(listing) ?? evidence.found;',
    to: 'const known = evidence.found;',
    tests: ['test/integration/receipts.test.ts'],
    name: 'a registry has of it',
  },
  {
    id: '19-receipt-not-allowed',
    file: 'src/plan/receipt-settings.ts',
    from: 'first === undefined || terms.length < policies.length',
    to: 'first === undefined',
    tests: ['test/unit/receipt-settings.test.ts'],
  },
  {
    id: '19-receipt-loosest',
    file: 'src/plan/receipt-settings.ts',
    from: 'maxAge: Math.min(',
    to: 'maxAge: Math.max(',
    tests: ['test/unit/receipt-settings.test.ts'],
  },
  {
    id: '19-receipt-read-only-once',
    file: 'src/plan/receipt-settings.ts',
    from: 'terms.every(({ areVolumesReadOnly })',
    to: 'terms.some(({ areVolumesReadOnly })',
    tests: ['test/unit/receipt-settings.test.ts'],
  },
] satisfies readonly Mutation[];
