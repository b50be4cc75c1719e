// Archives, names and policies.
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import { Decompressor } from '../../src/archive/decompress.ts';
import { collisionKey, safePath } from '../../src/archive/entry-path.ts';
import { TarReader } from '../../src/archive/tar.ts';
import { requirePath } from '../../src/evidence/model-signature.ts';
import { fromText } from '../../src/fs/index.ts';
import { compileImagePattern, PatternFault } from '../../src/plan/policy/image-pattern.ts';
import { readPolicy } from '../../src/plan/policy/read-policy.ts';
import { parseRecords } from '../../src/pull/index.ts';
import { bytesOf, damaged, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const KEY = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE';

/** A header of ustar, with a right checksum. */
function header(name: string, type: string, size: string): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100);
  block.write(size, 124, 12);
  block.write(type, 156, 1);
  block.write('ustar\0', 257, 6);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return block;
}

const member = fc
  .record({
    name: fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('../a', '/a', 'a/../b', 'a/', '', './a')),
    type: fc.constantFrom('0', '5', '1', '2', 'x', 'g', 'L', 'K', '7', 'S', 'V', '\0', 'Z'),
    size: fc.oneof(fc.nat(600), fc.constantFrom(2 ** 33 - 1, 1 << 21)),
    content: fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc
        .array(
          fc.constantFrom(
            '11 path=a\n',
            '12 size=99\n',
            '20 size=-1\n',
            '6 a=b\n',
            '30 GNU.sparse.major=1\n',
            ' ',
            '=',
            '\n',
            '99',
          ),
          { maxLength: 6 },
        )
        .map((parts) => Buffer.from(parts.join(''))),
    ),
    isHonest: fc.boolean(),
  })
  .map(({ name, type, size, content, isHonest }) => {
    const length = isHonest ? content.length : size;
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
    return Buffer.concat([header(name, type, length.toString(8)), content, padding]);
  });
const tar: Arbitrary<Uint8Array> = fc
  .tuple(fc.array(member, { maxLength: 5 }), fc.constantFrom(0, 512, 1024, 1536))
  .map(([members, end]) => Buffer.concat([...members, Buffer.alloc(end)]));
const archive = Buffer.concat([header('a/b', '0', '5'), Buffer.from('hello'), Buffer.alloc(507 + 1024)]);

const name = fc
  .array(
    fc.constantFrom(
      'a',
      '/',
      '//',
      './',
      '../',
      '.',
      '..',
      '\\',
      '\n',
      'é',
      '\0',
      'C:',
      'a'.repeat(300),
      '/'.repeat(5000),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

const policy = `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: m}
spec:
  mode: Enforce
  failurePolicy: Fail
  attestors:
    - name: key
      cosign:
        key:
          data: |
            -----BEGIN PUBLIC KEY-----
            ${KEY}
            -----END PUBLIC KEY-----
    - name: ci
      cosign: {keyless: {identities: [{issuer: "https://a", subjectRegExp: "b.*"}]}}
  artifacts:
    - name: weights
      path: /models/m
      require:
        - anyOf: [{sha256: ${'ab'.repeat(32)}}, {signature: {attestors: [ci], threshold: 1}}]
        - attestation: {type: "https://slsa.dev/provenance/v1", attestors: [ci], conditions: ["predicate.a == 'b'"]}
`;

export const archives: readonly Target[] = [
  {
    name: 'tar',
    input: fc.oneof(tar, damaged([archive])),
    parse: (bytes) => {
      const reader = new TarReader({ entry: ({ name: path }) => safePath(path), data() {}, end() {} });
      for (let at = 0; at < bytes.length; at += 700) reader.push(bytes.subarray(at, at + 700));
      reader.finish();
    },
  },
  ...(['gzip', 'zstd'] as const).map(
    (kind): Target => ({
      name: kind,
      input: damaged(
        [archive, Buffer.alloc(100_000), Buffer.alloc(0)].map((bytes) =>
          kind === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes),
        ),
      ),
      parse: async (bytes) => {
        const decompressor = new Decompressor(kind, () => {});
        const half = bytes.length >> 1;
        await decompressor.push(bytes.subarray(0, half));
        await decompressor.push(bytes.subarray(half));
        await decompressor.finish();
      },
    }),
  ),
  {
    name: 'entry-path',
    input: fc.oneof(bytesOf(name), noise),
    parse: (bytes) => {
      const path = safePath(bytes);
      if (typeof path === 'string') {
        if (/(^|\/)\.\.?(\/|$)|^\/|\\|\0|\/\//.test(path)) throw new Error(`an unsafe path was let pass: ${path}`);
        collisionKey(path);
      }
      return requirePath(fromText(bytes.toString()), []);
    },
  },
  {
    name: 'policy',
    input: fc.oneof(
      damaged([Buffer.from(policy)]),
      bytesOf(
        fc
          .array(fc.constantFrom(...policy.split('\n'), '&a [*a,*a]', '<<: *a', '!!js/function', '? {', '- - -'), {
            maxLength: 12,
          })
          .map((lines) => lines.join('\n')),
      ),
    ),
    parse: (bytes) => readPolicy(bytes.toString(), 'policy.yaml'),
  },
  {
    name: 'image-pattern',
    input: fc
      .array(fc.oneof(fc.constantFrom('*', '**', '/', 'r.test', 'docker.io', ':443', 'a', '-'), fc.string()), {
        maxLength: 300,
      })
      .map((parts) => Buffer.from(parts.join(''))),
    parse: (bytes) => {
      try {
        return compileImagePattern(bytes.toString())(`r.test/${'a'.repeat(240)}`);
      } catch (error) {
        if (error instanceof PatternFault) return undefined;
        throw error;
      }
    },
  },
  {
    name: 'marker',
    input: reshaped([
      {
        archives: [
          { digest: `sha256:${'ab'.repeat(32)}`, frames: gzipSync('a').toString('base64'), files: ['a', 'b/c'] },
        ],
      },
    ]),
    parse: (bytes) => parseRecords(JSON.parse(bytes.toString())),
  },
];
