// Lists of a model signature, to be read in two ways: their elements off the bytes, because all of
// them are written like the first, and by the parser of all JSON, because the first is not.
import { readModelSignature } from '../../src/evidence/model-signature.ts';
import { MalformedError } from '../../src/evidence/strict-json.ts';

/** Elements of a list, from the second on; the first stands before them. */
export type Rest = Buffer;

const FIRST = { name: '0', algorithm: 'sha256', digest: '0'.repeat(64) };

/** What is read of a list with these elements: what it says, or what is wrong with it. */
export async function readBothWays(
  rest: Rest,
  root: string,
  order: readonly (keyof typeof FIRST)[],
  step: number,
): Promise<readonly [plainly: string, generally: string]> {
  const other = [...order.slice(1), ...order.slice(0, 1)];
  return [await outcome(rest, root, order, step), await outcome(rest, root, other, step)];
}

async function outcome(
  rest: Rest,
  root: string,
  order: readonly (keyof typeof FIRST)[],
  step: number,
): Promise<string> {
  const serialization = { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] };
  const predicate = { serialization, resources: [] };
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: root } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate,
  };
  const text = JSON.stringify(statement);
  const first = JSON.stringify(Object.fromEntries(order.map((key) => [key, FIRST[key]])));
  const bytes = Buffer.concat([Buffer.from(`${text.slice(0, -3)}${first},`), rest, Buffer.from(']}}')]);
  // The first element ends in the first piece: what is written like it is known from the second on.
  const cut = text.length - 3 + first.length + 1;
  const pieces = async function* () {
    yield bytes.subarray(0, cut);
    for (let at = cut; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
  };
  try {
    const { manifest } = await readModelSignature({ length: bytes.length, pieces });
    const { files, deviations } = manifest;
    return JSON.stringify([files.digest, files.size, [...files], deviations]);
  } catch (error) {
    if (error instanceof MalformedError) return `refused: ${error.message}`;
    throw error;
  }
}
