import { closeSync, constants, fstatSync, openSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readWhole } from '../fs/index.ts';

/** A marker of more bytes than this is not ours. */
const MAX_MARKER_BYTES = 64 << 20;

/** Linux NAME_MAX: the longest name of one file. */
const MAX_NAME_BYTES = 255;

/**
 * Name of the file that says what was verified at a destination: beside it, so that the content
 * stays exactly what was published. Undefined where there is no room for the name.
 *
 * Nobody may take the marker's word for anything: whoever can write to the volume can write the
 * marker. It helps to compute again what is then compared.
 */
export function markerName(destination: string): string | undefined {
  const name = `.weighlock-${basename(destination)}.json`;
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? undefined : name;
}

function markerPath(destination: string): string | undefined {
  const name = markerName(destination);
  return name === undefined ? undefined : join(dirname(destination), name);
}

/** The marker of a destination as untrusted JSON; undefined when there is none that can be used. */
export function readMarker(destination: string): unknown {
  const path = markerPath(destination);
  if (path === undefined) return undefined;
  try {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!fstatSync(file).isFile()) return undefined;
      return JSON.parse(readWhole(file, MAX_MARKER_BYTES)?.toString('utf8') ?? '');
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/**
 * Takes the marker away, where the volume allows it: what lies at the destination is not what it
 * speaks of.
 */
export function removeMarker(destination: string): void {
  const path = markerPath(destination);
  try {
    if (path !== undefined) rmSync(path, { force: true });
  } catch {
    // A read-only volume; the report says what is wrong.
  }
}
