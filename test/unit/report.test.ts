import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXIT_CODE_OF, type Failure } from '../../src/error/index.ts';
import { formatBytes, formatRate, formatSeconds } from '../../src/report/format.ts';
import { JsonLinesReporter, TextReporter, terminationMessage, visible } from '../../src/report/index.ts';
import { type ArtifactOutcome, exitCodeFor, type RunOutcome, resultOf, unjudged } from '../../src/verdict/index.ts';

const A = 'a'.repeat(64);

function failure(code: Failure['code'], overrides: Partial<Failure> = {}): Failure {
  return { code, message: 'something is wrong', remedy: 'mend it', ...overrides };
}

function outcome(failures: readonly Failure[], overrides: Partial<RunOutcome> = {}): RunOutcome {
  const artifact: ArtifactOutcome = {
    artifact: { name: 'model', source: { kind: 'volume', path: '/m' }, requirements: [] },
    result: resultOf(failures),
    requirements: [{ kind: 'sha256', origin: 'MODEL_SHA256', expected: A, met: false }],
    failures,
    path: '/m',
    published: false,
  };
  return {
    mode: 'Enforce',
    failurePolicy: 'Fail',
    result: resultOf(failures),
    exitCode: exitCodeFor(failures, 'Enforce', 'Fail'),
    artifacts: [artifact],
    failures: [],
    workers: 2,
    kernels: ['multi-buffer'],
    bytes: 2048,
    files: 3,
    startedAt: new Date(0),
    seconds: 2,
    ...overrides,
  };
}

describe('the line for programs', () => {
  const machine = (overrides: Partial<RunOutcome>) => {
    const text = terminationMessage(outcome([], overrides));
    assert.ok(Buffer.byteLength(text) <= 4096, `${Buffer.byteLength(text)}`);
    return JSON.parse(text.trimEnd().split('\n').pop() ?? '');
  };

  it('15.14: is there whatever the artifacts are called, and however many codes there are', () => {
    const [first] = outcome([]).artifacts;
    assert.ok(first !== undefined);
    const measured = { digest: A } as unknown as NonNullable<ArtifactOutcome['measured']>;
    for (const name of [
      'm',
      'x'.repeat(5000),
      '\u{1f4a5}'.repeat(300),
      '\x01'.repeat(300),
      '"\\'.repeat(200),
      '\ud800'.repeat(99),
    ]) {
      const artifacts = Array.from({ length: 6 }, () => ({
        ...first,
        measured,
        artifact: { ...first.artifact, name },
      }));
      const found = machine({ artifacts });
      assert.equal(found.result, 'PASSED', name.slice(0, 9));
      assert.ok(found.artifacts.length >= 1, name.slice(0, 9));
      assert.equal(found.artifacts[0].sha256, A);
    }
    const failures = Object.keys(EXIT_CODE_OF).map((code) => failure(code as Failure['code']));
    const many = machine({ failures, result: 'FAILED', exitCode: 65 });
    assert.equal(many.result, 'FAILED');
    assert.ok(many.codes.length >= 10);
  });
});

describe('the exit code', () => {
  it('is that of sysexits.h for every code', () => {
    for (const code of Object.values(EXIT_CODE_OF)) assert.ok([64, 65, 70, 75, 78, 130, 143].includes(code));
  });

  it('15.9: of any failure is never 0 under Enforce and Fail, also of one that the table does not know', () => {
    const codes = Object.keys(EXIT_CODE_OF) as Failure['code'][];
    for (const code of codes) {
      assert.equal(exitCodeFor([failure(code)], 'Enforce', 'Fail'), EXIT_CODE_OF[code], code);
      for (const other of codes) {
        const both = [failure(code), failure(other)];
        assert.notEqual(exitCodeFor(both, 'Enforce', 'Fail'), 0);
        const isViolation = both.some((one) => EXIT_CODE_OF[one.code] === 65);
        if (isViolation) assert.notEqual(exitCodeFor(both, 'Enforce', 'Ignore'), 0);
        if (isViolation) assert.notEqual(exitCodeFor(both, 'Enforce', 'Ignore'), 75);
      }
    }
    for (const mode of ['Enforce', 'Audit'] as const)
      assert.equal(exitCodeFor([failure('NOBODY_KNOWS' as Failure['code'])], mode, 'Ignore'), 70);
  });

  it('of a failed verification is 65, in Audit 0', () => {
    assert.equal(exitCodeFor([failure('DIGEST_MISMATCH')], 'Enforce', 'Ignore'), 65);
    assert.equal(exitCodeFor([failure('DIGEST_MISMATCH')], 'Audit', 'Fail'), 0);
  });

  it('of an unanswered question is 75, with failurePolicy Ignore 0', () => {
    assert.equal(exitCodeFor([failure('TIMEOUT')], 'Audit', 'Fail'), 75);
    assert.equal(exitCodeFor([failure('SOURCE_UNAVAILABLE')], 'Enforce', 'Ignore'), 0);
  });

  it('15.9: is not 0 where something did not pass, and no failure says why', () => {
    const passed = { result: 'PASSED' } as const;
    const failed = { result: 'FAILED' } as const;
    const open = { result: 'UNEVALUATED' } as const;
    for (const [artifacts, failures, codes] of [
      [[passed], [], []],
      [[passed, passed], [], []],
      [[open], [], ['INTERNAL']],
      [[passed, failed], [], ['INTERNAL']],
      [[], [], ['INTERNAL']],
      [[open], [failure('TIMEOUT')], []],
      [[], [failure('CONFIG_INVALID')], []],
    ] as const)
      assert.deepEqual(
        unjudged(artifacts, failures).map(({ code }) => code),
        codes,
      );
  });

  it('tolerates nothing else', () => {
    for (const code of [
      'CONFIG_INVALID',
      'CHECKSUMS_INVALID',
      'USAGE',
      'INTERNAL',
      'ENGINE_FAULT',
      'TERMINATED',
    ] as const) {
      assert.equal(exitCodeFor([failure(code)], 'Audit', 'Ignore'), EXIT_CODE_OF[code]);
    }
  });

  it('of several failures is that of the gravest', () => {
    const both = [failure('TIMEOUT'), failure('DIGEST_MISMATCH')];
    assert.equal(exitCodeFor(both, 'Enforce', 'Fail'), 65);
    assert.equal(exitCodeFor(both, 'Audit', 'Fail'), 75);
    assert.equal(exitCodeFor([...both, failure('CONFIG_INVALID')], 'Audit', 'Ignore'), 78);
  });

  it('15.9: of content that no volume has room for is 75, whatever the failure policy', () => {
    assert.equal(exitCodeFor([failure('NO_SPACE')], 'Enforce', 'Ignore'), 75);
    assert.equal(exitCodeFor([failure('NO_SPACE'), failure('TIMEOUT')], 'Audit', 'Ignore'), 75);
    assert.equal(exitCodeFor([failure('NO_SPACE'), failure('DIGEST_MISMATCH')], 'Enforce', 'Ignore'), 65);
  });

  it('cannot be chosen by whoever writes to the volume: a change under our eyes is a failed verification', () => {
    for (const code of ['SOURCE_CHANGED', 'UNSAFE_ENTRY', 'LIMIT_EXCEEDED', 'FILE_MISSING', 'SOURCE_EMPTY'] as const) {
      assert.equal(exitCodeFor([failure(code)], 'Enforce', 'Ignore'), 65);
    }
  });
});

describe('the termination message', () => {
  it('17.6: does not say of a pod that is running that it does not start', () => {
    const beside = (more: Partial<RunOutcome>) => terminationMessage(outcome([], { isRound: true, ...more }));
    assert.match(beside({ result: 'FAILED', exitCode: 65 }), /^weighlock FAILED \(exit 65\): the pod is not ready/);
    assert.match(beside({}), /^weighlock PASSED \(exit 0\): the pod may be ready\n/);
    assert.match(
      beside({ result: 'FAILED', mode: 'Audit' }),
      /UNVERIFIED, the pod may be ready all the same \(mode Audit/,
    );
  });

  it('says what, where, expected, found, what to do, and ends with a line for programs', () => {
    const text = terminationMessage(
      outcome([failure('DIGEST_MISMATCH', { file: 'w.bin', expected: 'x', found: 'y' })]),
    );
    assert.match(text, /^weighlock FAILED \(exit 65\): the pod does not start\n/);
    assert.match(text, /model: DIGEST_MISMATCH w\.bin: something is wrong \(expected x, found y\); do next: mend it\n/);
    const machine = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
    assert.deepEqual([machine.result, machine.exitCode, machine.codes], ['FAILED', 65, ['DIGEST_MISMATCH']]);
  });

  it('is at most 4096 bytes, counts what did not fit, and is still a whole', () => {
    for (const name of ['ä', '模', 'x'.repeat(50), '模'.repeat(3000)]) {
      const failures = Array.from({ length: 500 }, (_, i) => failure('FILE_UNEXPECTED', { file: `${name}${i}` }));
      const text = terminationMessage(outcome(failures));
      assert.ok(Buffer.byteLength(text) <= 4096, `${Buffer.byteLength(text)} bytes`);
      assert.match(text, /\n\.\.\. and \d+ more\n/);
      assert.ok(!text.includes('\ufffd'));
      assert.equal(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '').exitCode, 65);
    }
  });
});

describe('what is printed', () => {
  it('never lets a file name reach the terminal as an escape sequence or change its direction', () => {
    const hostile = 'a\x1b[2Jb\r\n\u202ec\u0000';
    assert.equal(visible(hostile), 'a\\u{1b}[2Jb\\u{d}\\n\\u{202e}c\\u{0}');
    let text = '';
    const reporter = new TextReporter(
      { write: (t) => (text += t) },
      { write: () => {} },
      { bar: false, colour: false },
    );
    reporter.artifact(outcome([failure('UNSAFE_ENTRY', { file: hostile })]).artifacts[0] as ArtifactOutcome);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\u202e]/);
  });

  it('is how far it is while small files are hashed and nobody knows yet how many bytes there are', () => {
    let [lines, bar] = ['', ''];
    const progress = { entries: 5000, totalBytes: 0, totalFiles: 0, counted: false, seconds: 10 };
    for (const done of [
      { files: 0, bytes: 0 },
      { files: 1200, bytes: 3 << 20 },
    ]) {
      new JsonLinesReporter({ write: (t) => (lines += t) }, () => new Date(0)).progress({ ...progress, ...done });
      const sinks = [{ write: () => {} }, { write: (t: string) => (bar += t) }] as const;
      new TextReporter(...sinks, { bar: true, colour: false }).progress({ ...progress, ...done });
    }
    const found = lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      found.map(({ phase, entries, files, bytes }) => [phase, entries, files, bytes]),
      [
        ['list', 5000, undefined, undefined],
        ['list', 5000, 1200, 3 << 20],
      ],
    );
    assert.match(bar, /listing: 5000 entries/);
    assert.match(bar, /1200 files of 5000 entries {2}3\.0 MiB/);
  });

  it('is one JSON object per line with time, level and event, with how much there is, and a heartbeat every 10 s', () => {
    let text = '';
    const reporter = new JsonLinesReporter({ write: (t) => (text += t) }, () => new Date(0));
    const progress = { entries: 5, files: 1, bytes: 100, totalBytes: 200, totalFiles: 2, counted: true };
    reporter.progress({ ...progress, counted: false, seconds: 3 });
    for (const seconds of [4, 9, 14, 15, 19, 24.5]) reporter.progress({ ...progress, seconds });
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ event, seconds }) => [event, seconds]),
      [
        ['progress', 4],
        ['progress', 14],
        ['progress', 24.5],
      ],
    );
    const quick = new JsonLinesReporter({ write: () => assert.fail('a short run says nothing before its end') });
    quick.progress({ ...progress, seconds: 0.9 });
    assert.deepEqual(lines[1], {
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      event: 'progress',
      phase: 'hash',
      files: 1,
      totalFiles: 2,
      bytes: 100,
      totalBytes: 200,
      bytesPerSecond: 7,
      etaSeconds: 14,
      seconds: 14,
    });
  });

  it('shows a bar with bytes, rate and time left on a terminal', () => {
    let bar = '';
    const reporter = new TextReporter({ write: () => {} }, { write: (t) => (bar = t) }, { bar: true, colour: false });
    reporter.progress({
      entries: 5,
      files: 1,
      bytes: 3 << 20,
      totalBytes: 4 << 20,
      totalFiles: 2,
      counted: true,
      seconds: 3,
    });
    assert.match(bar, /\[#{18}-{6}\] {2}75 % {2}3\.0 MiB of 4\.0 MiB {2}1\.0 MiB\/s {2}1\.00 s left$/);
  });

  it('has units that a person can read', () => {
    assert.deepEqual([0, 1023, 1024, 5 * 2 ** 30].map(formatBytes), ['0 B', '1023 B', '1.0 KiB', '5.0 GiB']);
    assert.deepEqual([0.2, 42, 185, 7620].map(formatSeconds), ['0.20 s', '42 s', '3m05s', '2h07m']);
    assert.equal(formatRate(1024, 0), '0 B/s');
  });
});
