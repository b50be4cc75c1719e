// The scripts of a release and of signing in CI, run with programs that say what they were given.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { ROOT } from '../docs/pages.ts';

interface Ran {
  readonly status: number | null;
  readonly stderr: string;
  /** What was started, a line each: its folder, then its words. */
  readonly started: readonly string[];
  readonly checkout: string;
}

/** An npm that installs a program which says where it runs, and with which words, as npm does. */
const NPM = `echo "npm $PWD $*" >>"$LOG"
mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho "weighlock $PWD $*" >>"$LOG"\\nenv | grep ^WEIGHLOCK >>"$LOG"\\nexit 0\\n' >node_modules/.bin/weighlock
chmod +x node_modules/.bin/weighlock`;

function runScript(script: string, environment: Record<string, string>, programs: Record<string, string>): Ran {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-release-'));
  after(() => rmSync(folder, { recursive: true }));
  const [bin, checkout, log] = [join(folder, 'bin'), join(folder, 'check out'), join(folder, 'log')];
  mkdirSync(bin);
  mkdirSync(checkout);
  // What a hostile change puts into its checkout.
  writeFileSync(join(checkout, '.npmrc'), 'registry=http://127.0.0.1:1/\n');
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const env = { PATH: `${bin}:/usr/bin:/bin`, LOG: log, ...environment };
  const { status, stderr } = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: checkout,
    env,
    encoding: 'utf8',
  });
  const started = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
  return { status, stderr, started, checkout };
}

describe('20: the action', () => {
  const { runs } = parseYaml(readFileSync(`${ROOT}/action.yml`, 'utf8')) as { runs: { steps: { run?: string }[] } };
  const script = runs.steps.flatMap(({ run }) => run ?? []).join('\n');
  const act = (given: Record<string, string>) => {
    const inputs = { COMMAND: 'sign', PATH: 'out/model', ARGUMENTS: '', VERSION: '0.1.0', ...given };
    const named = Object.entries(inputs).map(([name, value]) => [`WEIGHLOCK_ACTION_${name}`, value]);
    return runScript(script, Object.fromEntries(named), { npm: NPM });
  };

  it('20: installs the version in a folder that no checkout has a say in, and runs it in the checkout', () => {
    const { status, stderr, started, checkout } = act({ ARGUMENTS: '--signature=a b.sig\n\n--key=$(id)\n' });
    assert.equal(status, 0, stderr);
    const [installed = '', ran = '', ...more] = started;
    assert.match(installed, / install .*--ignore-scripts weighlock@0\.1\.0$/);
    assert.ok(!installed.startsWith(`npm ${checkout}`), installed);
    assert.equal(ran, `weighlock ${checkout} sign --signature=a b.sig --key=$(id) -- out/model`);
    assert.deepEqual(more, [], 'a variable of the action is no setting of the program');
  });

  for (const [what, given] of [
    ['another package under the name', { VERSION: 'npm:evil@1.0.0' }],
    ['a file for the package', { VERSION: 'file:../evil' }],
    ['a repository for the package', { VERSION: 'git+https://example.com/evil' }],
    ['a tag', { VERSION: 'latest' }],
    ['more than a version', { VERSION: '0.1.0 evil' }],
    ['a second line', { VERSION: '0.1.0\nevil' }],
    ['no version', { VERSION: '' }],
    ['another command', { COMMAND: 'inject' }],
    ['words for a command', { COMMAND: 'sign --key x' }],
    ['an option for a command', { COMMAND: '--version' }],
  ] as const)
    it(`20: refuses ${what}, and starts nothing`, () => {
      const { status, started } = act(given);
      assert.deepEqual([status, started], [64, []]);
    });

  it('20: takes a path for a path', () => {
    const { started, checkout } = act({ PATH: '--key=evil; id' });
    assert.equal(started[1], `weighlock ${checkout} sign -- --key=evil; id`);
  });
});

describe('20: the component of GitLab', () => {
  it('20: installs elsewhere, and takes what it is given for what it is', () => {
    const [, text = ''] = readFileSync(`${ROOT}/ci/gitlab/sign.yml`, 'utf8').split('\n---\n');
    const { 'sign-model': job } = parseYaml(text) as {
      'sign-model': { script: string[]; variables: Record<string, { expand: boolean }> };
    };
    for (const { expand } of Object.values(job.variables)) assert.equal(expand, false);
    const given = { MODEL_TO_SIGN: '--key=evil $(id)', SIGNATURE_TO_WRITE: 'a b.sig' };
    const { status, stderr, started, checkout } = runScript(job.script.join('\n'), given, { npm: NPM });
    assert.equal(status, 0, stderr);
    assert.ok(!started[0]?.startsWith(`npm ${checkout}`));
    assert.equal(started[1], `weighlock ${checkout} sign --signature=a b.sig -- --key=evil $(id)`);
  });
});

describe('20: publishing', () => {
  const publish = (skopeo: string) => {
    const other = (name: string) => `echo "${name} $*" >>"$LOG"; exit 9`;
    const programs = { skopeo, buildah: other('buildah'), cosign: other('cosign'), npm: other('npm') };
    return runScript(`bash '${ROOT}/image/publish.sh' registry.example.com/weighlock 1.2.3`, {}, programs);
  };

  it('20: does not touch a version that is there', () => {
    const { status, stderr, started } = publish('echo {}');
    assert.deepEqual([status, started], [1, []]);
    assert.match(stderr, /1\.2\.3 exists, and is never replaced/);
  });

  for (const answer of ['500 Internal Server Error', 'connection refused', 'unauthorized: authentication required', ''])
    it(`20: does not begin where the registry does not say that it is not there: "${answer}"`, () => {
      const { status, stderr, started } = publish(`echo "${answer}" >&2; exit 1`);
      assert.deepEqual([status, started], [1, []]);
      assert.match(stderr, /cannot find out whether .*1\.2\.3 exists/);
    });

  for (const answer of ['manifest unknown', 'name unknown: repository name not known to registry'])
    it(`20: begins where it says so: "${answer}"`, () => {
      const { started } = publish(`echo "reading manifest 1.2.3: ${answer}" >&2; exit 1`);
      assert.match(started[0] ?? '', /^buildah /);
    });
});
