// The workflows, and what a release is refused for. The workflows themselves run on GitHub; what
// they name is here.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { predicate } from '../../image/provenance.ts';
import { type Facts, inGit, inNpm, inRegistry, refusals } from '../../scripts/release/version.ts';
import { JUSTIFICATIONS, STATUSES, type Statement, vex } from '../../scripts/release/vex.ts';
import { check, parse } from '../docs/check.ts';
import { ROOT } from '../docs/pages.ts';
import { commandsOf } from '../docs/shell.ts';

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
}

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (path: string) => readFileSync(`${ROOT}/${path}`, 'utf8');
const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT }).sort();

describe('20: the workflows', () => {
  it('20: are these', () => {
    assert.deepEqual(
      workflows.map((path) => path.replace(/.*\//, '')),
      ['check.yml', 'cluster.yml', 'release.yml', 'test.yml'],
    );
  });

  for (const path of [...workflows, 'action.yml'])
    it(`20: ${path}: an action of others is named by its commit, with the version beside it`, () => {
      const used = [...read(path).matchAll(/\buses: *(\S.*)$/gm)].map(([, what = '']) => what);
      assert.ok(used.length > 0);
      for (const what of used) assert.match(what, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

  for (const path of workflows) {
    const { permissions, jobs } = parseYaml(read(path)) as Workflow;

    it(`20: ${path}: every command is a script, a file of the checkout, or a program that is known`, () => {
      for (const { run } of Object.values(jobs).flatMap(({ steps }) => steps))
        for (const command of commandsOf(run ?? '')) check(command);
    });

    it(`20: ${path}: a job may read the code, ends in time, and gets more only in the job that publishes`, () => {
      assert.deepEqual(permissions, { contents: 'read' });
      for (const [name, job] of Object.entries(jobs)) {
        assert.ok((job['timeout-minutes'] ?? Infinity) <= 60, `${name} has no limit`);
        if (name !== 'publish') assert.equal(job.permissions, undefined, name);
      }
    });

    it(`20: ${path}: no step finds the token of the job in the checkout`, () => {
      const checkouts = Object.values(jobs)
        .flatMap(({ steps }) => steps)
        .filter(({ uses = '' }) => uses.startsWith('actions/checkout@'));
      assert.ok(checkouts.length > 0);
      for (const one of checkouts) assert.equal(one.with?.['persist-credentials'], false);
    });

    it(`20: ${path}: nothing that others write becomes a script's text`, () => {
      for (const { run } of Object.values(jobs).flatMap(({ steps }) => steps)) assert.doesNotMatch(run ?? '', /\$\{\{/);
    });
  }

  it('20: a release publishes after it was refused what exists, and verifies itself before anything is announced', () => {
    const { jobs } = parseYaml(read('.github/workflows/release.yml')) as {
      jobs: Record<string, Job & { needs?: string[] }>;
    };
    assert.deepEqual(jobs['publish']?.needs, ['refuse-what-exists', 'image', 'files']);
    const runs = (jobs['publish']?.steps ?? []).flatMap(({ run }) => run ?? []);
    const at = (start: string) => runs.findIndex((run) => run.startsWith(start));
    assert.ok(at('image/publish.sh') !== -1 && at('image/publish.sh') < at('image/verify.sh'));
    assert.ok(at('image/verify.sh') < at('npm publish') && at('image/verify.sh') < at('gh release create'));
  });

  it('20: nothing is installed where there are rights to publish: it would have them, too', () => {
    const { jobs } = parseYaml(read('.github/workflows/release.yml')) as Workflow;
    const withRights = Object.values(jobs).filter(({ permissions }) => permissions !== undefined);
    assert.equal(withRights.length, 1);
    for (const { run = '' } of withRights.flatMap(({ steps }) => steps))
      assert.doesNotMatch(run, /\bnpm (ci|i|install|run|exec)\b|\bnpx\b|\bpip\b|apt-get|curl|wget/);
    const shared = read('image/program.sh');
    assert.match(shared, /\[ ! -d node_modules \]/);
    for (const script of ['image/publish.sh', 'image/verify.sh']) assert.doesNotMatch(read(script), /\bnpm\b/);
  });

  it('20: a dry run takes the same scripts as a release', () => {
    const { jobs } = parseYaml(read('.github/workflows/release.yml')) as Workflow;
    const scripts = (name: string) =>
      (jobs[name]?.steps ?? []).flatMap(({ run = '' }) => /^image\/\w+\.sh/.exec(run)?.[0] ?? []);
    assert.deepEqual(scripts('dry-run'), scripts('publish'));
  });
});

describe('20: signing in the CI of others', () => {
  it('20: the action puts nothing that it is given into the text of a script', () => {
    const { runs } = parseYaml(read('action.yml')) as { runs: { steps: readonly Step[] } };
    for (const { run } of runs.steps) assert.doesNotMatch(run ?? '', /\$\{\{/);
  });

  it('20: the task of Tekton has a command line that is one', () => {
    const { spec } = parseYaml(read('ci/tekton/weighlock-sign.yaml')) as { spec: { steps: { args: string[] }[] } };
    for (const { args } of spec.steps) parse(args, {});
  });

  it('20: an image is named by whoever runs it, by its digest', () => {
    const { spec } = parseYaml(read('ci/tekton/weighlock-sign.yaml')) as {
      spec: { params: { name: string; default?: string }[] };
    };
    assert.equal(spec.params.find(({ name }) => name === 'image')?.default, undefined);
    const [inputs = ''] = read('ci/gitlab/sign.yml').split('\n---\n');
    const { image } = (parseYaml(inputs) as { spec: { inputs: { image: { default?: string; regex: string } } } }).spec
      .inputs;
    assert.equal(image.default, undefined);
    const wanted = new RegExp(image.regex);
    assert.match(`docker.io/library/node@sha256:${'a'.repeat(64)}`, wanted);
    for (const other of ['node:26', 'node@sha256:abc', `node:26@md5:${'a'.repeat(64)}`])
      assert.doesNotMatch(other, wanted);
  });

  it('20: all name the version of this checkout', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    for (const path of ['action.yml', 'ci/gitlab/sign.yml', 'ci/tekton/weighlock-sign.yaml'])
      for (const [, found] of read(path).matchAll(/(?:weighlock[:@]|default: |version: )(\d+\.\d+\.\d+)/g))
        assert.equal(found, version, path);
  });
});

describe('20: a release', () => {
  const facts: Facts = {
    tag: 'v1.2.3',
    versions: { 'package.json': '1.2.3', 'Chart.yaml': '1.2.3' },
    changelog: '# Changelog\n\n## [1.2.3] - 2026-12-01\n',
    published: { npm: false, 'ghcr.io': false },
  };

  it('20: that is new and described is made', () => {
    assert.deepEqual(refusals(facts), []);
    const rc = { tag: 'v1.2.3-rc.1', versions: { x: '1.2.3-rc.1' }, changelog: '\n## [1.2.3-rc.1]' };
    assert.deepEqual(refusals({ ...facts, ...rc }), []);
  });

  const refused: readonly (readonly [string, Partial<Facts>, RegExp])[] = [
    ['a version that npm has', { published: { npm: true, 'ghcr.io': false } }, /in npm already.*next version/],
    ['a version that the registry has', { published: { npm: false, 'ghcr.io': true } }, /in ghcr\.io already/],
    ['a place that cannot be asked', { published: { npm: undefined } }, /could not find out/],
    ['another version in a file', { versions: { 'Chart.yaml': '1.2.2' } }, /Chart\.yaml says 1\.2\.2/],
    ['no version in a file', { versions: { 'package.json': '' } }, /says nothing/],
    ['no section in the changelog', { changelog: '## [Unreleased]' }, /no section/],
    ['no tag', { tag: '' }, /no tag of a release/],
    ['a branch', { tag: 'main' }, /no tag of a release/],
    ['a version with a zero in front', { tag: 'v01.2.3' }, /no tag of a release/],
    ['a version with build metadata', { tag: 'v1.2.3+x' }, /no tag of a release/],
    ['more than a version', { tag: 'v1.2.3 --x' }, /no tag of a release/],
  ];
  for (const [name, change, message] of refused)
    it(`20: is refused for ${name}`, () => {
      assert.match(refusals({ ...facts, ...change }).join('\n'), message);
    });

  it('20: what npm, a registry and git answer is no or yes, or an open question', () => {
    assert.equal(inNpm(0, '0.1.0\n', ''), true);
    assert.equal(inNpm(0, '', ''), false);
    assert.equal(inNpm(1, '', 'npm error code E404'), false);
    assert.equal(inNpm(1, '', 'npm error network ETIMEDOUT'), undefined);
    assert.equal(inNpm(null, '', ''), undefined);
    assert.equal(inRegistry(0, ''), true);
    assert.equal(inRegistry(65, 'FILE_MISSING x: not in the registry'), false);
    assert.equal(inRegistry(65, 'DIGEST_MISMATCH'), undefined);
    assert.equal(inRegistry(75, 'SOURCE_UNAVAILABLE'), undefined);
    const commit = 'a'.repeat(40);
    assert.equal(inGit(0, '', commit), false);
    assert.equal(inGit(0, `${commit}\trefs/tags/v1\n`, commit), false);
    assert.equal(inGit(0, `${'b'.repeat(40)}\trefs/tags/v1\n`, commit), true);
    assert.equal(inGit(128, '', commit), undefined);
  });

  it('20: says in its provenance which workflow of which commit made it, and of a machine of its own no more than that', () => {
    const github = {
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'weighlock/weighlock',
      GITHUB_REF: 'refs/tags/v1.2.3',
      GITHUB_WORKFLOW_REF: 'weighlock/weighlock/.github/workflows/release.yml@refs/tags/v1.2.3',
      GITHUB_RUN_ID: '7',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_EVENT_NAME: 'push',
    };
    assert.deepEqual(predicate(github, 'c0ffee'), {
      buildDefinition: {
        buildType: 'https://actions.github.io/buildtypes/workflow/v1',
        externalParameters: {
          workflow: {
            ref: 'refs/tags/v1.2.3',
            repository: 'https://github.com/weighlock/weighlock',
            path: '.github/workflows/release.yml',
          },
        },
        internalParameters: { github: { event_name: 'push' } },
        resolvedDependencies: [
          { uri: 'git+https://github.com/weighlock/weighlock@refs/tags/v1.2.3', digest: { gitCommit: 'c0ffee' } },
        ],
      },
      runDetails: {
        builder: { id: `https://github.com/${github.GITHUB_WORKFLOW_REF}` },
        metadata: { invocationId: 'https://github.com/weighlock/weighlock/actions/runs/7/attempts/1' },
      },
    });
    assert.match(JSON.stringify(predicate({}, 'c0ffee')), /builders\/local/);
  });

  it('20: has a VEX document whose statements OpenVEX takes', () => {
    const statement: Statement = {
      vulnerability: { name: 'CVE-2026-0001' },
      status: 'not_affected',
      justification: 'vulnerable_code_not_in_execute_path',
    };
    assert.equal(vex('1.2.3', [statement]).statements[0]?.products.length, 2);
    for (const { vulnerability, status, justification, action_statement } of vex('1.2.3').statements) {
      assert.match(vulnerability.name, /^(CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3})$/);
      assert.ok(STATUSES.includes(status));
      assert.equal(justification !== undefined, status === 'not_affected', vulnerability.name);
      if (justification !== undefined) assert.ok(JUSTIFICATIONS.includes(justification));
      assert.equal(action_statement !== undefined, status === 'affected', vulnerability.name);
    }
  });
});
