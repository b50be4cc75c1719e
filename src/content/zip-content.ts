import { Unsound } from './cursor.ts';
import type { Read } from './inspector.ts';
import { numpyFormat } from './numpy.ts';
import { readZip } from './zip.ts';

/**
 * What a zip is: arrays of NumPy, which hold data alone, or something that executes when it is
 * loaded.
 */
export function zipContent(bytes: Buffer): Read {
  const names = namesIn(bytes);
  if (
    names.some((name) => /(^|\/)code\/|\.py$/.test(name)) &&
    names.some((name) => /data\.pkl$|constants\.pkl$/.test(name))
  )
    return { format: 'torchscript' };
  if (names.some((name) => /\.pkl$/.test(name))) return { format: 'torch' };
  if (
    names.some((name) => /(^|\/)(config|metadata)\.json$|\.weights\.h5$/.test(name)) &&
    names.some((n) => /\.h5$/.test(n))
  )
    return { format: 'keras' };
  if (names.some((name) => /META-INF\/MANIFEST\.MF$|\.class$/.test(name))) return { format: 'java' };
  if (names.length === 0 || !names.every((name) => name.endsWith('.npy'))) return { format: 'zip' };
  return { format: arraysFormat(bytes) };
}

/** Arrays of which one has objects are a pickle. @throws Unsound */
function arraysFormat(bytes: Buffer): 'numpy' | 'pickle' {
  let format: 'numpy' | 'pickle' = 'numpy';
  for (const { bytes: array } of readZip(bytes)) {
    if (array.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Unsound('a member of the zip is no array of NumPy');
    if (numpyFormat(array, array.length) === 'pickle') format = 'pickle';
  }
  return format;
}

/** Names of members, wherever a header of one lies: only for saying what it is that is refused. */
function namesIn(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = bytes.indexOf('PK\x03\x04'); at >= 0 && names.length < 4096; at = bytes.indexOf('PK\x03\x04', at + 4)) {
    if (at + 30 > bytes.length) break;
    names.push(bytes.toString('latin1', at + 30, at + 30 + bytes.readUInt16LE(at + 26)));
  }
  return names;
}
