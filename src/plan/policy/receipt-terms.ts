import { parseDuration } from '../duration.ts';
import type { ReceiptTerms } from '../receipt-settings.ts';
import { readReceiptKey, type TrustFiles } from './attestors.ts';
import type { Value } from './value.ts';

/**
 * `{maxAge, key, spotCheck, volumes}`: a receipt that never ends, or that anybody may sign, is
 * none.
 */
export function readReceipts(value: Value, files: TrustFiles): ReceiptTerms {
  const fields = value.fields(['maxAge', 'key', 'spotCheck', 'volumes']);
  const maxAge = fields.require('maxAge');
  const age = parseDuration(maxAge.text()) ?? 0;
  if (age <= 0) maxAge.fail('it is no duration', 'write 90s, 24h or 1h30m');
  const { pem, fingerprint } = readReceiptKey(fields.require('key'), files);
  const logs = { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 };
  const spotCheck = fields.get('spotCheck');
  const share = spotCheck === undefined ? {} : { spotCheck: readShare(spotCheck) };
  return {
    maxAge: age,
    attestor: { kind: 'key', name: 'the key of receipts', pem, fingerprint, logs, trustedRoot: 'public-good' },
    ...share,
    areVolumesReadOnly: fields.get('volumes')?.oneOf(['ReadOnly']) !== undefined,
  };
}

/** `1%`, `0.5%`, `100%`. */
function readShare(value: Value): number {
  const text = value.text();
  const [, percent = ''] = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (percent !== '' && share > 0 && share <= 1) return share;
  return value.fail(
    share === 0 && percent !== '' ? 'it checks nothing' : `it cannot be ${JSON.stringify(text.slice(0, 40))}`,
    'write a share of the bytes, as 1%; or leave it out',
  );
}
