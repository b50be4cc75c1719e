// Signatures, statements and checksums: from a volume, from a registry.
import fc from 'fast-check';
import { readBlobSignatures } from '../../src/evidence/blob-forms.ts';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { ChecksumsParser } from '../../src/evidence/checksums.ts';
import { legacyBundle, readSimpleSigning } from '../../src/evidence/cosign.ts';
import { readEnvelope } from '../../src/evidence/dsse.ts';
import { parseLegacyManifest } from '../../src/evidence/legacy-model.ts';
import { parseModelManifest } from '../../src/evidence/model-signature.ts';
import type { SignedPayload } from '../../src/evidence/signed-payload.ts';
import { parseStatement } from '../../src/evidence/statement.ts';
import { Fields, parseStrictJson } from '../../src/evidence/strict-json.ts';
import { bytesOf, damaged, fixture, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const jsonOf = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8'));
/** A payload as if somebody trusted had signed it: they may be hostile, too. */
const signed = (bytes: Buffer) =>
  ({ json: (what: string, mostValues?: number) => parseStrictJson(bytes, what, mostValues) }) as SignedPayload;

const HEX = 'ab'.repeat(32);

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
    parse: (bytes) => {
      const statement = parseStatement(signed(bytes));
      return statement.predicateType.includes('Digests')
        ? parseLegacyManifest(statement)
        : parseModelManifest(statement);
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
