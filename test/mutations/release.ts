// What signs and publishes: the scripts of a release and of signing in CI.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const script = (id: string, file: string, from: string, to: string, name: string): Mutation => ({
  id: `20-${id}`,
  file,
  from,
  to,
  tests: ['test/unit/release-scripts.test.ts'],
  name,
});

export default [
  script('action-version', 'action.yml', '[[ $version =~', '[[ true || $version =~', 'refuses'),
  script('action-command', 'action.yml', 'sign | verify) ;;', 'sign | verify | *) ;;', 'refuses'),
  script('action-folder', 'action.yml', '(cd "$tool" && npm install', '(npm install --prefix "$tool"', 'no checkout'),
  script('action-path', 'action.yml', '"${options[@]}" -- "$path"', '"${options[@]}" "$path"', 'path for a path'),
  script('gitlab-folder', 'ci/gitlab/sign.yml', '(cd "$tool" && npm', '(cd . && npm', 'installs elsewhere'),
  script('publish-open-question', 'image/publish.sh', '! grep -qiE', 'false && ! grep -qiE', 'does not begin'),
] satisfies Mutation[];
