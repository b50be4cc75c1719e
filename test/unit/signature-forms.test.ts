// Files that hold signatures: what they may have in them, what counts as what, and what is read
// before it is verified.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Proofs, type Purpose, proveFiles, proveStored } from '../../src/evidence/index.ts';
import type { Attestor } from '../../src/trust/index.ts';
import { type Draft, envelope, hex, keyBundle, modelStatement, pae, sha256 } from '../evidence/world.ts';

const fixture = (name: string) => readFileSync(fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url)));
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const STATEMENT = 'https://in-toto.io/Statement/v1';
const COSIGN_SIGN = 'https://sigstore.dev/cosign/sign/v1';
const FILE = 'the file';
const DIGEST = hex(FILE);

function by(key: KeyObject, logs: Partial<Attestor['logs']> = {}): Attestor & { kind: 'key' } {
  return {
    kind: 'key',
    name: 'release',
    pem: key.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: '',
    logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0, ...logs },
    trustedRoot: 'public-good',
  };
}

async function prove(
  content: Draft,
  options: { purpose?: Purpose; attestor?: Attestor; legacyModels?: boolean; digest?: string } = {},
): ReturnType<typeof proveFiles> {
  const { purpose = 'signature', attestor = by(publicKey), digest = DIGEST, ...accepted } = options;
  const bytes = Buffer.isBuffer(content)
    ? content
    : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return proveFiles([{ path: 'x.sig', bytes, links: 1 }], [attestor], new Map([['sha256', digest]]), purpose, accepted);
}

const why = ({ rejected }: Proofs) => rejected.map((one) => `${one.code}: ${one.why}`).join('; ');

function counts(found: Proofs): void {
  assert.equal(found.proofs.length, 1, why(found));
}

function countsNot(found: Proofs, reason: RegExp): void {
  assert.equal(found.proofs.length, 0);
  assert.match(why(found), reason);
}

const message = (content = FILE, key = privateKey): Draft => ({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
  messageSignature: {
    messageDigest: { algorithm: 'SHA2_256', digest: sha256(content).toString('base64') },
    signature: sign('sha256', Buffer.from(content), key).toString('base64'),
  },
});

const statement = (predicateType: string, change: Draft = {}): Draft => ({
  _type: STATEMENT,
  subject: [{ name: 'x', digest: { sha256: DIGEST } }],
  predicateType,
  predicate: {},
  ...change,
});

/** Every object in a document, by a path to it. */
function objectsIn(value: Draft, path: (string | number)[] = []): (string | number)[][] {
  if (value === null || typeof value !== 'object') return [];
  const below = Object.entries(value).flatMap(([key, one]) => objectsIn(one, [...path, key]));
  return Array.isArray(value) ? below : [path, ...below];
}

function withKey(document: Draft, path: readonly (string | number)[], key: string, value: unknown): Draft {
  const copy = structuredClone(document);
  let at = copy;
  for (const step of path) at = at[step];
  at[key] = value;
  return copy;
}

describe('15.2: what a signature file may have in it', () => {
  const logged = JSON.parse(fixture('public-good/provenance.sigstore.json').toString());
  const legacy = {
    base64Signature: sign('sha256', Buffer.from(FILE), privateKey).toString('base64'),
    rekorBundle: { SignedEntryTimestamp: '', Payload: { body: '', integratedTime: 1, logIndex: 1, logID: '' } },
  };
  const bare = envelope(Buffer.from('{}'), Buffer.from('x'));
  const documents: [string, Draft][] = [
    ['a bundle of a file', message()],
    ['a bundle of a statement', keyBundle(modelStatement({ a: 'a' }), privateKey)],
    ['a bundle with log entries', logged],
    ['what cosign wrote before there were bundles', legacy],
    ['an envelope by itself', bare],
  ];

  for (const [name, document] of documents)
    it(`15.2: ${name} with a key that its format does not have is refused, at every level`, async () => {
      const places = objectsIn(document);
      assert.ok(places.length > 0);
      for (const path of places) {
        const found = await prove(withKey(document, path, 'auto_map', { AutoModel: 'evil.Model' }));
        countsNot(found, /unknown key "auto_map"/);
        assert.deepEqual(found.closed, [], 'a file with something else in it is left out of the listing');
      }
    });

  it('15.2: text may not be more than text', async () => {
    for (const path of [
      ['mediaType'],
      ['dsseEnvelope', 'payloadType'],
      ['verificationMaterial', 'publicKey', 'hint'],
    ]) {
      const at = path.slice(0, -1);
      const key = path.at(-1) ?? '';
      const bundle = keyBundle(modelStatement({ a: 'a' }), privateKey);
      for (const value of [{ model_type: 'x' }, ['x']])
        countsNot(await prove(withKey(bundle, at, key, value)), /not text/);
    }
    const keyid = withKey(keyBundle({}, privateKey), ['dsseEnvelope', 'signatures', 0], 'keyid', { x: 1 });
    countsNot(await prove(keyid), /keyid is not text/);
  });

  it('15.2: nothing stands before it, after it, or in it twice', async () => {
    const text = JSON.stringify(message());
    counts(await prove(text));
    counts(await prove(`${text}\n`));
    counts(await prove(`${text}\r\n`));
    counts(await prove(JSON.stringify(message(), null, 2)));
    const bad: string[] = [
      `\ufeff${text}`,
      ` ${text}`,
      `\n${text}`,
      `${text} `,
      `${text}\n\n`,
      `${text}\0`,
      `${text}x`,
      `${text}{}`,
      `${text},{}`,
      `[${text}]`,
      `// x\n${text}`,
      text.replace('"mediaType"', '"mediaType":"x","mediaType"'),
      text.replace('"signature"', '"signature":"","\\u0073ignature"'),
    ];
    for (const one of bad) {
      const found = await prove(one);
      // The first document may count; what is around it is never left out of the listing.
      assert.deepEqual(found.closed, [], one.slice(0, 40));
      assert.notEqual(found.rejected.length, 0, one.slice(0, 40));
    }
  });

  it('15.2: a model signature has the fields of its specification and no others', async () => {
    const model = modelStatement({ a: 'a' });
    counts(await prove(keyBundle(model, privateKey)));
    for (const path of [[], ['predicate'], ['predicate', 'serialization']])
      countsNot(await prove(keyBundle(withKey(model, path, 'x', 1), privateKey)), /unknown key/);
    // OMS section 6.1: what a resource has more is ignored.
    counts(await prove(keyBundle(withKey(model, ['predicate', 'resources', 0], 'x', 1), privateKey)));
  });

  it('15.2: a signature without a format of its own is left out of no listing', async () => {
    const detached = sign('sha256', Buffer.from(FILE), privateKey);
    for (const bytes of [
      detached,
      Buffer.from(detached.toString('base64')),
      Buffer.from(`${detached.toString('base64')}\n`),
    ]) {
      const found = await prove(bytes);
      counts(found);
      assert.deepEqual(found.closed, []);
    }
    countsNot(await prove(Buffer.alloc(5000, 0x61)), /no signature of a kind/);
    countsNot(await prove(Buffer.alloc(0)), /empty/);
  });
});

describe('15.8: a signature says "this is ours" and nothing else', () => {
  const review = statement('https://acme.example/review/v1', { predicate: { verdict: 'REJECTED' } });
  const kinds: [string, Draft, boolean][] = [
    ['cosign sign-blob', message(), true],
    ['a statement of cosign sign', keyBundle(statement(COSIGN_SIGN), privateKey), true],
    ['weighlock sign, of the one file', keyBundle(modelStatement({ x: FILE }), privateKey), true],
    ['a review that says REJECTED', keyBundle(review, privateKey), false],
    [
      'a vulnerability scan',
      keyBundle(statement('https://cosign.sigstore.dev/attestation/vuln/v1'), privateKey),
      false,
    ],
    ['a provenance', keyBundle(statement('https://slsa.dev/provenance/v1'), privateKey), false],
    ['an SBOM', keyBundle(statement('https://spdx.dev/Document'), privateKey), false],
    ['a type like that of a signature', keyBundle(statement('sigstore.dev/cosign/sign/v1'), privateKey), false],
    ['a later version of it', keyBundle(statement('https://sigstore.dev/cosign/sign/v2'), privateKey), false],
    ['a legacy model', keyBundle(statement('https://model_signing/Digests/v0.1'), privateKey), false],
  ];
  for (const [name, bundle, isSignature] of kinds) {
    it(`15.8: ${name} is ${isSignature ? 'one' : 'none'}, in a file`, async () => {
      const found = await prove(bundle);
      if (isSignature) counts(found);
      else countsNot(found, /of the type|before OpenSSF/);
    });

    it(`15.8: ${name} is no attestation of a type that is asked for`, async () => {
      const purpose = { predicateType: 'https://acme.example/approval/v1' };
      countsNot(await prove(bundle, { purpose }), /plain signature|of the type/);
    });
  }

  it('15.8: an attestation counts as its own type, and as that only', async () => {
    const predicateType = 'https://acme.example/review/v1';
    counts(await prove(keyBundle(review, privateKey), { purpose: { predicateType } }));
    counts(await prove(keyBundle(statement('acme.example/review/v1'), privateKey), { purpose: { predicateType } }));
    for (const other of [`${predicateType}1`, 'https://acme.example/review/v2', 'acme.example/review/v1'])
      countsNot(await prove(keyBundle(review, privateKey), { purpose: { predicateType: other } }), /of the type/);
  });

  it('15.8: the same of what a registry stores', async () => {
    const stored = (bundle: Draft) => [
      { form: 'bundle' as const, bytes: Buffer.from(JSON.stringify(bundle)), annotations: {}, where: 'a referrer' },
    ];
    const ask = (bundle: Draft, purpose: Purpose = 'signature') =>
      proveStored(stored(bundle), [by(publicKey)], DIGEST, purpose, {});
    counts(await ask(keyBundle(statement(COSIGN_SIGN), privateKey)));
    countsNot(await ask(keyBundle(review, privateKey)), /of the type/);
    countsNot(await ask(keyBundle(statement('sigstore.dev/cosign/sign/v1'), privateKey)), /of the type/);
    countsNot(await ask(message()), /signature of a file/);
    countsNot(
      await ask(keyBundle(statement(COSIGN_SIGN), privateKey), { predicateType: 'https://x/y' }),
      /of the type/,
    );
  });

  it('15.8: who asks for logs gets them for everything but a model', async () => {
    const attestor = by(publicKey, { transparencyLogs: 1 });
    countsNot(await prove(keyBundle(statement(COSIGN_SIGN), privateKey), { attestor }), /tlog/);
    countsNot(await prove(message(), { attestor }), /tlog/);
    counts(await prove(keyBundle(modelStatement({ x: FILE }), privateKey), { attestor }));
  });
});

describe('15.26: a payload is read after its signature was verified', () => {
  /** The longest text that was parsed meanwhile. */
  async function longestParsed(t: import('node:test').TestContext, action: () => Promise<unknown>): Promise<number> {
    const parse = t.mock.method(JSON, 'parse');
    await action();
    const longest = Math.max(0, ...parse.mock.calls.map((call) => String(call.arguments[0]).length));
    parse.mock.restore();
    return longest;
  }
  const ITEM = '[1,2,3,4,5,6,7],';
  const junk = (bytes: number) => Buffer.from(`{"x":[${ITEM.repeat(bytes / ITEM.length)}0]}`);

  it('15.26: 45 MB of junk by nobody are hashed, and never parsed', async (t) => {
    const payload = junk(45 << 20);
    const bundle = JSON.stringify({
      ...keyBundle({}, privateKey),
      dsseEnvelope: envelope(payload, Buffer.from('AAAA')),
    });
    const parse = t.mock.method(JSON, 'parse');
    countsNot(await prove(bundle, { legacyModels: false }), /not a signature by this key/);
    const texts = parse.mock.calls.map((call) => String(call.arguments[0]));
    parse.mock.restore();
    // The bundle itself, once: one long piece of base64, and nothing of what it stands for.
    assert.deepEqual(
      texts.filter((text) => text.includes(ITEM)),
      [],
    );
    assert.equal(texts.filter((text) => text.length > 1000).length, 1);
  });

  it('15.26: in every form, by a stranger, nothing of a payload is parsed', async (t) => {
    const payload = junk(1 << 20);
    const signature = sign('sha256', pae(payload), stranger.privateKey);
    const bare = JSON.stringify(envelope(payload, signature));
    const forms: [string, string | Buffer][] = [
      ['a bundle', JSON.stringify({ ...keyBundle({}, privateKey), dsseEnvelope: envelope(payload, signature) })],
      ['an envelope', bare],
      ['an old bundle', JSON.stringify({ base64Signature: Buffer.from(bare).toString('base64') })],
    ];
    for (const [name, bytes] of forms)
      for (const legacyModels of [false, true]) {
        const parse = t.mock.method(JSON, 'parse');
        countsNot(await prove(bytes, { legacyModels }), /not a signature by this key/);
        const isRead = parse.mock.calls.some((call) => String(call.arguments[0]).includes(ITEM));
        parse.mock.restore();
        assert.equal(isRead, false, name);
      }
  });

  it('15.26: of a plain image signature nothing is parsed either', async (t) => {
    const payload = junk(1 << 20);
    const stored = [
      {
        form: 'simplesigning' as const,
        bytes: payload,
        annotations: {
          'dev.cosignproject.cosign/signature': sign('sha256', payload, stranger.privateKey).toString('base64'),
        },
        where: 'sha256-x.sig',
      },
    ];
    const longest = await longestParsed(t, async () =>
      countsNot(await proveStored(stored, [by(publicKey)], DIGEST, 'signature', {}), /not a signature by this key/),
    );
    assert.ok(longest < 1000, `${longest} characters were parsed`);
  });

  it('15.26: a bundle of millions of values is not made into objects', async (t) => {
    const text = JSON.stringify(message()).replace('{', `{"x":[${'1,'.repeat(30_000)}1],`);
    const longest = await longestParsed(t, async () => countsNot(await prove(text), /more than 20000 values/));
    assert.equal(longest, 0);
  });

  it('15.26: what is signed is read within limits, too', async () => {
    const many = `{"_type":"${STATEMENT}","x":[${'0,'.repeat(2_000_001)}0]}`;
    countsNot(await prove(keyBundle(many, privateKey)), /more than 2000000 values/);
    countsNot(await prove(keyBundle(`{"x":${'['.repeat(100)}${']'.repeat(100)}}`, privateKey)), /levels deep/);
  });

  it('15.26: the body of a log entry is small', async () => {
    const body = Buffer.from(`{"x":"${'a'.repeat(200_000)}"}`).toString('base64');
    const rekorBundle = {
      SignedEntryTimestamp: '',
      Payload: { body, integratedTime: 1, logIndex: 1, logID: 'a'.repeat(64) },
    };
    countsNot(await prove({ base64Signature: 'AAAA', rekorBundle }), /body of the log entry is too large/);
  });
});

describe('15.24: signatures of other tools, and of other times', () => {
  const key = (name: string): Attestor => ({ ...by(publicKey), pem: fixture(`cosign/${name}.pub`).toString() });

  it('15.24: several bundles on lines are each judged by themselves', async () => {
    const good = JSON.stringify(message());
    const foreign = JSON.stringify(message(FILE, stranger.privateKey));
    const broken = JSON.stringify({ ...message(), mediaType: 'x' });
    for (const lines of [
      [good, foreign],
      [foreign, good, ''],
      [broken, good],
      [good, broken],
    ]) {
      const found = await prove(lines.join('\n'));
      counts(found);
      assert.equal(found.closed.length, lines.includes(broken) ? 0 : 1);
    }
    countsNot(await prove(`${foreign}\n${broken}\n`), /not a signature by this key.*|unknown bundle type/);
    countsNot(await prove(Array.from({ length: 101 }, () => foreign).join('\n')), /more than 100 signatures/);
    const pretty = JSON.stringify(message(), null, 2);
    assert.match(why(await prove(`${pretty}\n${pretty}`)), /not one on each line/);
  });

  it('15.24: an envelope by itself, or in an old bundle, is an attestation of its type', async () => {
    const predicateType = 'https://acme.example/review/v1';
    const payload = Buffer.from(JSON.stringify(statement(predicateType)));
    const bare = JSON.stringify(envelope(payload, sign('sha256', pae(payload), privateKey)));
    const old = { base64Signature: Buffer.from(bare).toString('base64') };
    for (const form of [bare, old]) {
      counts(await prove(form, { purpose: { predicateType } }));
      countsNot(await prove(form), /of the type/);
      countsNot(await prove(form, { purpose: { predicateType }, attestor: by(stranger.publicKey) }), /by this key/);
    }
  });

  it('15.24: a file may be known by its SHA-512 alone', async () => {
    const sha512 = 'ab'.repeat(64);
    const predicateType = 'https://slsa.dev/provenance/v1';
    const ask = (subject: object[]) =>
      prove(keyBundle(statement(predicateType, { subject }), privateKey), { purpose: { predicateType } });
    const { proofs } = await ask([{ name: 'pkg:npm/x@1', digest: { sha512 } }]);
    assert.deepEqual(proofs[0]?.binding, { kind: 'file', hash: 'sha512', digests: [sha512] });
    const both = await ask([{ digest: { sha512, sha256: DIGEST } }, { digest: { sha512: 'cd'.repeat(64) } }]);
    assert.deepEqual(
      both.proofs.map(({ binding }) => binding.kind === 'file' && [binding.hash, binding.digests]),
      [
        ['sha256', [DIGEST]],
        ['sha512', ['cd'.repeat(64)]],
      ],
    );
    for (const digest of [
      { md5: 'ab'.repeat(16) },
      { sha512: sha512.toUpperCase() },
      { sha512: '' },
      { sha256: sha512 },
    ])
      countsNot(await ask([{ digest }]), /no.* digest that is known/);
  });

  it('15.24: a model signature is a statement in force, and its hint is of its key (OMS sections 4 and 5)', async () => {
    const model = modelStatement({ a: 'a' });
    const old = { ...model, _type: 'https://in-toto.io/Statement/v0.1' };
    countsNot(await prove(keyBundle(old, privateKey)), /not a statement of the type/);
    const hinted = (hint: string) =>
      keyBundle(model, privateKey, { verificationMaterial: { publicKey: { hint }, tlogEntries: [] } });
    countsNot(await prove(hinted('ab'.repeat(32))), /hint names another key/);
    counts(await prove(hinted('')));
    counts(await prove(hinted(hex(publicKey.export({ type: 'spki', format: 'pem' }).toString()))));
    counts(await prove(hinted(hex(publicKey.export({ type: 'spki', format: 'der' })))));
  });

  it('15.24: one of before 1.0 says which flag is missing, by whomever it is made', async () => {
    const oms = (name: string): Attestor => ({
      ...by(publicKey),
      pem: fixture(`model-signing/keys/${name}.pub`).toString(),
    });
    for (const [name, signer] of [
      ['legacy-key', 'prime256v1'],
      ['legacy-secp384r1', 'secp384r1'],
    ] as const) {
      const bytes = fixture(`model-signing/${name}.sig`);
      countsNot(await prove(bytes, { attestor: oms(signer) }), /before OpenSSF.*--allow-legacy-model-signatures/);
      counts(await prove(bytes, { attestor: oms(signer), legacyModels: true }));
      countsNot(await prove(bytes, { attestor: oms('secp521r1') }), /not a signature by this key/);
    }
    countsNot(await prove(keyBundle(statement('https://model_signing/Digests/v0.1'), privateKey)), /--allow-legacy/);
  });

  it('15.24: the encoding of version 0.2 counts for nothing that is not of it', async () => {
    const payload = Buffer.from(JSON.stringify(statement(COSIGN_SIGN)));
    const signed = `DSSEV1 28 application/vnd.in-toto+json ${payload.length} b'${payload}'`;
    const bundle = {
      ...keyBundle({}, privateKey),
      dsseEnvelope: envelope(payload, sign('sha256', Buffer.from(signed), privateKey)),
    };
    countsNot(await prove(bundle, { legacyModels: true }), /as model_signing 0\.2 did/);
  });

  it('15.24: what cosign v2 and v3 wrote counts', async () => {
    const data = fixture('cosign/data.bin');
    const digest = hex(data);
    const attestor = key('cosign');
    for (const name of ['data.bundle.json', 'data.old.json', 'data.sig'])
      counts(await prove(fixture(`cosign/${name}`), { attestor, digest }));
    const purpose = { predicateType: 'https://cosign.sigstore.dev/attestation/v1' };
    for (const name of ['data.attestation.json', 'data.attestation.old.json', 'data.attestation.dsse.json']) {
      const found = await prove(fixture(`cosign/${name}`), { attestor, purpose });
      counts(found);
      assert.deepEqual(found.proofs[0]?.binding, { kind: 'file', hash: 'sha256', digests: [digest] });
      countsNot(await prove(fixture(`cosign/${name}`), { attestor }), /of the type/);
    }
  });
});
