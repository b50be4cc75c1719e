// The predicate of SLSA provenance v1 for what this job builds:
// https://slsa.dev/spec/v1.0/provenance
//   node image/provenance.ts > predicate.json
import { execFileSync } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where it is built on a machine of somebody's own: no one vouches for such a builder. */
const LOCAL = 'https://weighlock.dev/builders/local';

/**
 * @param environment - GitHub's variables, or none of them
 * @param commit - of the source, hexadecimal
 */
export function predicate(environment: Environment, commit: string): object {
  const server = environment['GITHUB_SERVER_URL'] ?? 'https://github.com';
  const repository = `${server}/${environment['GITHUB_REPOSITORY'] ?? 'weighlock/weighlock'}`;
  const reference = environment['GITHUB_REF'] ?? 'refs/heads/main';
  const [path = '.github/workflows/release.yml'] =
    environment['GITHUB_WORKFLOW_REF']?.replace(`${environment['GITHUB_REPOSITORY']}/`, '').split('@') ?? [];
  const isHosted = environment['GITHUB_ACTIONS'] === 'true';
  const run = `${repository}/actions/runs/${environment['GITHUB_RUN_ID']}/attempts/${environment['GITHUB_RUN_ATTEMPT']}`;
  return {
    buildDefinition: {
      buildType: 'https://actions.github.io/buildtypes/workflow/v1',
      externalParameters: { workflow: { ref: reference, repository, path } },
      internalParameters: { github: { event_name: environment['GITHUB_EVENT_NAME'] ?? 'none' } },
      resolvedDependencies: [{ uri: `git+${repository}@${reference}`, digest: { gitCommit: commit } }],
    },
    runDetails: {
      builder: { id: isHosted ? `${server}/${environment['GITHUB_WORKFLOW_REF']}` : LOCAL },
      metadata: isHosted ? { invocationId: run } : {},
    },
  };
}

if (import.meta.main) {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  console.log(JSON.stringify(predicate(process.env, commit), null, 2));
}
