import { resolve } from 'node:path';
import type { Environment, ReceiptFlags } from '../plan/index.ts';
import { readPrivateKey, signModel } from '../sign/index.ts';
import { type RawValues, textOf } from './option-values.ts';

/**
 * What the command line says of receipts.
 *
 * @throws WeighlockError `CONFIG_INVALID` for a key that signs none
 */
export async function receiptFlags(values: RawValues, environment: Environment): Promise<ReceiptFlags> {
  const folder = textOf(values, 'receipts');
  const key = textOf(values, 'receipt-key');
  const signer = key === undefined ? undefined : await readPrivateKey(key, environment['COSIGN_PASSWORD']);
  if (signer !== undefined) signModel(Buffer.alloc(0), signer);
  return {
    ...(folder === undefined ? {} : { folder: resolve(folder) }),
    ...(signer === undefined ? {} : { signer }),
  };
}
