// Signatures of large datasets are read as streams: as strictly as small ones, however the bytes
// are cut.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { Base64Stream } from '../../src/evidence/base64-stream.ts';
import { proveFiles, readSignatureFile } from '../../src/evidence/index.ts';
import { JsonStream } from '../../src/evidence/json-stream.ts';
import { readModelSignature } from '../../src/evidence/model-signature.ts';
import { MalformedError } from '../../src/evidence/strict-json.ts';
import { fromText } from '../../src/fs/index.ts';
import { bundlePieces } from '../../src/sign/index.ts';
import { type Draft, hex, modelStatement, rootOf } from '../evidence/world.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const attestor = {
  kind: 'key',
  name: 'k.pub',
  pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
  fingerprint: 'f',
  trustedRoot: 'public-good',
} as const;
const work = mkdtempSync(join(tmpdir(), 'weighlock-stream-'));
after(() => rmSync(work, { recursive: true }));

/** What a text says, as far as it is gone into. */
function read(text: string | Buffer, step: number): [string, unknown][] {
  const found: [string, unknown][] = [];
  const stream = new JsonStream(
    { predicate: { resources: 'list' }, passed: 'skip' },
    {
      value: (inside, key, value) => found.push([`${inside}/${key}`, value]),
      elements: (inside, key, elements) =>
        found.push(...elements.map((one): [string, unknown] => [`${inside}/${key}[]`, one])),
    },
    'it',
  );
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += step) stream.push(bytes.subarray(at, at + step));
  stream.end();
  return found;
}

const STEPS = [1, 2, 3, 5, 8, 1000];

describe('JSON that comes in pieces', () => {
  it('is what it is as a whole, wherever it is cut', () => {
    const text = ` {"a" : "x\\"}]\\\\", "passed":[1,{"b":"}"}], "predicate":{ "n":-1.5e3,"resources":[ {"k":"],[\\"" } , [1,[2]], null, "é,\\u00e9"\n], "t":true}\t, "z":{"y":[]} }\n`;
    for (const step of STEPS)
      assert.deepEqual(read(text, step), [
        ['/a', 'x"}]\\'],
        ['predicate/n', -1500],
        ['predicate/resources[]', { k: '],["' }],
        ['predicate/resources[]', [1, [2]]],
        ['predicate/resources[]', null],
        ['predicate/resources[]', 'é,é'],
        ['predicate/t', true],
        ['/z', { y: [] }],
      ]);
  });

  it('may have an empty list, or none', () => {
    for (const step of STEPS) assert.deepEqual(read('{"predicate":{"resources":[ ]}}', step), []);
    assert.deepEqual(read('{"predicate":{"resources":{"a":1}}}', 1), [['predicate/resources', { a: 1 }]]);
    assert.deepEqual(read('{"predicate":[1]}', 1), [['/predicate', [1]]]);
  });

  it('takes no key with a dot for one inside another', () =>
    assert.deepEqual(read('{"predicate.resources":[1],"resources":[2]}', 1), [
      ['/predicate.resources', [1]],
      ['/resources', [2]],
    ]));

  const list = (inner: string) => `{"predicate":{"resources":[${inner}]}}`;
  for (const [what, text, why] of [
    ['nothing', '', /not JSON/],
    ['a list', '[]', /not an object/],
    ['two documents', '{}{}', /not JSON/],
    ['something after it', '{} x', /not JSON/],
    ['no end', '{"a":1', /not JSON/],
    ['no end of a list', '{"predicate":{"resources":[1', /not JSON/],
    ['a comma too many', '{"a":1,}', /not JSON/],
    ['no comma', '{"a":1 "b":2}', /not JSON/],
    ['no colon', '{"a" 1}', /not JSON/],
    ['no value', '{"a":}', /not JSON/],
    ['a key without quotes', '{a:1}', /not JSON/],
    ['a key twice', '{"a":1,"a":2}', /"a" twice/],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', /"a" twice/],
    ['a key twice within another', '{"predicate":{"n":1,"n":1}}', /"n" twice/],
    ['a list twice', '{"predicate":{"resources":[1],"resources":[2]}}', /"resources" twice/],
    ['what is gone into twice', '{"predicate":{},"predicate":{}}', /"predicate" twice/],
    ['a key twice in an element', list('{"k":1},{"k":1,"k":2}'), /"k" twice/],
    ['a comma at the beginning of a list', list(',1'), /not JSON/],
    ['a comma at the end of a list', list('1,'), /not JSON/],
    ['two commas in a list', list('1,,2'), /not JSON/],
    ['a comma alone in a list', list(' , '), /not JSON/],
    ['no comma in a list', list('{} {}'), /not JSON/],
    ['brackets of two kinds', list('{]'), /not JSON/],
    ['a list that an object ends', '{"predicate":{"resources":[1}}}', /not JSON/],
    ['two values in one', '{"a":1 2}', /not JSON/],
    ['a number with a zero before it', list('01'), /not JSON/],
    ['a string with a line in it', list('"a\nb"'), /not JSON/],
    ['an escape that is none', list('"\\x"'), /not JSON/],
    ['a comment', '{"a":1/*,"b":2*/}', /not JSON/],
    ['another space', '{\u00a0"a":1}', /not JSON/],
    ['endless nesting', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`, /nested/],
    ['endless nesting in a list', list(`${'['.repeat(62)}${']'.repeat(62)}`), /nested/],
    ['bytes that are no text', Buffer.from('{"a":"\xff"}', 'latin1'), /UTF-8/],
    ['bytes that are no text in a list', Buffer.from(list('"\xc3"'), 'latin1'), /UTF-8/],
  ] as const)
    it(`with ${what} is refused`, () => {
      for (const step of STEPS)
        assert.throws(
          () => read(text, step),
          (error) => error instanceof MalformedError && why.test(error.message),
        );
    });

  it('may nest as deep as anything else', () => {
    for (const step of STEPS) read(list(`${'['.repeat(61)}${']'.repeat(61)}`), step);
    read(`{"a":${'['.repeat(63)}${']'.repeat(63)}}`, 7);
  });

  it('holds no element, and no value, that is larger than anybody needs', () => {
    assert.throws(() => read(`{"predicate":{"resources":["${'a'.repeat(2 << 20)}`, 1 << 16), /more than 1048576 bytes/);
    assert.throws(() => read(`{"a":"${'a'.repeat(49 << 20)}`, 1 << 20), /more than 50331648 bytes/);
  });
});

describe('base64 that comes in pieces', () => {
  const decode = (text: string, step: number) => {
    const stream = new Base64Stream('it');
    const pieces: Buffer[] = [];
    for (let at = 0; at < text.length; at += step)
      pieces.push(Buffer.from(stream.push(Buffer.from(text.slice(at, at + step), 'latin1'))));
    return Buffer.concat([...pieces, stream.end()]);
  };

  it('is what it is as a whole, with the escapes of JSON', () => {
    for (const step of STEPS) {
      for (const length of [0, 1, 2, 3, 4, 100])
        assert.deepEqual(decode(Buffer.alloc(length, 0xff).toString('base64'), step), Buffer.alloc(length, 0xff));
      assert.deepEqual(decode('\\/\\/\\u002f\\/', step), Buffer.alloc(3, 0xff));
    }
  });

  for (const text of [
    'YWI',
    'YWJ=',
    'YWI=\\n',
    ' YWI=',
    'YW-_',
    'YWI==',
    '=YWI',
    'YQ==YQ==',
    'YWI=YWJj',
    'Y WI',
    'YWI\\',
    '\\\\u0041AAA',
    '\\x41AAA',
    'é',
  ])
    it(`is written in one way only: ${JSON.stringify(text)} (S35)`, () => {
      for (const step of STEPS) assert.throws(() => decode(text, step), /not base64/);
    });
});

/** Files of a list whose text has more than 8 MiB. */
const MANY = 60_000;

/** The statement of a folder of many files. */
const many = (() => {
  const digest = hex('x');
  const resources = Array.from({ length: MANY }, (_, i) => ({
    name: `folder/file-${String(i).padStart(8, '0')}.jpg`,
    algorithm: 'sha256',
    digest,
  }));
  const { predicate, ...rest } = modelStatement({ a: 'x' });
  const subject = [{ name: 'many', digest: { sha256: rootOf(resources) } }];
  return Buffer.from(JSON.stringify({ ...rest, subject, predicate: { ...predicate, resources } }));
})();

function signed(payload = many): string {
  return Buffer.concat([...bundlePieces({ length: payload.length, pieces: () => [payload] }, privateKey)]).toString();
}

const open: { readonly close?: () => void }[] = [];
afterEach(() => {
  for (const file of open.splice(0)) file.close?.();
});

/** The file stays open to the end of the test: digests of a long list are read from it again. */
async function prove(text: string, between = (_path: string) => {}) {
  const path = join(work, 'model.sig');
  writeFileSync(path, text);
  const file = await readSignatureFile(path);
  open.push(file);
  between(path);
  return { file, ...(await proveFiles([file], [attestor], undefined, 'signature')) };
}

describe('a signature of many files', () => {
  it('is verified from its file, which is not in memory', async () => {
    const text = signed();
    const { file, proofs, rejected, closed } = await prove(text);
    assert.deepEqual(rejected, []);
    const [proof] = proofs;
    assert.ok(proof?.binding.kind === 'model');
    assert.equal(proof.binding.manifest.files.size, MANY);
    assert.equal(proof.binding.manifest.files.get(fromText('folder/file-00000007.jpg')), hex('x'));
    assert.equal(proof.binding.manifest.files.get(fromText('folder/file-99999999.jpg')), undefined);
    assert.ok(file.bytes.length < 2000, `${file.bytes.length} bytes are in memory`);
    assert.deepEqual([file.slim?.size, closed.length], [text.length, 1]);
  });

  it('may have its slashes escaped', async () =>
    assert.deepEqual((await prove(signed().replaceAll('/', '\\/'))).rejected, []));

  const payload = many.toString('base64');
  for (const [what, change, why] of [
    [
      'another byte in it',
      (text: string) => text.replace(payload.slice(-400, -200), (some) => swapped(some)),
      /not a signature by this key/,
    ],
    [
      'a key that a loader may read',
      (text: string) => text.replace('"dsseEnvelope"', '"auto_map":{},"dsseEnvelope"'),
      /unknown key "auto_map"/,
    ],
    [
      'the payload twice',
      (text: string) => text.replace('"payloadType"', '"payload":"","payloadType"'),
      /"payload" twice/,
    ],
    [
      'the payload twice, once escaped',
      (text: string) => text.replace('"payloadType"', '"p\\u0061yload":"","payloadType"'),
      /"payload" twice/,
    ],
    [
      'two large texts in its place',
      (text: string) => text.replace(/"payloadType":"[^"]*"/, `"payloadType":"${payload}"`),
      /payload type/,
    ],
    [
      'a large text in another place',
      (text: string) => text.replace(/"sig":"[^"]*"/, `"sig":"${payload}"`),
      /not a signature by this key/,
    ],
    [
      'a large key',
      (text: string) => text.replace('"mediaType"', `"${payload}"`),
      /unknown key|no signature of a kind/,
    ],
    ['something after it', (text: string) => `${text}x`, /something else than signatures/],
    ['another document after it', (text: string) => `${text.trim()}{}`, /not one on each line/],
  ] as const)
    it(`with ${what} is none`, async () => {
      const text = signed();
      const changed = change(text);
      assert.notEqual(changed, text);
      const { proofs, rejected } = await prove(changed);
      assert.deepEqual(proofs.length > 0 && rejected.length === 0, false);
      assert.match(rejected.map((one) => one.why).join('; '), why);
    });

  for (const [what, insert] of [
    ['a space', ' '],
    ['a line end, escaped', '\\n'],
    ['padding in its middle', '='],
    ['a byte that is no text', '\u00ff'],
  ] as const)
    it(`whose payload has ${what} in it is none`, async () => {
      const text = signed().replace(payload, `${payload.slice(0, 4_000_000)}${insert}${payload.slice(4_000_000)}`);
      await assert.rejects(prove(text), /not base64/);
    });

  it('that is changed while it is read is none', async () => {
    const changed = async (at: number, to: string) =>
      (await prove(signed(), (path) => writeSync(openSync(path, 'r+'), to, at))).rejected;
    const at = signed().indexOf(payload) + 8_000_000;
    assert.match((await changed(at, 'AAAA'))[0]?.why ?? '', /changed while it was read/);
    assert.match((await changed(at, '"  "'))[0]?.why ?? '', /changed while|not base64/);
  });

  it('that is cut while it is read is none', async () => {
    const { rejected } = await prove(signed(), (path) =>
      writeFileSync(path, readFileSync(path).subarray(0, 9_000_000)),
    );
    assert.match(rejected[0]?.why ?? '', /changed while it was read/);
  });

  it('may lie in what cosign wrote before there were bundles, whose text is large, too', async () => {
    const predicateType = 'https://x.example/v1';
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      predicateType,
      subject: [{ digest: { sha256: hex('x') } }],
      predicate: { text: 'a'.repeat(7 << 20) },
    };
    const { dsseEnvelope } = JSON.parse(signed(Buffer.from(JSON.stringify(statement))));
    const base64Signature = Buffer.from(JSON.stringify(dsseEnvelope)).toString('base64');
    const path = join(work, 'old.json');
    writeFileSync(path, JSON.stringify({ base64Signature, cert: '' }));
    const file = await readSignatureFile(path);
    const { proofs, rejected } = await proveFiles([file], [attestor], undefined, { predicateType });
    assert.deepEqual([rejected, proofs.length], [[], 1]);
  });

  it('counts for no other purpose, and only a list may be so large', async () => {
    const text = JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://x.example/v1',
      subject: [{ digest: { sha256: hex('x') } }],
      predicate: { text: 'a'.repeat(50 << 20) },
    });
    const { rejected } = await prove(signed(Buffer.from(text)));
    assert.match(rejected[0]?.why ?? '', /only a list of files may be so large/);
  });
});

function swapped(text: string): string {
  return `${text[1]}${text[0]}${text.slice(2)}` === text
    ? `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`
    : `${text[1]}${text[0]}${text.slice(2)}`;
}

describe('the list of a model signature', () => {
  const draft = (change: (draft: Draft) => void) => {
    const one = modelStatement({ b: 'b', a: 'a', 'a/b': 'x', 'a-b': 'y' });
    change(one);
    one.subject[0].digest.sha256 = rootOf(one.predicate.resources);
    return one;
  };
  const readAs = (value: Draft, step: number) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
    };
    return readModelSignature({ length: bytes.length, pieces });
  };

  it('may come before what says how it was hashed, and in any order', async () => {
    for (const step of STEPS) {
      const one = draft((value) => {
        const { serialization, resources } = value.predicate;
        value.predicate = { resources: resources.reverse(), serialization };
      });
      const { manifest } = await readAs(one, step);
      assert.deepEqual(
        [...manifest.files].map(([name]) => name),
        ['a', 'a-b', 'a/b', 'b'],
      );
      assert.deepEqual(manifest.deviations, ['its files are not in the order of the specification']);
      assert.equal(manifest.files.get(fromText('a/b')), hex('x'));
    }
  });

  it('says something else where two lists name files otherwise, whose digests are the same', async () => {
    const digestOf = async (change: (one: Draft) => void) => (await readAs(draft(change), 100)).manifest.files.digest;
    const resourcesOf = (one: Draft) => one.predicate.resources;
    const same = await digestOf(() => {});
    assert.equal(await digestOf(() => {}), same);
    for (const change of [
      (one: Draft) => (resourcesOf(one)[0].name = 'c'),
      (one: Draft) => {
        // One letter from one name to the other.
        resourcesOf(one)[0].name = 'ba';
        resourcesOf(one)[1].name = 'x';
      },
      (one: Draft) => (resourcesOf(one)[0].digest = hex('other')),
      (one: Draft) => resourcesOf(one).pop(),
    ])
      assert.notEqual(await digestOf(change), same);
  });

  const entry = (name: string) => ({ name, algorithm: 'sha256', digest: hex('q') });
  for (const [what, change, why] of [
    [
      'a file twice, one after the other',
      (value: Draft) => {
        value.predicate.resources = [entry('a'), entry('a'), entry('b')];
      },
      /"a" is listed twice/,
    ],
    ['a file twice, far apart', (value: Draft) => value.predicate.resources.push(entry('a')), /"a" is listed twice/],
    [
      'a file twice, once escaped',
      (value: Draft) => value.predicate.resources.push(entry('\u0061')),
      /"a" is listed twice/,
    ],
    ['half a letter', (value: Draft) => value.predicate.resources.push(entry('x\ud800')), /not Unicode/],
    [
      'a name that is too long',
      (value: Draft) => value.predicate.resources.push(entry('x'.repeat(5000))),
      /longer than/,
    ],
    ['a name that leads out', (value: Draft) => value.predicate.resources.push(entry('x/../../y')), /leads out/],
    [
      'a file without a digest',
      (value: Draft) => value.predicate.resources.push({ name: 'x', algorithm: 'sha256' }),
      /digest is not text/,
    ],
    [
      'a digest in capitals',
      (value: Draft) => value.predicate.resources.push({ ...entry('x'), digest: hex('q').toUpperCase() }),
      /is not one of sha256/,
    ],
    [
      'a digest of another length',
      (value: Draft) => value.predicate.resources.push({ ...entry('x'), digest: hex('q') + hex('q') }),
      /is not one of sha256/,
    ],
    [
      'many algorithms',
      (value: Draft) =>
        value.predicate.resources.push(
          ...['a1', 'a2', 'a3', 'a4'].map((algorithm, i) => ({ ...entry(`x${i}`), algorithm })),
        ),
      /many algorithms/,
    ],
    ['what is no object', (value: Draft) => value.predicate.resources.push('x'), /not an object/],
    [
      'a number for a name',
      (value: Draft) => value.predicate.resources.push({ ...entry('x'), name: 1e300 }),
      /name is not text/,
    ],
    ['another key beside it', (value: Draft) => (value.predicate.more = 1), /unknown key "more"/],
    [
      'another key in its statement',
      (value: Draft) => (value['predicate.resources'] = []),
      /unknown key predicate.resources/,
    ],
    [
      'digests of another hash',
      (value: Draft) => {
        value.predicate.serialization.hash_type = 'blake2b';
        for (const one of value.predicate.resources) one.algorithm = 'blake2b';
      },
      /not ones of blake2b/,
    ],
  ] as const)
    it(`with ${what} is refused`, async () => {
      for (const step of STEPS)
        await assert.rejects(
          readAs(draft(change), step),
          (error) => error instanceof MalformedError && why.test(error.message),
        );
    });
});
