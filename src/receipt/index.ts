export { ReceiptBook, type ReceiptQuestion } from './receipt-book.ts';
export { requirementsDigest } from './requirements-digest.ts';
export { type VerdictContext, verdictPayload } from './verdict-payload.ts';
