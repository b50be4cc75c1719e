/** Formats that hold data alone: nothing of them runs when they are loaded. */
export const DATA_FORMATS = [
  'safetensors',
  'gguf',
  'json',
  'jsonl',
  'text',
  'image',
  'onnx',
  'numpy',
  'parquet',
  'arrow',
  'sentencepiece',
  'empty',
] as const;

/**
 * What executes when it is loaded, can hide what does, or is not known: refused unless it is named.
 */
export const OTHER_FORMATS = [
  'pickle',
  'zip',
  'torch',
  'torchscript',
  'keras',
  'java',
  'hdf5',
  'tar',
  'compressed',
  'archive',
  'python',
  'script',
  'notebook',
  'markup',
  'executable',
  'wasm',
  'bytecode',
  'saved-model',
  'coreml',
  'flatbuffer',
  'pdf',
  'lfs-pointer',
  'unknown',
] as const;

export const FORMATS = [...DATA_FORMATS, ...OTHER_FORMATS] as const;
export type Format = (typeof FORMATS)[number];

/**
 * What a file of a harmless format may have that makes somebody run code: a reference to a module
 * (`auto_map`), a chat template beyond the sandbox's grammar, operators of somebody's own library.
 * Each has to be named like a format.
 */
export const TRAITS = ['auto-map', 'jinja', 'custom-ops'] as const;
export type Trait = (typeof TRAITS)[number];

/** What a policy can name. */
export const KINDS = [...FORMATS, ...TRAITS] as const;
export type Kind = Format | Trait;

/**
 * One thing that is wrong with a file, in words. What names a kind may be let pass, what does not
 * may not.
 */
export interface Finding {
  readonly kind?: Trait;
  readonly text: string;
}

/** What one file is. */
export interface FileContent {
  readonly format: Format;
  readonly findings: readonly Finding[];
  readonly facts: Facts;
}

/** What a file says of the model that it is a part of. */
export interface Facts {
  /** Elements of all tensors. */
  readonly parameters?: number;
  readonly tensors?: number;
  /** Tensors by type, e.g. `BF16`. */
  readonly types?: Readonly<Record<string, number>>;
  readonly architecture?: string;
  /** Tokens. */
  readonly contextLength?: number;
  readonly tokenizer?: string;
  readonly licence?: string;
  readonly name?: string;
  /** The file is a model card. */
  readonly isModelCard?: true;
}

const FORMAT_BITS = 0x7f;
const UNSOUND = 0x400;

/** A file's content in 16 bits: 0 is one that was not looked at. */
export function packContent({ format, findings }: Pick<FileContent, 'format' | 'findings'>): number {
  let bits = FORMATS.indexOf(format) + 1;
  for (const { kind } of findings) bits |= kind === undefined ? UNSOUND : 0x80 << TRAITS.indexOf(kind);
  return bits;
}

export interface PackedContent {
  /** Undefined for a file that was not looked at. */
  readonly format: Format | undefined;
  readonly traits: readonly Trait[];
  /** Something is wrong with it that no policy lets pass. */
  readonly isUnsound: boolean;
}

export function unpackContent(bits: number): PackedContent {
  return {
    format: FORMATS[(bits & FORMAT_BITS) - 1],
    traits: TRAITS.filter((_, i) => (bits & (0x80 << i)) !== 0),
    isUnsound: (bits & UNSOUND) !== 0,
  };
}

/** Text for a message: short, and without what a terminal takes for more than text. */
export function shown(text: string, most = 60): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}...` : text);
}
