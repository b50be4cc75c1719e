export { type Merged, type MergedShares, mergeParts, mergeShares } from './merge-parts.ts';
export { partFiles } from './part-files.ts';
export { isPartPassed, type PartialTerms, type ShareTerms, writePartial, writeShare } from './partial-verdict.ts';
export { evidenceDigest, ReceiptBook, type ReceiptQuestion } from './receipt-book.ts';
export { requirementsDigest } from './requirements-digest.ts';
export { MOST_PARTS, type Part, shares } from './share.ts';
export { fileUnits, shardUnits, type Units } from './units.ts';
export {
  inputsOf,
  leftOutOf,
  levelsOf,
  mergedPayload,
  policyOf,
  type VerdictContext,
  verdictPayload,
} from './verdict-payload.ts';
