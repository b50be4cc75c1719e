// Each rule of the formats that signatures come in, broken by itself: bundles, envelopes,
// statements, model signatures.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { preAuthEncoding } from '../../src/evidence/dsse.ts';
import { readModelSignature } from '../../src/evidence/model-signature.ts';
import type { SignedPayload } from '../../src/evidence/signed-payload.ts';
import { isAbout, parseStatement } from '../../src/evidence/statement.ts';
import { decodeBase64, MalformedError, parseStrictJson } from '../../src/evidence/strict-json.ts';
import { type Draft, hex, modelStatement, rootOf } from '../evidence/world.ts';

const read = (name: string): Draft => JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8'));

/** A payload that somebody trusted has signed. */
function signed(value: Draft): SignedPayload {
  const bytes = Buffer.from(JSON.stringify(value));
  return payloadOf(bytes);
}

/** @param step - bytes of a piece */
function payloadOf(bytes: Buffer, step = 50): SignedPayload {
  const json = (what: string, most?: number) => parseStrictJson(bytes, what, most);
  return { json, length: bytes.length, pieces: () => inPieces(bytes, step) } as SignedPayload;
}

async function* inPieces(bytes: Buffer, step: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

const bundle = (change: (draft: Draft) => void, name = 'model-signing/prime256v1.sig') => {
  const draft = read(name);
  change(draft);
  return () => parseBundle(Buffer.from(JSON.stringify(draft)));
};
const message = (change: (draft: Draft) => void) => bundle(change, 'cosign/data.bundle.json');
const statement = (change: (draft: Draft) => void) => {
  const draft = modelStatement({ a: 'a', b: 'b' });
  change(draft);
  return () => parseStatement(signed(draft));
};
const model = (change: (draft: Draft) => void) => {
  const draft = modelStatement({ a: 'a', b: 'b' });
  change(draft);
  // The digest of all is right again, so that it is not what refuses the others.
  draft.subject[0].digest.sha256 = rootOf(draft.predicate.resources);
  return () => readModelSignature(signed(draft));
};
const shards = (...names: string[]) =>
  model((draft) => {
    draft.predicate.serialization = { ...draft.predicate.serialization, method: 'shards', shard_size: 4 };
    draft.predicate.resources = names.map((name) => ({ name, algorithm: 'sha256', digest: hex(name) }));
  });

async function refuses(parse: () => unknown, why: RegExp): Promise<void> {
  const isThat = (error: unknown) => error instanceof MalformedError && why.test(error.message);
  await assert.rejects(async () => parse(), isThat);
}

describe('a bundle', () => {
  it('that is whole is read', () => {
    assert.equal(bundle(() => {})().content.kind, 'envelope');
    assert.equal(message(() => {})().content.kind, 'message');
  });

  for (const [what, parse, why] of [
    ['another type', bundle((draft) => (draft.mediaType = 'application/json')), /unknown bundle type/],
    ['two signers', bundle((draft) => (draft.verificationMaterial.certificate = { rawBytes: 'AA==' })), /2 signers/],
    ['no signer', bundle((draft) => delete draft.verificationMaterial.publicKey), /0 signers/],
    [
      'two contents',
      bundle((draft) => (draft.messageSignature = message(() => {})().json['messageSignature'])),
      /either/,
    ],
    ['no content', bundle((draft) => delete draft.dsseEnvelope), /either/],
    [
      'a digest of another length',
      message((draft) => (draft.messageSignature.messageDigest.digest = 'AAAA')),
      /wrong length/,
    ],
    [
      'a digest of another kind',
      message((draft) => (draft.messageSignature.messageDigest.algorithm = 'SHA1')),
      /unknown digest/,
    ],
    [
      'more log entries than anybody makes',
      bundle((draft) => (draft.verificationMaterial.tlogEntries = Array(33).fill({}))),
      /more than 32/,
    ],
    ['another payload type', bundle((draft) => (draft.dsseEnvelope.payloadType += 'x')), /payload type/],
    [
      'two signatures',
      bundle((draft) => draft.dsseEnvelope.signatures.push(draft.dsseEnvelope.signatures[0])),
      /one signature/,
    ],
    ['no signature', bundle((draft) => (draft.dsseEnvelope.signatures = [])), /one signature/],
  ] as const)
    it(`with ${what} is refused`, () => refuses(parse, why));

  it('has what is signed encoded with both lengths in bytes (DSSE)', () => {
    const signedBytes = preAuthEncoding('é', Buffer.from('abc'));
    assert.equal(signedBytes.toString(), 'DSSEv1 2 é 3 abc');
  });
});

describe('base64', () => {
  it('is written in one way only (S35)', () => {
    assert.deepEqual(decodeBase64('YWI=', 'it'), Buffer.from('ab'));
    for (const text of ['YWI', 'YWJ=', 'YWI=\n', ' YWI=', 'YW-_', 'YWI==', '=YWI'])
      assert.throws(() => decodeBase64(text, 'it'), /not base64/);
  });
});

describe('a statement', () => {
  for (const [what, parse, why] of [
    ['of another type', statement((draft) => (draft._type = 'https://in-toto.io/Statement/v2')), /no in-toto/],
    ['about nothing', statement((draft) => (draft.subject = [])), /about nothing/],
    ['about something without a digest', statement((draft) => (draft.subject[0].digest = {})), /0 digests/],
    [
      'with more digests than there are hashes',
      statement(
        (draft) => (draft.subject[0].digest = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [i, 'a']))),
      ),
      /33 digests/,
    ],
    ['without a predicate type', statement((draft) => (draft.predicateType = '')), /no predicate type/],
  ] as const)
    it(`${what} is refused`, () => refuses(parse, why));

  it('is about nothing by an empty digest (S29)', () => {
    const subject = { digest: new Map([['sha256', '']]), annotations: {} };
    assert.equal(isAbout([subject], ''), false);
    assert.equal(isAbout([{ ...subject, digest: new Map([['sha256', hex('a')]]) }], hex('a')), true);
  });
});

describe('a model signature', () => {
  it('that is whole is read', async () => {
    assert.equal((await model(() => {})()).manifest.files.size, 2);
    const { files } = (await shards('a:0:4', 'a:4:8', 'a:8:9', 'b:0:3')()).manifest;
    assert.deepEqual([files.size, files.count], [2, 4]);
  });

  it('must come to the digest that it is about', () => {
    const draft = modelStatement({ a: 'a', b: 'b' });
    draft.subject[0].digest.sha256 = hex('another');
    return refuses(() => readModelSignature(signed(draft)), /do not come to/);
  });

  const first = (change: (resource: Draft) => void) => model((draft) => change(draft.predicate.resources[0]));
  for (const [what, parse, why] of [
    ['of a file twice', model((draft) => draft.predicate.resources.push(draft.predicate.resources[0])), /twice/],
    ['of no file', model((draft) => (draft.predicate.resources = [])), /no file at all/],
    ['of two subjects', model((draft) => draft.subject.push(draft.subject[0])), /one subject/],
    ['of another type', model((draft) => (draft.predicateType += '.1')), /no model signature/],
    ['with a digest that is too short', first((one) => (one.digest = 'ab')), /not one of sha256/],
    ['with another hash for one file', first((one) => (one.algorithm = 'sha1')), /the algorithm/],
    ['of another method', model((draft) => (draft.predicate.serialization.method = 'tree')), /unknown serialization/],
    ['with a gap between shards', shards('a:0:4', 'a:8:12'), /leave something out/],
    ['that begins after the beginning', shards('a:4:8'), /leave something out/],
    ['with a shard that is too long', shards('a:0:4', 'a:4:12'), /leave something out/],
    ['with a short shard in between', shards('a:0:3', 'a:4:8'), /leave something out/],
    ['with an empty last shard', shards('a:0:4', 'a:4:4'), /leave something out/],
    ['with a shard without an end', shards('a:0'), /not the name of a shard/],
  ] as const)
    it(`${what} is refused`, () => refuses(parse, why));

  for (const size of [0, -4, 1.5, 2 ** 60, '4'])
    it(`in shards of ${JSON.stringify(size)} bytes is refused`, () => {
      const parse = model((draft) => {
        draft.predicate.serialization = { ...draft.predicate.serialization, method: 'shards', shard_size: size };
      });
      return refuses(parse, /shard size/);
    });
});
