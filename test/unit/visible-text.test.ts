// Whatever leaves us as text shows what is in it: nothing hides, rewrites a terminal, or turns a
// line around.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { event, namespaceReport, podReport } from '../../src/cluster/objects.ts';
import { REPORT_APIS } from '../../src/cluster/report-api.ts';
import type { Failure } from '../../src/error/index.ts';
import {
  JsonLinesReporter,
  reportText,
  TextReporter,
  terminationMessage,
  writeReport,
  writeTerminationMessage,
} from '../../src/report/index.ts';
import type { ArtifactOutcome, RunOutcome } from '../../src/verdict/index.ts';
import { jsonText, visible, visibleLines } from '../../src/visible-text.ts';
import { Metrics } from '../../src/watch/index.ts';

/** One of each family, by what it is. */
const HIDDEN: Readonly<Record<string, string>> = {
  escape: '\x1b',
  'carriage return': '\r',
  tab: '\t',
  delete: '\x7f',
  'C1, control sequence': '\x9b',
  'C1, next line': '\x85',
  'no-break space': '\xa0',
  'soft hyphen': '\xad',
  'combining grapheme joiner': '\u034f',
  'arabic letter mark': '\u061c',
  'hangul filler': '\u3164',
  'mongolian vowel separator': '\u180e',
  'em space': '\u2003',
  'zero-width space': '\u200b',
  'zero-width joiner': '\u200d',
  'left-to-right mark': '\u200e',
  'line separator': '\u2028',
  'paragraph separator': '\u2029',
  'right-to-left override': '\u202e',
  'word joiner': '\u2060',
  'first strong isolate': '\u2068',
  'variation selector': '\ufe0f',
  'byte order mark': '\ufeff',
  'interlinear annotation': '\ufff9',
  'lone surrogate': '\ud800',
  'second lone surrogate': '\udfff',
  tag: '\u{e0041}',
  'variation selector 17': '\u{e0100}',
};
const ALL = Object.values(HIDDEN).join('a');
const API = REPORT_APIS.wgpolicyk8s;

function shows(text: string): void {
  for (const [what, c] of Object.entries(HIDDEN)) assert.ok(!text.includes(c), `${what} in ${JSON.stringify(text)}`);
}

function hostile(): RunOutcome {
  const failure: Failure = { code: 'UNSAFE_ENTRY', message: ALL, file: ALL, expected: ALL, found: ALL, remedy: ALL };
  const artifact = {
    artifact: { name: ALL, source: { kind: 'volume', path: `/${ALL}` }, destination: ALL, requirements: [] },
    result: 'FAILED',
    path: ALL,
    requirements: [{ origin: ALL, met: false }],
    failures: [failure],
    published: true,
  } as unknown as ArtifactOutcome;
  return {
    result: 'FAILED',
    exitCode: 65,
    mode: 'Enforce',
    failurePolicy: 'Fail',
    artifacts: [artifact],
    failures: [failure],
    workers: 1,
    kernels: [],
    bytes: 0,
    files: 0,
    startedAt: new Date(0),
    seconds: 1,
  };
}

describe('15.31: what is hidden', () => {
  for (const [what, c] of Object.entries(HIDDEN))
    it(`15.31: ${what} is shown, and JSON says the same as before`, () => {
      assert.match(visible(`a${c}b`), /^a\\u\{[0-9a-f]+\}b$/);
      const text = jsonText({ [c]: [`a${c}b`] });
      shows(text);
      assert.deepEqual(JSON.parse(text), { [c]: [`a${c}b`] });
    });

  it('15.31: what is seen stays as it is', () => {
    const seen = 'models/größe 模型 модель نموذج e\u0301 😀 ~"\\ .bin';
    assert.equal(visible(seen), seen);
    assert.equal(jsonText(seen), JSON.stringify(seen));
    assert.equal(visible('a\nb'), 'a\\nb');
    assert.equal(visibleLines('a\nb\x9b'), 'a\nb\\u{9b}');
  });

  it('15.31: is in no log, report, message, metric, report of a cluster or event', () => {
    const outcome = hostile();
    const printed: string[] = [];
    const out = { write: (text: string) => void printed.push(text.replaceAll('\n', '')) };
    const json = new JsonLinesReporter(out);
    const text = new TextReporter(out, out, { bar: false, colour: false });
    for (const reporter of [json, text]) {
      for (const one of outcome.artifacts) reporter.artifact(one);
      reporter.notice(ALL);
      reporter.finish(outcome);
    }
    printed.push([...reportText(outcome)].join(''), terminationMessage(outcome));
    const metrics = new Metrics();
    const artifacts = [{ name: ALL, path: ALL, files: 1, bytes: 0, passed: false }];
    metrics.add({ exitCode: 65, result: 'FAILED', bytes: 0, seconds: 1, artifacts }, 0);
    printed.push(metrics.text(false));
    const word = {
      namespace: 'n',
      pod: 'p',
      uid: 'u',
      result: 'fail',
      codes: [ALL],
      message: ALL,
      artifacts: [{ name: ALL, result: ALL, sha256: ALL, manifest: ALL, signers: [ALL], policies: [ALL] }],
      exitCode: 65,
      time: '',
    } as unknown as Parameters<typeof event>[0];
    printed.push(...[podReport(word, API), namespaceReport('n', [word], API), event(word, 'h')].flatMap(stringsOf));
    assert.ok(printed.length > 10);
    printed.forEach(shows);
  });
});

/** Every text in a value, names of fields included. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => [name, ...stringsOf(one)]);
}

describe('15.14: the places that a pod names for our words', () => {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-words-'));
  after(() => rmSync(work, { recursive: true }));
  const victim = join(work, 'victim');
  const link = join(work, 'link');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, link);

  it('15.14: the termination log is never a link, and is not made', async () => {
    await writeTerminationMessage(link, 'x');
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    await writeTerminationMessage(join(work, 'absent'), 'x');
    assert.equal(existsSync(join(work, 'absent')), false);
    await writeTerminationMessage(victim, 'the last word');
    assert.equal(readFileSync(victim, 'utf8'), 'the last word');
    writeFileSync(victim, 'precious');
  });

  it('15.14: a report replaces a link, and what it leads to stays', async () => {
    await writeReport(link, hostile());
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    assert.equal(JSON.parse(readFileSync(link, 'utf8')).exitCode, 65);
  });

  it('15.14: a report that cannot be written is one more failure', async () => {
    mkdirSync(join(work, 'folder/x'), { recursive: true });
    for (const path of [join(work, 'folder'), '/proc/self/report', '/proc/self/fd/1', join(work, 'none/report')])
      await assert.rejects(writeReport(path, hostile()), { code: 'REPORT_UNWRITABLE' }, path);
  });
});
