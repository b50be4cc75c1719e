import { faultInStructure } from '../json-structure.ts';
import { unavailable } from '../registry/index.ts';

/**
 * A page of 1000 files has some 15 values each; what says which commit a revision is has two for
 * each file.
 */
const MAX_VALUES = 1 << 20;

/**
 * A document of a store.
 *
 * @throws WeighlockError `SOURCE_UNAVAILABLE` for what is no JSON, or says something twice
 */
export function jsonOf(body: Buffer, url: URL): unknown {
  const fault = faultInStructure(body, MAX_VALUES);
  if (fault !== undefined) throw unavailable(url, `its answer ${fault}`);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw unavailable(url, 'did not answer with JSON');
  }
}
