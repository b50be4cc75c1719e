import { lstatSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { WeighlockError } from '../error/index.ts';

/** As many links as the kernel follows. */
const MOST_LINKS = 40;

/** Staging folders, and what says beside a destination what was verified there. */
const OWN_NAME = /^\.weighlock-/i;

/** A file that the program writes. */
export interface Output {
  /** `--report` */
  readonly flag: string;
  readonly path: string;
}

/** Where an artifact is read, and where it is published. */
export interface Places {
  readonly name: string;
  /** Paths of a volume that are read. */
  readonly source?: string;
  readonly destination?: string;
}

/**
 * What is trusted must not come from where the artifact comes from: whoever can write there would
 * choose the key.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requireOutside(files: readonly string[], artifact: string): void {
  for (const file of files) {
    if (!isWithin(file, artifact)) continue;
    throw invalid(
      `${file} lies inside the artifact that it is to verify`,
      'mount keys and roots from a ConfigMap of the platform',
    );
  }
}

/**
 * Nothing is published into what is verified as something else, or around it: that would change it
 * after it was verified, or take it away.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requireApart(artifacts: readonly Places[]): void {
  const isPublished = artifacts.some(({ destination }) => destination !== undefined);
  for (const { name, source, destination } of artifacts) {
    const [own] = [source, destination].filter((place) => place !== undefined && OWN_NAME.test(basename(place)));
    if (isPublished && own !== undefined)
      throw invalid(`${own} has a name that weighlock gives to files of its own`, 'give it another name');
    if (destination === undefined) continue;
    for (const other of artifacts) {
      // What lies at a destination is its own; another artifact's is not.
      const places = other.name === name ? [other.source] : [other.source, other.destination];
      for (const place of places) {
        if (place === undefined || !overlaps(destination, place)) continue;
        // The very same path is read where it lies.
        if (other.name === name && realPath(place) === realPath(destination)) continue;
        throw invalid(
          `${name} is to be published at ${destination}, which overlaps ${place}`,
          'publish it at a path of its own, beside what else is verified',
        );
      }
    }
  }
}

/**
 * The one rule for every file that the program writes beside a copy: it lies in no artifact, is
 * none of the files that are read, and no link that another user made leads there.
 *
 * @param inputs - files that are read: keys, policies, signatures
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requireOutputsOutside(
  outputs: readonly Output[],
  artifacts: readonly string[],
  inputs: readonly string[],
): void {
  for (const { flag, path } of outputs) {
    const remedy = 'name a file in a folder of its own, which nobody else writes to';
    const place = artifacts.find((one) => isWithin(path, one));
    if (place !== undefined) throw invalid(`${flag} ${path} lies inside ${place}, which is to be verified`, remedy);
    const input = inputs.find((one) => isSameFile(path, one));
    if (input !== undefined) throw invalid(`${flag} ${path} is a file that is read: ${input}`, remedy);
    const link = foreignLink(path);
    if (link !== undefined)
      throw invalid(`${flag} ${path} leads through ${link}, a link that another user made`, remedy);
  }
}

/** A destination that is a link is that link, and not what it leads to. */
function overlaps(destination: string, place: string): boolean {
  const own = join(realPath(dirname(destination)), basename(destination));
  return isBelow(own, realPath(place), idOf(place)) || trailOf(place).some((from) => isBelow(from, own));
}

/**
 * True when a path is another one, or leads below it or through it: by links, and by mounts of the
 * same folder.
 */
function isWithin(path: string, folder: string): boolean {
  const [root, id] = [realPath(folder), idOf(folder)];
  return trailOf(path).some((from) => isBelow(from, root, id));
}

function isBelow(path: string, root: string, id?: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (at === root || (id !== undefined && idOf(at) === id)) return true;
    if (at === dirname(at)) return false;
  }
}

function isSameFile(path: string, other: string): boolean {
  const id = idOf(path);
  return id !== undefined && id === idOf(other);
}

function idOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Where a path leads; of what is not there yet, where it will be. */
function realPath(path: string): string {
  return trailOf(path).at(-1) ?? path;
}

/**
 * Every link that a path leads through, where it lies, and then where the path ends. Nothing need
 * be there.
 */
function trailOf(path: string): string[] {
  const trail: string[] = [];
  const rest = (path.startsWith('/') ? path : `${process.cwd()}/${path}`).split('/');
  let at = '/';
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = join(at, name);
    const target = name === '' || name === '..' ? undefined : linkAt(next);
    if (target === undefined || trail.length === MOST_LINKS) {
      at = next;
      continue;
    }
    trail.push(next);
    rest.unshift(...target.split('/'));
    if (target.startsWith('/')) at = '/';
  }
  return [...trail, at];
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/**
 * The first link on the way to a file that is neither root's nor this user's. A report replaces a
 * link in its own place.
 */
function foreignLink(path: string): string | undefined {
  const own = process.geteuid?.();
  return trailOf(dirname(resolve(path)))
    .slice(0, -1)
    .find((link) => {
      const uid = lstatSync(link, { throwIfNoEntry: false })?.uid;
      return uid !== 0 && uid !== own;
    });
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
