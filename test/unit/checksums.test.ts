import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { ChecksumsParser } from '../../src/evidence/index.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function parse(text: string | Buffer, pieceBytes = 7): Map<string, string> {
  const bytes = Buffer.from(text);
  const parser = new ChecksumsParser('SHA256SUMS');
  for (let i = 0; i < bytes.length; i += pieceBytes) parser.push(bytes.subarray(i, i + pieceBytes));
  return new Map([...parser.end()].map(([name, hex]) => [Buffer.from(name, 'latin1').toString(), hex]));
}

function refused(text: string | Buffer, message: RegExp): void {
  assert.throws(
    () => parse(text, 4096),
    (error) => error instanceof WeighlockError && error.code === 'CHECKSUMS_INVALID' && message.test(error.message),
  );
}

describe('a checksums file', () => {
  it('is read in the text form of sha256sum', () => {
    assert.deepEqual(parse(`${A}  config.json\n`), new Map([['config.json', A]]));
  });

  it('is read in the binary form', () => {
    assert.deepEqual(parse(`${A} *model.safetensors\n`), new Map([['model.safetensors', A]]));
  });

  it('is read in the --tag form of BSD', () => {
    assert.deepEqual(parse(`SHA256 (a (1).bin) = ${A}\n`), new Map([['a (1).bin', A]]));
  });

  it('is read with escaped names in both forms', () => {
    const expected = new Map([['a\\b\nc\rd', A]]);
    assert.deepEqual(parse(`\\${A}  a\\\\b\\nc\\rd\n`), expected);
    assert.deepEqual(parse(`\\SHA256 (a\\\\b\\nc\\rd) = ${A}\n`), expected);
  });

  it('is read whatever pieces it comes in', () => {
    const text = `${A}  ä/ö\n${B} *b\nSHA256 (c) = ${A}`;
    for (let size = 1; size < 90; size++) {
      assert.deepEqual(
        parse(text, size),
        new Map([
          ['ä/ö', A],
          ['b', B],
          ['c', A],
        ]),
      );
    }
  });

  it('may have comments, blank lines, ./ in front of names, and upper-case digits', () => {
    assert.deepEqual(parse(`# made by CI\n\n${A.toUpperCase()}  ./x/y\n`), new Map([['x/y', A]]));
  });

  it('may name a file twice with one digest, not with two', () => {
    assert.deepEqual(parse(`${A}  x\n${A}  ./x\n`), new Map([['x', A]]));
    refused(`${A}  x\n${B}  x\n`, /line 2: the same file is named twice/);
  });

  it('must not lead out of the artifact', () => {
    refused(`${A}  ../x\n`, /leads out/);
    refused(`${A}  a/../../x\n`, /leads out/);
    refused(`${A}  /x\n`, /absolute/);
    refused(`SHA256 (/etc/passwd) = ${A}\n`, /absolute/);
  });

  it('must have names in their shortest form and in UTF-8', () => {
    refused(`${A}  a//b\n`, /shortest/);
    refused(`${A}  a/./b\n`, /shortest/);
    refused(`${A}  a/\n`, /shortest/);
    refused(Buffer.concat([Buffer.from(`${A}  `), Buffer.from([0xff, 0x0a])]), /UTF-8/);
    refused(`${A}  a\0b\n`, /NUL/);
  });

  it('must name at least one file', () => {
    refused('', /names no file/);
    refused('# nothing\n\n', /names no file/);
  });

  it('must not have lines of another kind, and says where', () => {
    refused(`${A}  x\nhello\n`, /line 2: not a line of sha256sum/);
    refused(`${A} x\n`, /line 1/);
    refused(`${'a'.repeat(63)}  x\n`, /line 1/);
    refused(`${'a'.repeat(65)}  x\n`, /line 1/);
    refused(`MD5 (x) = ${'a'.repeat(32)}\n`, /line 1/);
    refused(`\\${A}  a\\tb\n`, /unknown escape/);
    refused(`${A}  x\r\n`, /carriage return/);
    refused(`\ufeff${A}  x\n`, /line 1/);
  });

  it('must not have a line of 10 MB, which is never collected', () => {
    const parser = new ChecksumsParser('SHA256SUMS');
    let pushed = 0;
    assert.throws(() => {
      for (; pushed < 10_000_000; pushed += 4096) parser.push(Buffer.alloc(4096, 0x61));
    }, /longer than/);
    assert.ok(pushed < 20_000);
  });
});
