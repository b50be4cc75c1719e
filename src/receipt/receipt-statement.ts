import { Fields, type JsonObject, MalformedError } from '../evidence/index.ts';
import { VERIFIER_ID, VERSION } from '../version.ts';

/** What a receipt is a statement of. A verdict is never taken for one, nor the other way round. */
export const RECEIPT_TYPE = 'https://weighlock.dev/receipt/v1';

/** What a receipt says: what was verified, when, by what, and how the files looked. */
export interface Receipt {
  /** When that verification began, milliseconds since 1970. */
  readonly startedAt: number;
  /** Digest of everything that was required, hex. */
  readonly requirements: string;
  /** Digest of the evidence that counted, hex. */
  readonly evidence: string;
  readonly files: number;
  /** Of the table of files, which follows. */
  readonly table: { readonly bytes: number; readonly sha256: string };
}

/** The predicate of a receipt: a verdict, and what it says beside that. */
export function receiptPredicate(receipt: Receipt): object {
  const { startedAt, ...rest } = receipt;
  return {
    verifier: { id: VERIFIER_ID, version: { weighlock: VERSION } },
    startedAt: new Date(startedAt).toISOString(),
    verificationResult: 'PASSED',
    ...rest,
  };
}

/**
 * Reads the predicate of a receipt whose signature was verified.
 *
 * @throws MalformedError for one of another format, or by another version of the verifier: what
 * that let pass, this one may not
 */
export function parseReceipt(predicate: JsonObject): Receipt {
  const fields = new Fields(predicate, 'the receipt').only([
    'verifier',
    'startedAt',
    'verificationResult',
    'requirements',
    'evidence',
    'files',
    'table',
  ]);
  const verifier = fields.object('verifier').only(['id', 'version']);
  const version = verifier.object('version').only(['weighlock']).text('weighlock');
  if (verifier.text('id') !== VERIFIER_ID || version !== VERSION)
    throw new MalformedError(`it is of another version: ${version.slice(0, 40)}`);
  if (fields.text('verificationResult') !== 'PASSED') throw new MalformedError('it is of a verification that failed');
  const startedAt = Date.parse(fields.text('startedAt'));
  if (!Number.isSafeInteger(startedAt)) throw new MalformedError('its time is none');
  const table = fields.object('table').only(['bytes', 'sha256']);
  return {
    startedAt,
    requirements: fields.text('requirements'),
    evidence: fields.text('evidence'),
    files: wholeNumber(fields, 'files'),
    table: { bytes: wholeNumber(table, 'bytes'), sha256: table.text('sha256') },
  };
}

function wholeNumber(fields: Fields, key: string): number {
  const value = fields.get(key);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedError(`${key} of the receipt is not a whole number`);
}
