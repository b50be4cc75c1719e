// Lists as an API server sends them, cut into items as their bytes come.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ListStream } from '../../src/cluster/list-stream.ts';

/** Feeds a text in pieces of so many bytes. */
function read(text: string, size = Number.MAX_SAFE_INTEGER) {
  const items: unknown[] = [];
  const list = new ListStream((item) => items.push(item));
  const bytes = Buffer.from(text);
  const isTaken = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    list.feed(bytes.subarray(i * size, (i + 1) * size)),
  ).every((one) => one);
  return { items, frame: list.end(), isTaken };
}

/** Every byte of it may be the last one of a piece. */
const ODD = {
  kind: 'PodList',
  metadata: { items: [{ not: 'one' }], note: '"items":[{' },
  items: [
    { metadata: { name: 'a{[}]"\\' }, items: [{ inner: 1 }], text: '{"items":[' },
    { metadata: { name: 'é 😀 \u2028' }, empty: {}, list: [[], [{}]] },
    {},
    { long: 'x'.repeat(300), escaped: '\\\\"}]' },
  ],
  after: { items: [{ none: true }] },
};

describe('17: a list as a stream', () => {
  it('gives the items of any list, wherever its bytes are cut', () => {
    for (const text of [JSON.stringify(ODD), JSON.stringify(ODD, null, 2)])
      for (let size = 1; size < 80; size++) {
        const { items, frame, isTaken } = read(text, size);
        assert.deepEqual(items, ODD.items, `${size}`);
        assert.deepEqual(frame, { ...ODD, items: [] }, `${size}`);
        assert.ok(isTaken);
      }
  });

  it('leaves out who wrote which field, and nothing else of that name', () => {
    const managedFields = [{ manager: 'x', fieldsV1: { 'f:spec': { '.': {}, 'f:a': ['[', '"', {}] } } }, []];
    const items = [
      { metadata: { name: 'a', managedFields }, spec: { list: [1], more: { managedFields } } },
      { metadata: { managedFields, name: 'b' }, spec: {} },
      { metadata: { managedFields: [], name: 'é' } },
      { metadata: { name: 'managedFields', other: [managedFields] }, managedFields },
    ];
    const left = structuredClone(items) as { metadata: { managedFields?: unknown[] } }[];
    for (const { metadata } of left) if (metadata.managedFields !== undefined) metadata.managedFields = [];
    for (const text of [JSON.stringify({ items }), JSON.stringify({ items }, null, 1)])
      for (let size = 1; size < 60; size++) assert.deepEqual(read(text, size).items, left, `${size}`);
  });

  it('ends an item where the next one begins, and not where an object inside of it begins like one', () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a},{"apiVersion":' };
    const managedFields = [{ manager: 'x', fieldsV1: { 'f:spec': {} } }];
    for (const items of [
      [1, 2, 0, 5].map((owners, i) => ({ apiVersion: 'v1', i, owners: Array.from({ length: owners }, () => owner) })),
      [3, 4].map((claims, i) => ({
        metadata: {
          name: `é${i}`,
          labels: { managedFields: ']},"spec":{' },
          ...(i === 0 ? { managedFields: [] } : { finalizers: [] }),
        },
        spec: { claims: Array.from({ length: claims }, () => ({ metadata: { managedFields }, spec: { i } })) },
      })),
      [{ 'a\\"b': 1 }, { 'a\\"b': [{ 'a\\"b': 2 }, { 'a\\"b': 3 }] }],
      [{ '': {} }, { '': {} }, {}],
    ]) {
      const text = JSON.stringify({ items, kind: 'List' });
      for (let size = 1; size < 60; size++) assert.deepEqual(read(text, size).items, items, `${size}`);
      assert.deepEqual(read(text), { items, frame: { items: [], kind: 'List' }, isTaken: true });
    }
  });

  it('gives what is no list as it is', () => {
    for (const one of [
      { kind: 'Status', message: 'items' },
      { items: null },
      { kind: 'items', x: [{}] },
      { items: [] },
    ])
      assert.deepEqual(read(JSON.stringify(one), 3), { items: [], frame: one, isTaken: true });
    for (const text of ['', '404 page not found', '[{"items":[{}]}]', '{"items":[{}'])
      assert.deepEqual(read(text, 2).frame, text.startsWith('[') ? [{ items: [{}] }] : {}, text);
  });

  it('ends with an empty frame for a list that is cut off, or is none behind its items', () => {
    const whole = JSON.stringify({ metadata: {}, items: [{ a: 1 }, { b: 2 }] });
    assert.deepEqual(read(whole.slice(0, -1)).frame, {});
    assert.deepEqual(read(`${whole.slice(0, -1)}]`).frame, {});
    assert.deepEqual(read('{"items":[{"a":nothing}]}').items, [{}]);
  });

  it('holds no item, and no frame, that is larger than an API server has', () => {
    const huge = 'x'.repeat(9 << 20);
    assert.equal(read(JSON.stringify({ items: [{ huge }] }), 1 << 20).isTaken, false);
    assert.equal(read(JSON.stringify({ huge, items: [] }), 1 << 20).isTaken, false);
    const many = JSON.stringify({ items: Array.from({ length: 30 }, () => ({ text: 'x'.repeat(1 << 20) })) });
    const { isTaken, items } = read(many, 1 << 16);
    assert.deepEqual([isTaken, items.length], [true, 30]);
  });
});
