// Signatures, statements and checksums: from a volume, from a registry.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readBlobSignatures } from '../../src/evidence/blob-forms.ts';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { ChecksumsParser } from '../../src/evidence/checksums.ts';
import { legacyBundle, readSimpleSigning } from '../../src/evidence/cosign.ts';
import { readEnvelope } from '../../src/evidence/dsse.ts';
import { JsonStream } from '../../src/evidence/json-stream.ts';
import { parseLegacyManifest } from '../../src/evidence/legacy-model.ts';
import { readModelSignature } from '../../src/evidence/model-signature.ts';
import type { SignedPayload } from '../../src/evidence/signed-payload.ts';
import { parseStatement, predicateTypeOf } from '../../src/evidence/statement.ts';
import { Fields, MalformedError, parseStrictJson } from '../../src/evidence/strict-json.ts';
import { bytesOf, damaged, fixture, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const jsonOf = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8'));
/** A payload as if somebody trusted had signed it: they may be hostile, too. */
const signed = (bytes: Buffer) =>
  ({
    json: (what: string, mostValues?: number) => parseStrictJson(bytes, what, mostValues),
    length: bytes.length,
    pieces: () => inPieces(bytes),
  }) as SignedPayload;

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

const HEX = 'ab'.repeat(32);
const toBytes = (value: unknown) => Buffer.from(JSON.stringify(value));

/** What a text is, read as a stream in pieces of three bytes. @throws MalformedError */
function inStream(bytes: Buffer): unknown {
  const parts = new Map<string, Map<string, unknown>>([
    ['', new Map()],
    ['predicate', new Map()],
  ]);
  const lists: unknown[] = [];
  const stream = new JsonStream(
    { predicate: { resources: 'list' } },
    {
      value: (inside, key, value) => parts.get(inside)?.set(key, value),
      elements: (inside, key, elements) => {
        lists.push(...elements);
        parts.get(inside)?.set(key, lists);
      },
    },
    'it',
  );
  for (let at = 0; at < bytes.length; at += 3) stream.push(bytes.subarray(at, at + 3));
  stream.end();
  const inner = parts.get('predicate') ?? new Map();
  return {
    ...Object.fromEntries(parts.get('') ?? []),
    ...(inner.size > 0 ? { predicate: Object.fromEntries(inner) } : {}),
  };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

const bundles = [
  ...['prime256v1', 'shards-sha256', 'codeSigning', 'files-blake2'].map((name) => fixture(`model-signing/${name}.sig`)),
  fixture('cosign/data.bundle.json'),
  fixture('cosign/data.attestation.json'),
  fixture('public-good/provenance.sigstore.json'),
  fixture('public-good/a.txt.sigstore'),
];
const envelopes = bundles.map((bytes) => jsonOf(bytes).dsseEnvelope).filter((one) => one !== undefined);
const statements = [
  ...envelopes.map(({ payload }) => jsonOf(Buffer.from(payload, 'base64'))),
  ...['legacy-key.sig'].map((name) =>
    jsonOf(Buffer.from(jsonOf(fixture(`model-signing/${name}`)).dsseEnvelope.payload, 'base64')),
  ),
];

/** Brackets, strings and numbers in any order; much nesting. */
const tokens = bytesOf(
  fc
    .array(fc.constantFrom('{', '}', '[', ']', '"a"', '"a":', ':', ',', '1', 'null', '"\\u0061"', ' ', '[[[[[[[['), {
      maxLength: 40,
    })
    .map((parts) => parts.join('')),
);

const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(HEX, HEX.toUpperCase(), 'ab', ''),
      fc.constantFrom('  ', ' *', ' ', '\t'),
      fc.string({ unit: 'binary', maxLength: 12 }),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('', '\\'), fc.string({ maxLength: 8 }))
    .map(([prefix, name]) => `${prefix}SHA256 (${name}) = ${HEX}`),
  fc.constantFrom('#', '', '\r', `\\${HEX}  a\\nb`, `${HEX}  ../a`, `${HEX}  ${'a/'.repeat(3000)}`, `${HEX}  /a`),
);

export const evidence: readonly Target[] = [
  {
    name: 'strict-json',
    input: fc.oneof(tokens, reshaped([...statements, ...envelopes]), damaged(bundles), noise),
    parse: (bytes) => parseStrictJson(bytes, 'it'),
  },
  { name: 'bundle', input: fc.oneof(reshaped(bundles.map(jsonOf)), damaged(bundles)), parse: parseBundle },
  {
    name: 'dsse',
    input: fc.oneof(reshaped(envelopes), damaged(envelopes.map((one) => Buffer.from(JSON.stringify(one))))),
    parse: (bytes) => readEnvelope(new Fields(parseStrictJson(bytes, 'it'), 'it')),
  },
  {
    name: 'statement',
    input: fc.oneof(reshaped(statements), damaged(statements.map((one) => Buffer.from(JSON.stringify(one))))),
    parse: (bytes) => parseStatement(signed(bytes)),
  },
  {
    name: 'model-signature',
    input: fc.oneof(reshaped(statements), damaged(statements.map((one) => Buffer.from(JSON.stringify(one))))),
    parse: async (bytes) => {
      const type = await predicateTypeOf(signed(bytes));
      if (type.includes('Digests')) return parseLegacyManifest(parseStatement(signed(bytes)));
      return readModelSignature(signed(bytes));
    },
  },
  {
    name: 'json-stream',
    input: fc.oneof(tokens, reshaped([...statements, ...envelopes]), damaged(statements.map(toBytes)), noise),
    parse: (bytes) => {
      const whole = attempt(() => parseStrictJson(bytes, 'it', 1 << 20));
      const streamed = attempt(() => inStream(bytes));
      const isObject = typeof whole === 'object' && whole !== null && !Array.isArray(whole);
      // Of a predicate without keys nothing is said.
      if (isObject && 'predicate' in whole && isEmpty(whole.predicate))
        delete (whole as { predicate?: unknown }).predicate;
      assert.deepEqual(streamed, isObject ? whole : undefined, 'read as a stream, it is something else');
    },
  },
  {
    name: 'cosign',
    input: fc.oneof(
      reshaped([jsonOf(fixture('cosign/data.old.json'))]),
      damaged([fixture('cosign/data.old.json'), fixture('cosign/data.sig')]),
    ),
    parse: (bytes) => {
      for (const one of readBlobSignatures(bytes).signatures) if ('over' in one) one.over('sha256', HEX);
    },
  },
  {
    name: 'cosign-annotations',
    input: reshaped([
      {
        payload: {
          critical: {
            identity: { 'docker-reference': 'a' },
            image: { 'docker-manifest-digest': `sha256:${HEX}` },
            type: 'cosign container image signature',
          },
          optional: { a: 'b' },
        },
        annotations: {
          'dev.cosignproject.cosign/signature': 'YQ==',
          'dev.sigstore.cosign/certificate': fixture('private-pki/short.pem').toString(),
          'dev.sigstore.cosign/chain': fixture('private-pki/root.pem').toString(),
          'dev.sigstore.cosign/bundle': jsonOf(fixture('cosign/data.old.json')).rekorBundle ?? {
            SignedEntryTimestamp: 'YQ==',
            Payload: { body: 'e30=', integratedTime: 1, logIndex: 1, logID: HEX },
          },
          'dev.sigstore.cosign/rfc3161timestamp': { SignedRFC3161Timestamp: 'YQ==' },
        },
      },
    ]),
    parse: (bytes) => {
      const { payload, annotations } = jsonOf(bytes);
      const payloadBytes = Buffer.from(JSON.stringify(payload ?? null));
      // Annotations are checked to be text when the manifest is parsed.
      const texts = Object.entries(annotations ?? {}).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]);
      legacyBundle('simplesigning', payloadBytes, Object.fromEntries(texts));
      return readSimpleSigning(signed(payloadBytes));
    },
  },
  {
    name: 'checksums',
    input: fc.oneof(
      bytesOf(fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'))),
      damaged([Buffer.from(`${HEX}  a\n\\${HEX} *b\\\\c\nSHA256 (d) = ${HEX}\n`)]),
    ),
    parse: (bytes) => {
      const parser = new ChecksumsParser('SHA256SUMS');
      for (let at = 0; at < bytes.length; at += 100) parser.push(bytes.subarray(at, at + 100));
      return parser.end();
    },
  },
];
