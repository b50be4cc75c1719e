// Refuses a release that exists, or that is not described. Whatever cannot be answered is refused
// too: what was published once is never replaced.
//   node scripts/release/version.ts v0.1.0
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../../src/error/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IMAGE = 'oci://ghcr.io/weighlock/weighlock';

/** Whether something is published; undefined where nobody could be asked. */
type Existence = boolean | undefined;

export interface Facts {
  /** The tag that is released, e.g. `v0.1.0`. */
  readonly tag: string;
  /** Versions by the file that says so. */
  readonly versions: Readonly<Record<string, string>>;
  /** CHANGELOG.md. */
  readonly changelog: string;
  /** What may exist already, by the place. */
  readonly published: Readonly<Record<string, Existence>>;
}

/** Semantic versions without build metadata, which an image's tag cannot have. */
const TAG = /^v((?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?)$/;

/** Every reason not to release. */
export function refusals({ tag, versions, changelog, published }: Facts): string[] {
  const version = TAG.exec(tag)?.[1];
  if (version === undefined) return [`${JSON.stringify(tag)} is no tag of a release: v1.2.3, or v1.2.3-rc.1`];
  const others = Object.entries(versions).filter(([, one]) => one !== version);
  return [
    ...others.map(([file, one]) => `${file} says ${one || 'nothing'}, and the tag ${version}`),
    ...(changelog.includes(`\n## [${version}]`) ? [] : [`CHANGELOG.md has no section [${version}]`]),
    ...Object.entries(published).flatMap(([place, exists]) => {
      if (exists === undefined) return [`could not find out whether ${version} is in ${place}: try again`];
      return exists ? [`${version} is in ${place} already, and is never replaced: release the next version`] : [];
    }),
  ];
}

/** What npm answers when it is asked for a version: empty or E404 where there is none. */
export function inNpm(status: number | null, stdout: string, stderr: string): Existence {
  if (status === 0) return stdout.trim() !== '';
  return /\bE404\b/.test(stderr) ? false : undefined;
}

/**
 * What `weighlock digest` ends with, asked for a tag: only a registry that says so makes it absent.
 */
export function inRegistry(status: number | null, stderr: string): Existence {
  if (status === EXIT.verified) return true;
  return status === EXIT.verificationFailed && /FILE_MISSING/.test(stderr) ? false : undefined;
}

/** What `git ls-remote` says of the tag: it may exist for the very commit that is released. */
export function inGit(status: number | null, stdout: string, commit: string): Existence {
  if (status !== 0) return undefined;
  const commits = stdout.split('\n').flatMap((line) => /^[0-9a-f]{40,64}/.exec(line) ?? []);
  return commits.length > 0 && !commits.includes(commit);
}

function read(file: string, pattern: RegExp): string {
  return pattern.exec(readFileSync(`${ROOT}/${file}`, 'utf8'))?.[1] ?? '';
}

function run(program: string, ...args: readonly string[]) {
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
}

function gather(tag: string): Facts {
  const version = tag.replace(/^v/, '');
  const npm = run('npm', 'view', `weighlock@${version}`, 'version');
  const image = run(process.execPath, 'src/main.ts', 'digest', `${IMAGE}:${version}`);
  const commit = run('git', 'rev-parse', 'HEAD').stdout.trim();
  const git = run('git', 'ls-remote', 'origin', `refs/tags/${tag}`, `refs/tags/${tag}^{}`);
  return {
    tag,
    versions: {
      'package.json': read('package.json', /"version": "(.*)"/),
      'charts/weighlock/Chart.yaml': read('charts/weighlock/Chart.yaml', /^version: (.*)$/m),
      'its appVersion': read('charts/weighlock/Chart.yaml', /^appVersion: (.*)$/m),
    },
    changelog: readFileSync(`${ROOT}/CHANGELOG.md`, 'utf8'),
    published: {
      npm: inNpm(npm.status, npm.stdout, npm.stderr),
      'ghcr.io': inRegistry(image.status, image.stderr),
      'the tags of the repository, for another commit': inGit(git.status, git.stdout, commit),
    },
  };
}

if (import.meta.main) {
  const reasons = refusals(gather(process.argv[2] ?? ''));
  for (const reason of reasons) console.error(reason);
  process.exitCode = reasons.length > 0 ? 1 : 0;
}
