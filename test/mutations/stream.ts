import type { Mutation } from '../../scripts/mutate/mutation.ts';

const STREAM = ['test/unit/signature-stream.test.ts'];
const JSON_STREAM = { file: 'src/evidence/json-stream.ts', tests: STREAM, name: 'JSON that comes' } as const;
const BASE64 = { file: 'src/evidence/base64-stream.ts', tests: STREAM, name: 'base64 that comes' } as const;
const STORED = { file: 'src/evidence/stored-payload.ts', tests: STREAM, name: 'changed while|cut while' } as const;
const SIGNED = 'src/evidence/signed-files.ts';
const TABLE = {
  file: 'src/fs/finish-table.ts',
  tests: ['test/unit/finish-table.test.ts'],
  name: 'a table that has grown',
} as const;
const LIST = { tests: STREAM, name: 'list of a model' } as const;

export default [
  { ...JSON_STREAM, id: '19-stream-key-twice', from: 'if (keys.has(key))', to: 'if (keys.has(`${key} `))' },
  {
    ...JSON_STREAM,
    id: '19-stream-after',
    from: 'default:\n        throw this.#notJson();',
    to: 'default:\n        return at + 1;',
  },
  {
    ...JSON_STREAM,
    id: '19-stream-no-end',
    from: "if (this.#state !== 'over') throw",
    to: "if (this.#state === 'start') throw",
  },
  {
    ...JSON_STREAM,
    id: '19-stream-empty-element',
    from: 'if (elements.length === 0 && !(isEnd && !this.#hasElements)) throw',
    to: 'if (elements.length === 0 && isEnd && !isEnd) throw',
  },
  {
    ...JSON_STREAM,
    id: '19-stream-other-bracket',
    from: 'if (c !== CLOSE_LIST) throw',
    to: 'if (c === COMMA) throw',
  },
  {
    ...JSON_STREAM,
    id: '19-stream-depth',
    from: 'const elements = parseStrictJson(text, this.#what, text.length, MAX_DEPTH - this.#levels.length);',
    to: 'const elements = parseStrictJson(text, this.#what, text.length, 10 * MAX_DEPTH);',
  },
  {
    ...JSON_STREAM,
    id: '19-stream-element-bytes',
    from: 'this.#heldBytes > most',
    to: 'this.#heldBytes > 1000 * most',
  },
  {
    ...JSON_STREAM,
    id: '19-stream-dotted-key',
    from: 'this.#key = key;',
    to: "this.#key = key.slice(key.lastIndexOf('.') + 1);",
  },
  {
    ...BASE64,
    id: '19-base64-canonical',
    from: "|| (this.#isOnce && bytes.toString('base64') !== letters)",
    to: '|| letters.length === 1',
  },
  { ...BASE64, id: '19-base64-padding', from: 'if (this.#isPadded || ', to: 'if (' },
  { ...BASE64, id: '19-base64-end', from: "if (this.#letters !== '') throw", to: "if (this.#letters === '=') throw" },
  {
    ...STORED,
    id: '19-payload-changed',
    from: '|| !hash.update(last).digest().equals(this.sha256)',
    to: '|| hash.update(last).digest().length !== this.sha256.length',
  },
  { ...STORED, id: '19-payload-cut', from: 'if (read === 0) throw changed();', to: 'if (read === 0) break;' },
  {
    id: '19-payload-too-large',
    file: 'src/evidence/signed-payload.ts',
    from: 'if (this.length > MAX_PAYLOAD_BYTES)',
    to: 'if (this.length > 10 * MAX_PAYLOAD_BYTES)',
    tests: STREAM,
    name: 'only a list',
  },
  {
    ...LIST,
    id: '19-list-twice',
    file: 'src/evidence/signed-files.ts',
    from: 'if (this.#compare(this.#at(i - 1), this.#at(i)) === 0)',
    to: 'if (this.#compare(this.#at(i - 1), this.#at(i)) === 1.5)',
  },
  {
    ...LIST,
    id: '19-list-hash',
    file: 'src/evidence/model-signature.ts',
    from: 'if (this.#digits !== DIGEST_HEX[hash])',
    to: 'if (this.#digits === 0)',
  },
  {
    ...LIST,
    id: '19-list-digest-length',
    file: 'src/evidence/model-signature.ts',
    from: 'digest.length !== this.#digits || ',
    to: '',
  },
  {
    ...LIST,
    id: '19-list-unicode',
    file: 'src/evidence/model-signature.ts',
    from: 'if (!name.isWellFormed())',
    to: "if (name === '')",
  },
  {
    ...LIST,
    id: '19-list-algorithms',
    file: 'src/evidence/model-signature.ts',
    from: 'if (this.#algorithms.size > MAX_ALGORITHMS)',
    to: 'if (this.#algorithms.size > 100 * MAX_ALGORITHMS)',
  },
  { ...LIST, id: '19-list-in-order', file: SIGNED, from: 'if (order > 0) this.#isInOrder = false;', to: '' },
  { ...LIST, id: '19-list-twice-in-order', file: SIGNED, from: 'if (order === 0) this.#hasTwice = true;', to: '' },
  {
    id: '19-names-shared',
    file: 'src/evidence/front-coded-names.ts',
    from: 'const shared = isFirst ? 0 : same;',
    to: 'const shared = same;',
    tests: ['test/unit/front-coded-names.test.ts'],
    name: 'come back',
  },
  {
    id: '19-names-compared',
    file: 'src/evidence/front-coded-names.ts',
    from: 'return length - (end - start);',
    to: 'return 0;',
    tests: ['test/unit/front-coded-names.test.ts'],
    name: 'stand to each other',
  },
  {
    ...TABLE,
    id: '19-table-unseen',
    from: 'if (state !== AGAIN && state !== SEEN && state !== 1) throw',
    to: 'if (state > AGAIN) throw',
    tests: ['test/unit/many-files.test.ts'],
    name: 'nobody has looked',
  },
  { ...TABLE, id: '19-table-again', from: 'if (table.hashed[i] === AGAIN) {', to: 'if (table.hashed[i] === 9) {' },
  { ...TABLE, id: '19-table-order', from: '} else if (i > start && comesBefore(table, i, i - 1)) endAt(i);', to: '}' },
  { ...TABLE, id: '19-table-seen', from: 'hashed[i] = 0;', to: 'hashed[i] = 1;' },
  {
    ...TABLE,
    id: '19-table-devices',
    from: 'table.device[first + i] = deviceAt(other, i) ^ table.deviceBase;',
    to: 'table.device[first + i] = deviceAt(other, i);',
  },
  {
    id: '19-missing-counted',
    file: 'src/verdict/compare.ts',
    from: 'if (present < checksums.size)',
    to: 'if (present + 1 < checksums.size)',
    tests: ['test/integration/signature.test.ts'],
    name: 'every changed, missing and added',
  },
  {
    id: '19-same-digest',
    file: 'src/evidence/signed-files.ts',
    from: "if (digests[a + i] !== expected[b + i]) return 'listed';",
    to: "if (digests[a + i] !== expected[b + i] && i > 40) return 'listed';",
    tests: ['test/integration/signature.test.ts'],
    name: 'every changed, missing and added',
  },
] satisfies readonly Mutation[];
