// What a node may pull.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const ASK = ['test/integration/image-verifier.test.ts'];
const POLICY = ['test/unit/node-image-policy.test.ts'];

const mutation = (id: string, file: string, from: string, to: string, tests: readonly string[]) =>
  ({ id: `17.node-${id}`, file: `src/${file}`, from, to, tests }) as const;

const COMMAND = 'commands/image-verifier.ts';
const RUN = 'run/verify-image.ts';
const PATTERN = 'plan/policy/image-pattern.ts';
const READ = 'plan/policy/node-image-policy.ts';

export default [
  mutation('stdin-digest', COMMAND, 'if (described !== digest)', 'if (false)', ASK),
  mutation('name-digest', COMMAND, 'reference.digest !== undefined && reference.digest !== digest', 'false', ASK),
  mutation('media-type', COMMAND, 'if (type !== DESCRIPTOR)', 'if (false)', ASK),
  mutation('stdin-bytes', COMMAND, 'bytes > MAX_STDIN_BYTES ? tooLong() : null', 'null', ASK),
  mutation('unmatched', COMMAND, "policy.unmatched === 'Refuse'", 'false', ASK),
  mutation('listed', COMMAND, '!digests.includes(digest)', 'false', ASK),
  mutation('all-rules', COMMAND, 'rules.flatMap(({ require }) => require)', '(rules[0]?.require ?? [])', ASK),
  {
    ...mutation('time', COMMAND, 'setTimeout(expire, timeout)', 'setTimeout(expire, 2 ** 31 - 1)', ASK),
    name: 'refuses a standard input',
    hangs: true,
  },
  mutation('unmet', RUN, 'if (failures.length > 0) return { failures, signers: [] };', '', ASK),
  mutation('files', RUN, "binding.kind === 'manifest'", 'true', ASK),
  mutation('spelling', PATTERN, 'new URL(url).host : registry.toLowerCase()', 'registry : registry', POLICY),
  mutation('spelling-host', PATTERN, 'new URL(url).host', 'registry.toLowerCase()', POLICY),
  mutation('hub', PATTERN, "isDockerHub(host) ? 'docker.io' : host", 'host', POLICY),
  mutation('hub-alias', 'registry/reference.ts', "  'registry.hub.docker.com',", '', POLICY),
  mutation('star', PATTERN, "token === '*' && letter !== '/'", "token === '*'", POLICY),
  mutation('whole', PATTERN, 'places.has(tokens.length)', 'places.size > 0', POLICY),
  mutation('closed', READ, "?? 'Refuse'", "?? 'Allow'", POLICY),
  mutation('nothing', READ, "rules.length === 0 && unmatched === 'Allow'", 'false', ASK),
  mutation('sees-files', READ, "if (leaf.kind !== 'signature')", 'if (false)', POLICY),
  mutation('in-file', READ, 'if (requirement.files.length > 0)', 'if (false)', POLICY),
] satisfies Mutation[];
