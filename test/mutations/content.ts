// What is in a model: the parsers of src/content, and the ways on which a rule about content reaches them.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const PARSERS = ['test/unit/content.test.ts'];
const EVASIONS = ['test/unit/content-evasions.test.ts'];
const TEMPLATES = ['test/unit/content-templates.test.ts'];
const RULE = ['test/integration/content.test.ts'];

const parser = (id: string, name: string, from: string, to: string, tests: readonly string[] = PARSERS): Mutation => ({
  id: `21-${id}`,
  file: `src/content/${name}.ts`,
  from,
  to,
  tests,
});
const evasion = (id: string, name: string, from: string, to: string): Mutation => parser(id, name, from, to, EVASIONS);
const template = (id: string, name: string, from: string, to: string): Mutation =>
  parser(`jinja-${id}`, name, from, to, TEMPLATES);

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
  parser('text-pickle', 'inspector', "['text', 'unknown'].includes(found.format) && this.#isProgram", 'false'),
  parser('program-name', 'inspector', 'byName === undefined ? found', 'true ? found'),
  evasion('pickle-call', 'pickle', 'if (CALLS.has(opcode) && this.#mayCall)', 'if (false)'),
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
  evasion('pickle-behind', 'pickle', '    this.#height = 0;\n    this.#marks.length = 0;', "    this.verdict = 'no';"),
  evasion('pickle-many', 'pickle', "argument === undefined ? 'no' : 'program'", "'no'"),
  evasion('pickle-alone', 'inspector', 'return hasImported && !(this', 'return false && !(this'),
  parser(
    'headers-at-once',
    'head-reader',
    'if (keptByThread + part.length > MOST_HEADER_BYTES_AT_ONCE)',
    'if (false)',
    ['test/unit/content-memory.test.ts'],
  ),
  parser('headers-given-back', 'head-reader', 'keptByThread -= this.#length;', '', [
    'test/unit/content-memory.test.ts',
  ]),
  parser('safetensors-values', 'safetensors', '1 << 21', '1 << 24', ['test/unit/content-memory.test.ts']),
  evasion('hdf5', 'inspector', "if (this.#hdf5.isThere && format !== 'hdf5')", 'if (false)'),
  evasion('hdf5-doubles', 'hdf5', 'this.#next *= 2;', 'this.#next = Number.POSITIVE_INFINITY;'),
  evasion('tar-binary', 'tar', 'if (first === 0x80 || first === 0xff)', 'if (false)'),
  evasion('tar-spelt', 'tar', "?.replaceAll('_', '')", ''),
  evasion('zip-far', 'tail', '72 << 10', '22 + 0xffff'),
  evasion('zip-sum', 'zip', '|| crc32(content) !== crc', ''),
  evasion('zip-names', 'zip', 'name !== directoryName ||', 'false ||'),
  evasion('zip-flags', 'zip', 'if ((flags & ~UTF8_NAME & ~0x6) !== 0)', 'if (false)'),
  evasion('zip-member', 'zip-content', "if (array.toString('latin1', 0, 6) !== '\\x93NUMPY')", 'if (false)'),
  evasion('npz-objects', 'zip-content', "if (numpyFormat(array, array.length) === 'pickle')", 'if (false)'),
  parser('npy-objects', 'numpy', "return 'pickle';", "return 'numpy';"),
  evasion(
    'named-program',
    'inspector',
    'isData(found.format) ? programByName',
    "['text', 'json', 'jsonl'].includes(found.format) ? programByName",
  ),
  evasion(
    'named-json',
    'inspector',
    '/\\.json$/i.test(name) ? undefined : new TextReader(name, head)',
    'new TextReader(name, head)',
  ),
  evasion('named-template', 'inspector', 'if (isTemplateName(name))', 'if (false)'),
  evasion('gif', 'image', '    checkGif(bytes);\n', ''),
  evasion('onnx-training', 'onnx', "20: 'training', ", ''),
  evasion('onnx-field', 'onnx', "if (message === 'model' && !MODEL_FIELDS.has(field))", 'if (false)'),
  evasion('onnx-producer', 'onnx', "[...text].some((character) => character < ' ')", 'false'),
  evasion('onnx-compiled', 'onnx', 'if (COMPILED_OPERATORS.has(name)', 'if (false'),
  evasion('onnx-entry', 'onnx', "if (message === 'entry' &&", 'if (false &&'),
  evasion('arrow-pickle', 'columnar', 'if (this.#isPickled)', 'if (false)'),
  evasion('arrow-end', 'columnar', 'if (!this.#isWhole ||', 'if (true ||'),
  evasion('kinds-full', 'json', 'findings.filter(({ kind }) => kind === finding.kind).length', 'findings.length'),
  evasion(
    'templates-nested',
    'json',
    "key.includes('chat_template') ? [] : templatesIn(one)",
    "typeof one === 'string' ? [one] : []",
  ),
  evasion('yaml-tag', 'yaml', 'if (tag !== undefined)', 'if (false)'),
  evasion('yaml-key', 'yaml', 'if (key !== undefined)', 'if (false)'),
  evasion('yaml-disguise', 'yaml', 'if (pattern.test(text))', 'if (false)'),
  evasion('yaml-template', 'yaml', 'if (/\\{[{%]/.test(text) &&', 'if (false &&'),
  template(
    'filter-arguments',
    'jinja',
    'return isCalled ? this.#filterArguments',
    'return false ? this.#filterArguments',
  ),
  template('renamed', 'jinja', 'if (renamed !== undefined)', 'if (false)'),
  template('tokens', 'jinja-values', '|| /_tokens?$/.test(name)', ''),
  template('macro-arguments', 'jinja-values', "else this.#names.add(keyword ?? parameters[at] ?? 'varargs');", ''),
  template('recursive', 'jinja-values', "rest.at(-1)?.text === 'recursive' ||", ''),
  template('call-parameters', 'jinja-values', "statement === 'call' &&", 'false &&'),
  template('mutated', 'jinja-values', 'if (isMethod && MUTATING.has(text)', 'if (false'),
  template('text-filters', 'jinja-values', 'return TEXT_FILTERS.has(text);', 'return false;'),
  template('order', 'jinja-values', 'round < MOST_ROUNDS', 'round < 1'),
  template('comments', 'jinja-tokens', "if (kind === '#') {", "if (kind === '') {"),
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
  joint('empty', 'src/verdict/judge-content.ts', 'if (files.count === 0)', 'if (false)', [
    'test/integration/content-ways.test.ts',
  ]),
  joint('twins', 'src/transfer/pool.ts', '(task.content === undefined ? withTwins(task) : task)', 'withTwins(task)'),
  joint('receipt', 'src/run/in-place.ts', 'shardBytes !== undefined || asksContent;', 'shardBytes !== undefined;', [
    'test/integration/receipts.test.ts',
  ]),
] satisfies Mutation[];
