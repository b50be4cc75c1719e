// What is in a model: the parsers of src/content, and the ways on which a rule about content reaches them.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const PARSERS = ['test/unit/content.test.ts'];
const RULE = ['test/integration/content.test.ts'];

const parser = (id: string, name: string, from: string, to: string): Mutation => ({
  id: `21-${id}`,
  file: `src/content/${name}.ts`,
  from,
  to,
  tests: PARSERS,
});

const joint = (id: string, file: string, from: string, to: string, tests: readonly string[] = RULE): Mutation => ({
  id: `21-rule-${id}`,
  file,
  from,
  to,
  tests,
  name: '21',
});

export default [
  parser('polyglot-zip', 'inspector', 'if (endsAsZip(tail))', 'if (false)'),
  parser('polyglot-tar', 'inspector', 'if (beginsAsTar(this.#head)) isPolyglot', 'if (false) isPolyglot'),
  parser('polyglot-pickle', 'inspector', 'if (this.#isProgram) isPolyglot', 'if (false) isPolyglot'),
  parser('size', 'inspector', 'if (!holds)', 'if (false)'),
  parser('text-pickle', 'inspector', "found.format === 'text' && this.#isProgram", 'false'),
  parser('program-name', 'inspector', 'byName === undefined ? found', 'true ? found'),
  parser('pickle-call', 'pickle', 'if (CALLS.has(opcode) && this.#hasImported)', 'if (false)'),
  parser('pickle-import', 'pickle', 'if (IMPORTS.has(opcode)) {', 'if (false) {'),
  parser('pickle-binary', 'pickle', 'return first === 0x80 && version >= 2', 'return first === 0x80 && version >= 6'),
  parser('safetensors-length', 'safetensors', 'if (declared > BigInt(MAX_HEADER_BYTES))', 'if (false)'),
  parser('safetensors-overlap', 'safetensors', 'if (start < at)', 'if (false)'),
  parser('safetensors-hole', 'safetensors', 'if (start > at)', 'if (false)'),
  parser('safetensors-end', 'safetensors', 'if (end > dataBytes)', 'if (false)'),
  parser('safetensors-behind', 'safetensors', 'if (at < dataBytes)', 'if (false)'),
  parser('safetensors-bytes', 'safetensors', 'if (end - start !== bits / 8)', 'if (false)'),
  parser('safetensors-twice', 'safetensors', 'if (fault !== undefined)', 'if (false)'),
  parser('gguf-version', 'gguf', 'if (version === 2 || version === 3)', 'if (version < 5)'),
  parser('gguf-keys', 'gguf', 'if (keyCount > MOST_KEYS)', 'if (false)'),
  parser('gguf-nested', 'gguf', 'if (type === ARRAY) throw', 'if (false) throw'),
  parser('gguf-overlap', 'gguf', 'if (start < at)', 'if (false)'),
  parser('gguf-hole', 'gguf', 'if (start > padded)', 'if (false)'),
  parser('gguf-end', 'gguf', 'if (end > dataBytes)', 'if (false)'),
  parser('gguf-behind', 'gguf', 'if (dataBytes > padded)', 'if (false)'),
  parser('onnx-outside', 'onnx', 'if (!isSafe)', 'if (false)'),
  joint(
    'stored',
    'src/run/stored-files.ts',
    'const inspects = this.#subject.evidence.asksContent;',
    'const inspects = false;',
    ['test/integration/hub.test.ts'],
  ),
  joint('registry', 'src/run/registry-artifact.ts', 'inspects: this.#subject.evidence.asksContent', 'inspects: false'),
  joint('format', 'src/verdict/judge-content.ts', 'filter((kind) => !allowedAt(name, kind))', 'filter(() => false)'),
  joint('unsound', 'src/verdict/judge-content.ts', 'kinds.length === 0 && !isUnsound', 'kinds.length === 0'),
  joint('twins', 'src/transfer/pool.ts', '(task.content === undefined ? withTwins(task) : task)', 'withTwins(task)'),
  joint(
    'receipt',
    'src/run/in-place.ts',
    'evidence.shardBytes !== undefined || evidence.asksContent',
    'evidence.shardBytes !== undefined',
    ['test/integration/receipts.test.ts'],
  ),
] satisfies Mutation[];
