import { type Compression, collisionKey, safePath, unsafePath } from '../archive/index.ts';
import { WeighlockError } from '../error/index.ts';
import { fromText, type PathBytes, toBuffer } from '../fs/index.ts';
import type { Descriptor, Digest, Manifest } from '../registry/index.ts';

/** What becomes of one layer on disk. */
export type LayoutItem =
  /** The blob is the file. */
  | { readonly kind: 'file'; readonly descriptor: Descriptor; readonly path: PathBytes }
  /** The blob is an archive whose members are the files. */
  | {
      readonly kind: 'archive';
      readonly descriptor: Descriptor;
      readonly compression: Compression;
      /** SHA-256 of the uncompressed archive, where the artifact says it. */
      readonly unpackedDigest?: Digest;
      /** Every member must lie in this folder (ORAS). */
      readonly within?: PathBytes;
    };

/** How an artifact is laid out below its destination. */
export type Layout =
  | { readonly convention: string; readonly items: readonly LayoutItem[]; readonly subtree?: undefined }
  /**
   * A container image: layers are applied in order, and only what lies below `subtree` is kept,
   * without that prefix.
   */
  | { readonly convention: 'image'; readonly items: readonly LayoutItem[]; readonly subtree: PathBytes };

/** A convention: recognises its artifacts, and says where each layer goes. */
interface Convention {
  readonly name: string;
  matches(manifest: Manifest): boolean;
  /** @returns undefined for a layer that is not part of the content */
  item(layer: Descriptor, at: number, context: Context): LayoutItem | undefined;
}

interface Context {
  readonly manifest: Manifest;
  /** The parsed configuration, `{}` when there is none. */
  readonly config: Readonly<Record<string, unknown>>;
}

const TITLE = 'org.opencontainers.image.title';
const UNPACK = 'io.deis.oras.content.unpack';
const UNPACKED_DIGEST = 'io.deis.oras.content.digest';
const FILEPATH = 'org.cncf.model.filepath';
const EMPTY = 'application/vnd.oci.empty.v1+json';

const modelPack: Convention = {
  name: 'ModelPack',
  matches: ({ artifactType, config }) =>
    artifactType === 'application/vnd.cncf.model.manifest.v1+json' ||
    config.mediaType === 'application/vnd.cncf.model.config.v1+json',
  item(layer, at, { config }) {
    const [, format = ''] =
      /^application\/vnd\.cncf\.model\.(?:weight\.config|weight|doc|code|dataset)\.v1\.(.+)$/.exec(layer.mediaType) ??
      [];
    if (format === 'raw') return file(layer, layer.annotations[FILEPATH]);
    const compression = tarCompression(format);
    if (compression === undefined) return undefined;
    return archive(layer, compression, diffId(config, 'modelfs', 'diffIds', at));
  },
};

const modelKit: Convention = {
  name: 'ModelKit',
  matches: ({ config }) => config.mediaType === 'application/vnd.kitops.modelkit.config.v1+json',
  item(layer, at, { config }) {
    refuseParentKit(config);
    const [, format = ''] =
      /^application\/vnd\.kitops\.modelkit\.(?:model|modelpart|dataset|code|docs)\.v1\.(.+)$/.exec(layer.mediaType) ??
      [];
    const compression = tarCompression(format);
    if (compression === undefined) return undefined;
    return archive(layer, compression, diffId(config, 'rootfs', 'diff_ids', at));
  },
};

const DOCKER_MODEL_NAMES: ReadonlyMap<string, string> = new Map([
  ['application/vnd.docker.ai.gguf.v3', 'model.gguf'],
  ['application/vnd.docker.ai.gguf.v3.lora', 'adapter.gguf'],
  ['application/vnd.docker.ai.gguf.v3.mmproj', 'model.mmproj'],
  ['application/vnd.docker.ai.safetensors', 'model.safetensors'],
  ['application/vnd.docker.ai.dduf', 'model.dduf'],
  ['application/vnd.docker.ai.mmproj', 'model.mmproj'],
  ['application/vnd.docker.ai.chat.template.jinja', 'template.jinja'],
  ['application/vnd.docker.ai.license', 'LICENSE'],
]);

const dockerModel: Convention = {
  name: 'Docker model',
  matches: ({ config }) => /^application\/vnd\.docker\.ai\.model\.config\.v0\.[12]\+json$/.test(config.mediaType),
  item(layer, _at, { manifest }) {
    if (layer.annotations[FILEPATH] !== undefined) return file(layer, layer.annotations[FILEPATH]);
    if (/^application\/vnd\.docker\.ai\.(vllm\.config|dir)\.tar$/.test(layer.mediaType))
      return archive(layer, 'none', layer.digest);
    const name = DOCKER_MODEL_NAMES.get(layer.mediaType);
    return name === undefined ? undefined : file(layer, numbered(name, layer, manifest));
  },
};

const OLLAMA_NAMES: ReadonlyMap<string, string> = new Map([
  ['model', 'model.gguf'],
  ['projector', 'mmproj.gguf'],
  ['adapter', 'adapter.gguf'],
  ['template', 'template'],
  ['system', 'system'],
  ['params', 'params'],
  ['license', 'license'],
  ['messages', 'messages'],
]);

const ollama: Convention = {
  name: 'Ollama',
  matches: ({ layers }) => layers.some(({ mediaType }) => mediaType.startsWith('application/vnd.ollama.image.')),
  item(layer, _at, { manifest }) {
    const [, part = ''] = /^application\/vnd\.ollama\.image\.([a-z]+)$/.exec(layer.mediaType) ?? [];
    const name = OLLAMA_NAMES.get(part);
    return name === undefined ? undefined : file(layer, numbered(name, layer, manifest));
  },
};

const IMAGE_LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+(gzip|zstd))?|docker\.image\.rootfs\.diff\.tar(?:\.(gzip|zstd))?)$/;

const image: Convention = {
  name: 'image',
  matches: ({ layers, config }) =>
    layers.length > 0 &&
    /^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/.test(config.mediaType) &&
    layers.every(({ mediaType }) => IMAGE_LAYER.test(mediaType)),
  item(layer, at, { config }) {
    const [, oci, docker] = IMAGE_LAYER.exec(layer.mediaType) ?? [];
    return archive(layer, (oci ?? docker ?? 'none') as Compression, diffId(config, 'rootfs', 'diff_ids', at));
  },
};

const oras: Convention = {
  name: 'ORAS',
  matches: ({ layers }) => layers.some(({ annotations }) => annotations[TITLE] !== undefined),
  item(layer) {
    const title = layer.annotations[TITLE];
    // A blob without a title is not a file of the artifact (oras-go, content/file).
    if (title === undefined) return undefined;
    if (layer.annotations[UNPACK] !== 'true') return file(layer, title);
    const unpacked = layer.annotations[UNPACKED_DIGEST];
    const digest = unpacked === undefined ? undefined : digestIn(unpacked, UNPACKED_DIGEST);
    const compression = tarCompression(layer.mediaType.split('.').at(-1) ?? '') ?? 'gzip';
    const whole = archive(layer, compression, digest);
    // `oras push REF .` packs the folder itself: its members have no folder before them.
    return title === '.' ? whole : { ...whole, within: pathOf(title) };
  },
};

/** In the order in which they are asked; the most specific sign first. */
const CONVENTIONS = [modelPack, modelKit, dockerModel, ollama, oras, image];

/** Where a model lies in a container image (KServe's modelcars). */
const IMAGE_SUBTREE = fromText('models');

/**
 * Decides which files an artifact is made of, before any of them is fetched.
 *
 * @param config - the parsed configuration blob, `{}` when there is none
 * @param allowUnknown - skip layers of unknown media types instead of refusing the artifact
 * @throws WeighlockError `UNSAFE_ENTRY` for names that must not be; `CONFIG_INVALID` for what we do
 * not know
 */
export function layOut(manifest: Manifest, config: Readonly<Record<string, unknown>>, allowUnknown: boolean): Layout {
  const convention = CONVENTIONS.find((candidate) => candidate.matches(manifest));
  if (convention === undefined) throw unknownArtifact(manifest);
  const items: LayoutItem[] = [];
  for (const [at, layer] of manifest.layers.entries()) {
    if (layer.mediaType === EMPTY) continue;
    const item = convention.item(layer, at, { manifest, config });
    if (item !== undefined) items.push(item);
    else if (!allowUnknown && !(convention === oras)) throw unknownLayer(layer, convention.name);
  }
  refuseCollisions(items);
  return convention === image
    ? { convention: 'image', items, subtree: IMAGE_SUBTREE }
    : { convention: convention.name, items };
}

function file(descriptor: Descriptor, path: string | undefined): LayoutItem {
  if (path === undefined) {
    throw new WeighlockError({
      code: 'UNSAFE_ENTRY',
      message: `layer ${descriptor.digest} does not say which file it is`,
      remedy: 'push the artifact again with a current tool',
    });
  }
  return { kind: 'file', descriptor, path: pathOf(path) };
}

function archive(
  descriptor: Descriptor,
  compression: Compression,
  unpackedDigest: Digest | undefined,
): LayoutItem & { kind: 'archive' } {
  return { kind: 'archive', descriptor, compression, ...(unpackedDigest === undefined ? {} : { unpackedDigest }) };
}

function pathOf(text: string): PathBytes {
  const bytes = Buffer.from(text, 'utf8');
  const path = safePath(bytes);
  if (typeof path !== 'string') throw new WeighlockError(unsafePath(bytes, path.fault));
  // Names that an annotation spells in two ways would be one file on disk.
  if (text.endsWith('/')) throw new WeighlockError(unsafePath(bytes, 'ends with a slash'));
  return path;
}

// Names of somebody else are looked up in maps: every object has a `constructor`.
const TAR_FORMATS: ReadonlyMap<string, Compression> = new Map([
  ['tar', 'none'],
  ['tar+gzip', 'gzip'],
  ['tar+zstd', 'zstd'],
]);

function tarCompression(format: string): Compression | undefined {
  return TAR_FORMATS.get(format);
}

/** One file of a kind keeps its name; several are numbered as model hubs do. */
function numbered(name: string, layer: Descriptor, { layers }: Manifest): string {
  const same = layers.filter(({ mediaType }) => mediaType === layer.mediaType);
  if (same.length <= 1) return name;
  const pad = (n: number) => String(n).padStart(5, '0');
  const dot = name.indexOf('.');
  const [stem, suffix] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
  return `${stem}-${pad(same.indexOf(layer) + 1)}-of-${pad(same.length)}${suffix}`;
}

function diffId(
  config: Readonly<Record<string, unknown>>,
  section: string,
  list: string,
  at: number,
): Digest | undefined {
  const ids = (config[section] as Record<string, unknown> | undefined)?.[list];
  if (ids === undefined) return undefined;
  if (!Array.isArray(ids)) throw malformed(`${section}.${list} of the configuration is not a list`);
  return digestIn(ids[at], `${section}.${list}[${at}]`);
}

/**
 * An unpack digest that does not parse is an error: taking it for absent would leave the content
 * unchecked.
 */
function digestIn(value: unknown, where: string): Digest {
  if (typeof value === 'string' && /^sha256:[a-f0-9]{64}$/.test(value)) return value as Digest;
  throw malformed(`${where} is not a sha256 digest`);
}

/** A ModelKit may build on another one, which nobody pinned or signed here. */
function refuseParentKit(config: Readonly<Record<string, unknown>>): void {
  const path = (config['model'] as Record<string, unknown> | undefined)?.['path'];
  if (typeof path !== 'string' || !isKitReference(path)) return;
  throw new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: 'the ModelKit takes its model from another ModelKit, which is not pinned',
    found: path.slice(0, 300),
    remedy: 'verify that ModelKit by its own reference, or pack one that holds its model itself',
  });
}

/**
 * `HOST/REPOSITORY:TAG` or `@DIGEST`, where a host has a dot or a colon. Linear: a configuration
 * may have megabytes.
 */
function isKitReference(text: string): boolean {
  const slash = text.indexOf('/');
  const host = text.slice(0, Math.max(0, slash));
  return !/\s/.test(text) && /[.:]/.test(host.slice(1)) && /[:@]/.test(text.slice(slash + 2, -1));
}

function refuseCollisions(items: readonly LayoutItem[]): void {
  const seen = new Map<string, LayoutItem>();
  for (const item of items) {
    if (item.kind !== 'file') continue;
    const key = collisionKey(item.path);
    const other = seen.get(key);
    if (other !== undefined)
      throw new WeighlockError(unsafePath(toBuffer(item.path), 'names the same file as another layer'));
    seen.set(key, item);
  }
}

function malformed(why: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: why,
    remedy: 'push the artifact again with a current tool',
  });
}

function unknownArtifact({ artifactType, layers }: Manifest): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: 'not an artifact of a known convention',
    found: `${artifactType}, layers ${[...new Set(layers.map(({ mediaType }) => mediaType))].slice(0, 5).join(', ')}`,
    remedy: 'push it with oras, modctl, kit, docker model or ollama, or as a container image with the model in /models',
  });
}

function unknownLayer(layer: Descriptor, convention: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `a ${convention} artifact with a layer of an unknown type`,
    found: layer.mediaType,
    remedy: 'leave such layers out with --allow-unknown-layers, if the workload does not need them',
  });
}
