// What the program writes beside a copy: into nothing that is verified, over nothing that is read,
// through no planted link.
import assert from 'node:assert/strict';
import {
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Outputs } from '../../src/commands/outputs.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { requireApart, requireOutputsOutside, requireOutside } from '../../src/plan/places.ts';
import { writeTerminationMessage } from '../../src/report/index.ts';
import { command } from '../integration/in-process.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-outputs-'));
after(() => rmSync(work, { recursive: true }));
const at = (...names: string[]) => join(work, ...names);

mkdirSync(at('model/sub'), { recursive: true });
mkdirSync(at('model2'));
mkdirSync(at('out'));
for (const name of ['model/w', 'model/sub/w', 'one', 'key.pub', 'out/old']) writeFileSync(at(name), name);
linkSync(at('one'), at('out/one-again'));
linkSync(at('key.pub'), at('out/key-again'));
symlinkSync(at('model'), at('to-model'));
symlinkSync('model/sub', at('to-sub'));
symlinkSync(at('model/new'), at('out/dangling'));
symlinkSync(at('model/w'), at('out/to-file'));
symlinkSync(at('out'), at('model/away'));
symlinkSync('out', at('planted'));
if (process.geteuid?.() === 0) lchownSync(at('planted'), 4711, 4711);

const isConfig = (error: unknown) => error instanceof WeighlockError && error.code === 'CONFIG_INVALID';

describe('a file that is written', () => {
  const artifacts = [at('model'), at('one'), at('absent/model')];
  const refused: readonly [string, string][] = [
    ['in an artifact', at('model/report')],
    ['deep in an artifact', at('model/sub/report')],
    ['in an artifact by dots', at('out/../model/report')],
    ['over a file of an artifact', at('model/w')],
    ['the artifact itself', at('model')],
    ['in an artifact by a link', at('to-model/report')],
    ['in a folder of an artifact by a link', at('to-sub/report')],
    ['a link into an artifact', at('out/dangling')],
    ['a link to a file of an artifact', at('out/to-file')],
    ['outside by a link in an artifact', at('model/away')],
    ['outside through a link in an artifact', at('model/away/report')],
    ['an artifact of one file', at('one')],
    ['the same by another name', at('out/one-again')],
    ['where an artifact will be', at('absent/model')],
    ['in where an artifact will be', at('absent/model/report')],
    ['a file that is read', at('key.pub')],
    ['the same by another name', at('out/key-again')],
  ];
  const require = (path: string) => requireOutputsOutside([{ flag: '--report', path }], artifacts, [at('key.pub')]);

  // A path that leads out of an artifact through a link in it leads elsewhere once that is changed.
  for (const [what, path] of refused)
    it(`15: is refused ${what}`, () => {
      assert.throws(() => require(path), isConfig);
    });

  it('15: is let be beside an artifact, and over an earlier one', () => {
    for (const path of [
      at('out/report'),
      at('out/old'),
      at('model2/report'),
      at('modelx'),
      at('absent/model2'),
      '/dev/x',
    ])
      require(path);
  });

  it('15: is refused behind a link of another user', { skip: process.geteuid?.() !== 0 }, () => {
    assert.throws(() => require(at('planted/report')), isConfig);
  });

  it('15: is asked for beside an argument, a target, a variable or a URL of a file', () => {
    const inside = at('model/report');
    const words: readonly [Record<string, unknown>, Record<string, string>][] = [
      [{ sources: [at('model')] }, {}],
      [{ sources: [`file://${at('model')}`, at('elsewhere')] }, {}],
      [{ sources: ['oci://r.example/x', at('model')] }, {}],
      [{ sources: [`oci-layout://${at('model')}:v1`] }, {}],
      [{ targets: at('model') }, {}],
      [{ trust: at('model') }, {}],
      [{}, { MODEL_PATH: at('model') }],
      [{}, { DATASET_SOURCE_URL: `file://${at('model')}` }],
    ];
    for (const [values, environment] of words)
      for (const flag of ['report', 'termination-log']) {
        const outputs = new Outputs({ ...values, [flag]: inside }, environment);
        assert.throws(() => outputs.require(), isConfig, JSON.stringify([values, environment]));
        assert.equal(flag === 'report' ? outputs.reportPath() : outputs.terminationLogPath(), undefined);
      }
    for (const [values, environment] of [
      [{ key: [at('key.pub')] }, {}],
      [{ key: `${at('none')},${at('key.pub')}` }, {}],
      [{ checksums: at('key.pub') }, {}],
      [{}, { MODEL_SIGNATURE: at('key.pub') }],
    ] as const)
      assert.throws(() => new Outputs({ ...values, report: at('key.pub') }, environment).require(), isConfig);
  });

  it('15: is looked at again before it is written', () => {
    const outputs = new Outputs({ sources: [at('model')], report: at('later/report') }, {});
    outputs.require();
    symlinkSync('model', at('later'));
    assert.throws(() => outputs.reportPath(), isConfig);
    rmSync(at('later'));
  });

  it('15: in an artifact ends with 78 before anything, and nothing is written', async () => {
    const before = readdirSync(at('model'));
    for (const flag of ['--report', '--termination-log']) {
      for (const path of [at('model/report'), at('to-model/report'), at('model/w')]) {
        const { status } = await command(['verify', at('model'), '--sha256', 'a'.repeat(64), flag, path]);
        assert.equal(status, 78, `${flag} ${path}`);
      }
    }
    // A plan that makes no sense is reported like any failure, and not there.
    assert.equal((await command(['verify', at('model'), '--report', at('model/report')])).status, 78);
    assert.deepEqual(readdirSync(at('model')), before);
    assert.equal(readFileSync(at('model/w'), 'utf8'), 'model/w');
  });

  it('15: as termination log has one name only', async () => {
    await writeTerminationMessage(at('out/one-again'), 'the last word');
    assert.equal(readFileSync(at('one'), 'utf8'), 'one');
  });
});

describe('a destination', () => {
  const model = { name: 'model', source: at('model') };
  it('15: is refused in or around what is verified', () => {
    const cases: readonly { name: string; source?: string; destination: string }[][] = [
      [{ name: 'x', destination: at('model/x') }],
      [{ name: 'x', destination: at('to-model/x') }],
      [{ name: 'x', destination: work }],
      [{ name: 'x', destination: at('model') }],
      [{ name: 'x', source: at('model2'), destination: at('model2/x') }],
      [{ name: 'x', source: at('model2/x'), destination: at('model2') }],
      [
        { name: 'x', destination: at('new') },
        { name: 'y', destination: at('new/y') },
      ],
      [
        { name: 'x', destination: at('new/x') },
        { name: 'y', destination: at('new') },
      ],
    ];
    for (const drafts of cases) assert.throws(() => requireApart([model, ...drafts]), isConfig, JSON.stringify(drafts));
  });

  it('15: is let be beside it, and where it is read itself', () => {
    requireApart([model, { name: 'x', destination: at('new') }, { name: 'y', destination: at('new2') }]);
    requireApart([{ name: 'x', source: at('model'), destination: at('model') }]);
    requireApart([model, { name: 'sub', source: at('model/sub') }]);
  });

  it('15: in its source ends with 78, and nothing is made', async () => {
    const { status } = await command(['verify', `file://${at('model')}`, at('model/copy'), '--sha256', 'a'.repeat(64)]);
    assert.equal(status, 78);
    assert.equal(existsSync(at('model/copy')), false);
  });
});

it('15: what is trusted lies outside of the artifact, also by a link in it', () => {
  for (const file of [at('model/w'), at('to-sub/w'), at('out/to-file'), at('model/away/old'), at('model/none')])
    assert.throws(() => requireOutside([file], at('model')), isConfig, file);
  requireOutside([at('key.pub'), at('model2/key')], at('model'));
});
