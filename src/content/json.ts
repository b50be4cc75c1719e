import { isUtf8 } from 'node:buffer';
import { faultInStructure } from '../json-structure.ts';
import { Unsound } from './cursor.ts';
import { type Facts, type Finding, shown } from './format.ts';
import { templateFinding } from './jinja.ts';
import { isBeside } from './location.ts';
import { isObject } from './safetensors.ts';

/** A document is looked at as a whole: the vocabularies of tokenizers have up to 40 MB. */
export const MOST_JSON_BYTES = 64 << 20;
/** An object takes some 100 bytes: this bounds what a hostile document becomes. */
const MOST_VALUES = 4 << 20;
/** A line of JSON lines. */
export const MOST_LINE_BYTES = 16 << 20;
/** Of each kind. */
export const MOST_FINDINGS = 8;

/** Templates of one document; a tokenizer has some five. */
const MOST_TEMPLATES = 64;
const TOO_MANY_TEMPLATES: Finding = { kind: 'jinja', text: `it has more than ${MOST_TEMPLATES} chat templates` };

/** Keys that name code, and what it is that they make somebody do. */
export const CODE_KEYS: Readonly<Record<string, string>> = {
  auto_map: 'names classes in files of the repository',
  custom_pipelines: 'names code of a pipeline',
  custom_pipeline: 'names code of a pipeline',
  custom_generate: 'names code that generates',
  trust_remote_code: 'asks for code to be trusted',
  _target_: 'names what is to be called (Hydra)',
  'py/object': 'names a class (jsonpickle)',
  'py/reduce': 'names what is to be called (jsonpickle)',
  'py/function': 'names a function (jsonpickle)',
  'py/type': 'names a class (jsonpickle)',
  'py/repr': 'is evaluated (jsonpickle)',
  __reduce__: 'names what is to be called',
};

/** What a document is, and what it says. */
export interface JsonContent {
  readonly format: 'json' | 'notebook';
  readonly findings: readonly Finding[];
  readonly facts: Facts;
}

/** @throws Unsound for what is not JSON, or no two parsers need agree on */
export function readJson(bytes: Buffer): JsonContent {
  const value = parseJson(bytes);
  const isNotebook = isObject(value) && Array.isArray(value['cells']) && value['nbformat'] !== undefined;
  return {
    format: isNotebook ? 'notebook' : 'json',
    findings: codeIn(value),
    facts: isObject(value) ? factsOf(value) : {},
  };
}

/** @throws Unsound */
export function parseJson(bytes: Buffer): unknown {
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (isMarked) throw new Unsound('it begins with a byte order mark, which JSON has not');
  if (!isUtf8(bytes)) throw new Unsound('it is not UTF-8');
  const fault = faultInStructure(bytes, MOST_VALUES, 256);
  if (fault !== undefined && fault !== 'is not JSON') throw new Unsound(`it ${fault}`);
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return parsePython(text);
  }
}

/**
 * Numbers that are none, as Python writes them: configurations of Mamba have `Infinity`, logs of
 * training `NaN`.
 *
 * @throws Unsound
 */
function parsePython(text: string): unknown {
  try {
    const numbers = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|-?Infinity|NaN/g;
    return JSON.parse(text.replace(numbers, (part) => (part.startsWith('"') ? part : 'null'))) as unknown;
  } catch {
    throw new Unsound('it is not JSON');
  }
}

/** Everything in a document that makes its reader run code. */
export function codeIn(root: unknown): Finding[] {
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    if (findings.filter(({ kind }) => kind === finding.kind).length < MOST_FINDINGS) findings.push(finding);
  };
  let templates = 0;
  const addTemplate = (text: string) => {
    const isTooMuch = ++templates > MOST_TEMPLATES;
    if (templates > MOST_TEMPLATES + 1) return;
    for (const one of isTooMuch ? [TOO_MANY_TEMPLATES] : templateFinding(text)) add(one);
  };
  const left: unknown[] = [root];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (Array.isArray(value)) {
      for (const one of value) {
        if (typeof one === 'object' && one !== null) left.push(one);
        if (typeof one === 'string' && isSuspicious(one)) addTemplate(one);
      }
      continue;
    }
    if (!isObject(value)) continue;
    for (const [key, one] of Object.entries(value)) {
      if (Object.hasOwn(CODE_KEYS, key) && isSet(one))
        add({ kind: 'auto-map', text: `the key ${key} ${CODE_KEYS[key]}` });
      if (
        key === 'class_name' &&
        typeof one === 'string' &&
        /(^|[.>])(Lambda|__lambda__)$/.test(one) &&
        'config' in value
      )
        add({ kind: 'auto-map', text: 'a Keras Lambda layer holds a function' });
      if (key === 'class_name' && isForeignModule(value['module']))
        add({ kind: 'auto-map', text: `Keras takes a class from ${shown(String(value['module']))}` });
      if (typeof one === 'string' && isSuspicious(one)) addTemplate(one);
      // Loaders open the shards that an index names, wherever they are.
      const outside = key === 'weight_map' && isObject(one) ? Object.values(one).find(isOutside) : undefined;
      if (outside !== undefined) add({ text: `it has weights at ${shown(String(outside))}, outside of the artifact` });
      if (key.includes('chat_template')) for (const text of templatesIn(one)) addTemplate(text);
      if (typeof one === 'object' && one !== null) left.push(one);
    }
  }
  return findings;
}

function isOutside(path: unknown): boolean {
  return typeof path !== 'string' || !isBeside(path);
}

/**
 * A template under another key than the usual ones: one that reaches for what no template needs.
 */
function isSuspicious(text: string): boolean {
  return text.includes('__') && /\{[{%]/.test(text);
}

/**
 * A configuration of Keras names the module of each class, and its loader imports it
 * (CVE-2025-1550).
 */
function isForeignModule(module: unknown): boolean {
  return (
    typeof module === 'string' &&
    !/^(|builtins|(tf_)?keras(_nlp|_hub|_cv)?(\.[\w.]+)?|tensorflow\.keras(\.[\w.]+)?)$/.test(module)
  );
}

function isSet(value: unknown): boolean {
  if (value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

/** One template, or several by name, however they are nested. */
function templatesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  // What lies below such a key again is come to by itself.
  return Object.entries(value).flatMap(([key, one]) => (key.includes('chat_template') ? [] : templatesIn(one)));
}

/**
 * Where configurations of transformers, and those of before it, say how many tokens a model takes.
 */
const CONTEXT_KEYS = ['max_position_embeddings', 'n_positions', 'max_seq_len', 'n_ctx', 'seq_length'];

function factsOf(config: Record<string, unknown>): Facts {
  const isConfig = 'model_type' in config || Array.isArray(config['architectures']);
  const tokenizer = config['tokenizer_class'];
  const ofTokenizer = typeof tokenizer === 'string' ? { tokenizer: tokenizer.slice(0, 100) } : {};
  if (!isConfig) return ofTokenizer;
  const [first] = Array.isArray(config['architectures']) ? (config['architectures'] as unknown[]) : [];
  const architecture = typeof first === 'string' ? first : config['model_type'];
  const parts = [config, config['text_config']].filter(isObject);
  const contextLength = parts
    .flatMap((part) => CONTEXT_KEYS.map((key) => part[key]))
    .find((value): value is number => Number.isSafeInteger(value) && (value as number) > 0);
  return {
    ...(typeof architecture === 'string' ? { architecture: architecture.slice(0, 100) } : {}),
    ...(contextLength === undefined ? {} : { contextLength }),
  };
}
