export { type Merged, mergeParts } from './merge-parts.ts';
export { partFiles } from './part-files.ts';
export { isPartPassed, type PartialTerms, writePartial } from './partial-verdict.ts';
export { evidenceDigest, ReceiptBook, type ReceiptQuestion } from './receipt-book.ts';
export { requirementsDigest } from './requirements-digest.ts';
export { MOST_PARTS, type Part, shares } from './share.ts';
export {
  inputsOf,
  leftOutOf,
  levelsOf,
  mergedPayload,
  policyOf,
  type VerdictContext,
  verdictPayload,
} from './verdict-payload.ts';
