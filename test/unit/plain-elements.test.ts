// Elements of a list that are read off its bytes because they are written like the first: what
// comes of it is what comes of the parser of all JSON, whatever stands there.
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { PlainElements } from '../../src/evidence/plain-elements.ts';
import { readBothWays } from '../evidence/plain-list.ts';
import { hex } from '../evidence/world.ts';

type Key = 'name' | 'algorithm' | 'digest';
const ORDERS: Key[][] = [
  ['name', 'algorithm', 'digest'],
  ['algorithm', 'digest', 'name'],
  ['digest', 'name', 'algorithm'],
  ['name', 'digest', 'algorithm'],
];
const STEPS = [1, 90, 200, 333, 1000, 1 << 16];
const NAMES = Array.from({ length: 40 }, (_, i) => `shard-${i % 3}/é ${'日本'.slice(0, i % 3)}-${i}.jpg`).sort();

const entry = (name: string) => ({ name, algorithm: 'sha256', digest: hex(name) });
const rootOf = (names: readonly string[]) =>
  createHash('sha256')
    .update(Buffer.from(`${'0'.repeat(64)}${names.map((name) => hex(name)).join('')}`, 'hex'))
    .digest('hex');
const written = (name: string, order: readonly Key[], space?: number) =>
  JSON.stringify(Object.fromEntries(order.map((key) => [key, entry(name)[key]])), null, space);
const listOf = (order: readonly Key[], space?: number) => NAMES.map((name) => written(name, order, space)).join(',');

/** Both must come to the same. @returns what that is */
async function same(rest: Buffer, root = rootOf(NAMES), order = ORDERS[0] as Key[], steps = STEPS): Promise<string> {
  const found = new Set<string>();
  for (const step of steps) for (const one of await readBothWays(rest, root, order, step)) found.add(one);
  assert.equal(found.size, 1, [...found].join('\n'));
  return [...found][0] ?? '';
}

describe('19: elements that are written like the first', () => {
  it('say what they say in any order of keys, with blanks or without', async () => {
    const found = new Set<string>();
    for (const order of ORDERS)
      for (const space of [undefined, 0, 1, 4])
        found.add(await same(Buffer.from(listOf(order, space)), undefined, order));
    assert.equal(found.size, 1);
    assert.match([...found][0] ?? '', new RegExp(hex(NAMES[7] ?? '')));
  });

  it('are taken, all but the last, whose comma does not come', () => {
    const plain = PlainElements.like(entry('0'));
    const bytes = Buffer.from(`..${listOf(ORDERS[0] as Key[])}]`);
    const taken: string[] = [];
    const end = plain?.take(bytes, 2, (all, from, to, digest) => {
      taken.push(`${Buffer.from(all.subarray(from, to))} ${Buffer.from(all.subarray(digest, digest + 64))}`);
      return true;
    });
    assert.deepEqual(
      taken,
      NAMES.slice(0, -1).map((name) => `${name} ${hex(name)}`),
    );
    assert.equal(end, bytes.length - 1 - Buffer.byteLength(written(NAMES.at(-1) ?? '', ORDERS[0] as Key[])));
  });

  for (const [what, first] of [
    ['another key', { ...entry('0'), more: 1 }],
    ['a key too few', { name: '0', digest: hex('0') }],
    ['an algorithm that needs an escape', { ...entry('0'), algorithm: 'a"' }],
    ['no text', { ...entry('0'), digest: 1 }],
    ['no object', [1, 2, 3]],
    ['nothing', null],
  ] as const)
    it(`are not looked for where the first is one with ${what}`, () =>
      assert.equal(PlainElements.like(first), undefined));

  /** In place of the twentieth element of a list. */
  const odd = written('odd', ORDERS[0] as Key[]);
  const CASES: [what: string, element: string | Buffer, outcome: RegExp][] = [
    ['a letter that is escaped', odd.replace('odd', 'o\\u0064d'), /^\[/],
    ['a slash that is escaped', odd.replace('odd', 'o\\/d'), /^\[/],
    ['a key that is escaped', odd.replace('"name"', '"n\\u0061me"'), /^\[/],
    ['another key', odd.replace('{', '{"more":1,'), /^\[/],
    ['blanks where there may be some', odd.replaceAll(':', ' :\t').replaceAll(',', '\n,\r\n'), /^\[/],
    ['a dot in its name', odd.replace('odd', 'o..d/.x/x.'), /^\[/],
    ['a name twice', odd.replace('odd', '0'), /"0" is listed twice/],
    ['the name of the one before it', odd.replace('odd', NAMES[18] ?? ''), /listed twice/],
    ['a key twice', odd.replace('{', '{"name":"x",'), /"name" twice/],
    ['a line in its name', odd.replace('odd', 'o\nd'), /not JSON/],
    ['a NUL in its name', odd.replace('odd', 'o\0d'), /not JSON/],
    ['an escaped NUL in its name', odd.replace('odd', 'o\\u0000d'), /contains a NUL byte/],
    ['half a letter', odd.replace('odd', '\\ud800'), /not Unicode/],
    ['bytes that are no UTF-8', Buffer.from(odd.replace('odd', 'o\xff'), 'latin1'), /not UTF-8/],
    ['a letter that is cut off', Buffer.from(odd.replace('odd', 'o\xc3'), 'latin1'), /not UTF-8/],
    ['no name', odd.replace('odd', ''), /shortest form/],
    ['an absolute name', odd.replace('odd', '/odd'), /absolute/],
    ['a name that leads out', odd.replace('odd', 'a/../../b'), /leads out/],
    ['a name that is ..', odd.replace('odd', '..'), /leads out/],
    ['a name that is .', odd.replace('odd', '.'), /^\[.*calls the one file/],
    ['a name with . in it', odd.replace('odd', 'a/./b'), /shortest form/],
    ['a name that ends with a slash', odd.replace('odd', 'a/'), /shortest form/],
    ['a name with two slashes', odd.replace('odd', 'a//b'), /shortest form/],
    ['a name that is too long', odd.replace('odd', 'x'.repeat(4096)), /longer than/],
    ['the longest name', odd.replace('odd', 'x'.repeat(4095)), /^\[/],
    ['a digest in capitals', odd.replace(hex('odd'), hex('odd').toUpperCase()), /not one of sha256/],
    ['a digest with another letter', odd.replace(hex('odd'), `g${hex('odd').slice(1)}`), /not one of sha256/],
    ['a digest that ends with another', odd.replace(hex('odd'), `${hex('odd').slice(1)}:`), /not one of sha256/],
    ['a digest that is too short', odd.replace(hex('odd'), hex('odd').slice(2)), /not one of sha256/],
    ['a digest that is too long', odd.replace(hex('odd'), `${hex('odd')}00`), /not one of sha256/],
    ['another algorithm', odd.replace('"sha256"', '"sha512"'), /has the algorithm/],
    ['an algorithm that begins like it', odd.replace('"sha256"', '"sha256x"'), /has the algorithm/],
    ['a number for a name', odd.replace('"odd"', '1'), /not text/],
    ['no colon', odd.replace(':', ' '), /not JSON/],
    ['no comma in it', odd.replace('","', '" "'), /not JSON/],
    ['a comma too many in it', odd.replace('}', ',}'), /not JSON/],
    ['no bracket at its end', odd.replace('}', ''), /not JSON|not an object/],
    ['another bracket', `[${odd.slice(1, -1)}]`, /not JSON|not an object/],
    ['another bracket at its end', odd.replace('}', ']'), /not JSON/],
    ['something behind it', `${odd} 1`, /not JSON/],
    ['two elements without a comma', `${odd}${written('odd2', ORDERS[0] as Key[])}`, /not JSON/],
    ['nothing', '', /not JSON/],
    ['a blank that JSON does not know', `\u00a0${odd}`, /not JSON/],
  ];
  for (const [what, element, expected] of CASES)
    it(`with ${what} among them are what they are to the parser of all JSON`, async () => {
      const before = NAMES.slice(0, 19).map((name) => `${written(name, ORDERS[0] as Key[])},`);
      const after = NAMES.slice(19).map((name) => `,${written(name, ORDERS[0] as Key[])}`);
      const rest = Buffer.concat([Buffer.from(before.join('')), Buffer.from(element), Buffer.from(after.join(''))]);
      const root = rootOf([...NAMES.slice(0, 19), 'odd', ...NAMES.slice(19)]);
      assert.match(await same(rest, root), expected);
    });

  it('with any byte changed, put in or left out are what they are to the parser of all JSON', async () => {
    const list = Buffer.from(listOf(ORDERS[0] as Key[]));
    const bytes = Buffer.from('"\\/.,:{}[] \n\0ax0\xff\xc3', 'latin1');
    for (let i = 0; i < 1500; i++) {
      const at = randomInt(list.length);
      const one = bytes.subarray(randomInt(bytes.length)).subarray(0, 1);
      const rest = [
        Buffer.concat([list.subarray(0, at), one, list.subarray(at + 1)]),
        Buffer.concat([list.subarray(0, at), one, list.subarray(at)]),
        Buffer.concat([list.subarray(0, at), list.subarray(at + 1)]),
      ][i % 3] as Buffer;
      await same(rest, rootOf(NAMES), ORDERS[0], [STEPS[i % STEPS.length] ?? 1]);
    }
  });
});
