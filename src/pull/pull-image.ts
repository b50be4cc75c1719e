import { WeighlockError } from '../error/index.ts';
import { entryText, type PathBytes } from '../fs/index.ts';
import type { Layout } from '../layout/index.ts';
import type { PullContext } from './context.ts';
import { type Placement, unsafeMember } from './member-writer.ts';
import type { PulledFile } from './protocol.ts';
import { pullArchive } from './pull-archive.ts';

/** image-spec layer.md: marks of what a layer takes away from those below it. */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Top-level names shown when there is no model; enough to see what the image is. */
const MOST_NAMES = 20;

/**
 * Fetches a container image as a model volume: what its layers come to below `subtree`, without
 * that prefix. The layers are taken from the top down, so that nothing is ever written that a later
 * layer replaces or takes away.
 */
export async function pullImage(layout: Layout & { subtree: PathBytes }, context: PullContext): Promise<PulledFile[]> {
  const union = new Union(layout.subtree);
  const files: PulledFile[] = [];
  for (const item of [...layout.items].reverse()) {
    if (item.kind === 'archive') files.push(...(await pullArchive(item, union.placement(), context)));
    union.nextLayer();
  }
  if (files.length === 0) throw union.noModel();
  return files;
}

/** What the layers above have settled. */
class Union {
  readonly #prefix: string;
  readonly #topLevel = new Set<string>();
  /** Paths that a layer above has, or took away. */
  readonly #settled = new Set<string>();
  /** Folders below which layers further down do not count. */
  readonly #opaque = new Set<string>();
  /**
   * What this layer adds to the two; whiteouts do not apply to their own layer, in whatever order
   * it is.
   */
  #settling: string[] = [];
  #closing: string[] = [];

  constructor(subtree: PathBytes) {
    this.#prefix = `${subtree}/`;
  }

  placement(): Placement {
    return (entry, path) => {
      if (this.#topLevel.size < MOST_NAMES) this.#topLevel.add(path.split('/')[0] ?? '');
      const slash = path.lastIndexOf('/');
      const name = path.slice(slash + 1);
      const folder = slash < 0 ? '' : path.slice(0, slash);
      if (name === OPAQUE) {
        this.#closing.push(folder);
        return undefined;
      }
      if (name.startsWith(WHITEOUT)) {
        const gone = name.slice(WHITEOUT.length);
        if (gone === '') throw unsafeMember(path, 'whiteout of nothing');
        this.#settling.push(folder === '' ? gone : `${folder}/${gone}`);
        return undefined;
      }
      if (!path.startsWith(this.#prefix) || this.#isHidden(path)) return undefined;
      if (entry.type === 'other') throw unsafeMember(path, entry.kind);
      if (entry.type === 'file') this.#settling.push(path);
      return path.slice(this.#prefix.length) as PathBytes;
    };
  }

  nextLayer(): void {
    for (const path of this.#settling) this.#settled.add(path);
    for (const path of this.#closing) this.#opaque.add(path);
    this.#settling = [];
    this.#closing = [];
  }

  noModel(): WeighlockError {
    return new WeighlockError({
      code: 'SOURCE_EMPTY',
      message: `the image has no file below /${this.#prefix}`,
      found: [...this.#topLevel].map((name) => entryText(name as PathBytes)).join(', ') || 'an empty image',
      remedy: 'put the model into /models of the image',
    });
  }

  #isHidden(path: string): boolean {
    if (this.#settled.has(path)) return true;
    for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = path.slice(0, slash);
      if (this.#settled.has(folder) || this.#opaque.has(folder)) return true;
      if (slash === 0) break;
    }
    return this.#opaque.has('');
  }
}
