import { Cursor, Unsound } from './cursor.ts';
import { shown } from './format.ts';
import { product } from './safetensors.ts';

/** NumPy's own limit is 10,000; structured types have longer ones. */
const MOST_HEADER_BYTES = 1 << 16;

/** A type without objects: byte order, kind, and bytes of one element. */
const PLAIN_TYPE = /^[<>|=]([biufcSUVmM])(\d{1,9})(\[[a-zA-Z0-9]{1,8}\])?$/;

/**
 * The header of a .npy file (NEP 1), as a literal of Python that holds three keys and nothing else.
 *
 * @param size - bytes of the whole file
 * @returns what its data are: objects are a pickle
 * @throws Unsound, NeedsMore
 */
export function numpyFormat(head: Buffer, size: number): 'numpy' | 'pickle' {
  const cursor = new Cursor(head, size);
  const [major = 0, minor = 0] = cursor.take(8, 'the header').subarray(6);
  if (![1, 2, 3].includes(major) || minor !== 0) throw new Unsound(`it is of version ${major}.${minor}`);
  const length =
    major === 1 ? cursor.take(2, 'the length of the header').readUInt16LE() : cursor.u32('the length of the header');
  if (length > MOST_HEADER_BYTES) throw new Unsound(`its header is ${length} bytes long`);
  const header = cursor.take(length, 'the header').toString(major === 3 ? 'utf8' : 'latin1');
  const match =
    /^\{\s*'descr':\s*(.+?),\s*'fortran_order':\s*(?:True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/s.exec(header);
  if (match === null) throw new Unsound('its header is not the one that NumPy writes');
  const [, type = '', shape = ''] = match;
  if (/'[<>|=]?O\d*'/.test(type)) return 'pickle';
  const dimensions = shape.split(',').map((one) => one.trim());
  if (dimensions.at(-1) === '') dimensions.pop();
  if (dimensions.some((one) => !/^\d{1,16}$/.test(one))) throw new Unsound('its shape is not a list of counts');
  const elements = product(dimensions.map(Number), 'the array');
  const bytes = elements * typeBytes(type);
  if (bytes !== size - cursor.at)
    throw new Unsound(`it has ${size - cursor.at} bytes of data, and ${bytes} by its type and shape`);
  return 'numpy';
}

/** Bytes of one element. @throws Unsound */
function typeBytes(type: string): number {
  const simple = /^'([^']*)'$/.exec(type);
  if (simple?.[1] !== undefined) return plainBytes(simple[1]);
  // A structured type: a list of names and types, nested ones refused with what is not known.
  if (!/^\[(\s*\('[^'\\]{0,200}',\s*'[^'\\]{1,40}'(,\s*\([\d,\s]*\))?\),?)+\s*\]$/.test(type))
    throw new Unsound(`its type is ${shown(type)}`);
  let bytes = 0;
  for (const [, field = '', shape = ''] of type.matchAll(/\('[^']*',\s*'([^']*)'(?:,\s*\(([\d,\s]*)\))?\)/g)) {
    const counts = shape.split(',').flatMap((one) => (one.trim() === '' ? [] : [Number(one)]));
    bytes += plainBytes(field) * product(counts, 'the type');
  }
  return bytes;
}

function plainBytes(type: string): number {
  const match = PLAIN_TYPE.exec(type);
  if (match === null) throw new Unsound(`its type is ${shown(type)}`);
  // A character of text takes four.
  return Number(match[2]) * (match[1] === 'U' ? 4 : 1);
}
