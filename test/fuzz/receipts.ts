// Receipts and verdicts: what lies in a folder, and what somebody trusted may have signed.
import fc from 'fast-check';
import { faultInVerdict, parseStrictJson, VERDICT_TYPE } from '../../src/evidence/index.ts';
import type { Statement } from '../../src/evidence/statement.ts';
import { FileTableBuilder, fromText } from '../../src/fs/index.ts';
import { decodeTable, unchangedFiles } from '../../src/receipt/attribute-table.ts';
import { parseReceipt } from '../../src/receipt/receipt-statement.ts';
import { VERIFIER_ID, VERSION } from '../../src/version.ts';
import { bytesOf, damaged, noise } from './input.ts';
import type { Target } from './target.ts';

const receipt = {
  verifier: { id: VERIFIER_ID, version: { weighlock: VERSION } },
  startedAt: '2026-01-01T00:00:00.000Z',
  verificationResult: 'PASSED',
  requirements: 'ab',
  evidence: 'cd',
  files: 2,
  table: { bytes: 100, sha256: 'ef' },
};
const verdict = {
  verifier: { id: VERIFIER_ID, version: {} },
  timeVerified: '2026-01-01T00:00:00Z',
  resourceUri: 'x',
  policy: { uri: 'p', digest: { sha256: 'ab' } },
  verificationResult: 'PASSED',
  verifiedLevels: ['A'],
};
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const builder = new FileTableBuilder();
for (const name of ['a', 'b/c']) builder.addHashed(fromText(name), 1, 'ab'.repeat(32));
const files = builder.freeze();
const header = Buffer.from('WLRECPT2');

export const receipts: readonly Target[] = [
  {
    name: 'receipt',
    input: fc.oneof(damaged([json(receipt)]), noise),
    parse: (bytes) => parseReceipt(parseStrictJson(bytes, 'it') as Parameters<typeof parseReceipt>[0]),
  },
  {
    name: 'receipt-table',
    input: bytesOf(fc.uint8Array({ maxLength: 400 }).map((rest) => Buffer.concat([header, rest]).toString('latin1'))),
    parse: (bytes) => {
      const stored = decodeTable(bytes, (bytes[9] ?? 0) % 4);
      return stored && unchangedFiles(files, stored);
    },
  },
  {
    name: 'verdict',
    input: fc.oneof(damaged([json(verdict)]), noise),
    parse: (bytes) =>
      faultInVerdict(
        { predicate: parseStrictJson(bytes, 'it') } as unknown as Statement,
        VERDICT_TYPE,
        { verifier: VERIFIER_ID, policy: 'ab', maxAge: 1000, levels: ['A'] },
        Date.now(),
      ),
  },
];
