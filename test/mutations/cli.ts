// The command line, what the environment may say, what is printed, and what probes see.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const WORDS = ['test/unit/words.test.ts'];
const BESIDE = ['test/unit/beside-policy.test.ts'];
const VISIBLE = ['test/unit/visible-text.test.ts'];

const words = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.4-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: WORDS,
  name: '15\\.4',
});
const beside = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.9-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: BESIDE,
});
const shown = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.31-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: VISIBLE,
});

export default [
  words('help-alone', 'cli.ts', "first === '--version') && rest.length === 0", "first === '--version')"),
  words('help-sole-word', 'cli.ts', "rest.length === 1 && rest[0] === '--help'", "rest.includes('--help')"),
  words('help-in-a-pod', 'cli.ts', 'isGate(name, context.environment) ? EXIT.usage : EXIT.verified', 'EXIT.verified'),
  words('substitution', 'cli.ts', 'requireNoSubstitution(rest, context.environment);', ''),
  words('substitution-prefix', 'commands/parse-words.ts', 'if (!word.startsWith(value))', 'if (word !== value)'),
  words('substitution-end', 'commands/parse-words.ts', 'words.slice(0, end + 1)', 'words.slice(0, end)'),
  words('substitution-pieces', 'commands/parse-words.ts', 'rest.startsWith(other)', 'false'),
  words('empty-value', 'commands/parse-words.ts', "if (value === '')", 'if (false)'),
  words('empty-name', 'commands/option-values.ts', "names.some((name) => name.trim() === '')", 'false'),
  words('paths-are-not-given', 'commands/option-variables.ts', 'end === -1 ? argv : argv.slice(0, end)', 'argv'),
  words('unknown-option', 'commands/parse-words.ts', "if (options[negated]?.type === 'boolean')", 'if (true)'),
  words('value-missing', 'commands/parse-words.ts', 'inlineValue !== true && /^-./.test(value)', 'false'),
  words('boolean-value', 'commands/parse-words.ts', "value === undefined || value === 'true'", "value !== 'false'"),
  words('given-twice', 'commands/parse-words.ts', 'array === true || given.length > 1', 'array === true'),
  beside('unknown-is-refused', 'commands/beside-policy.ts', "if (effect === 'blocks')", 'if (false)'),
  beside('refused', 'commands/beside-policy.ts', "if (effect !== 'refused') continue;", 'continue;'),
  beside('symlinks', 'commands/beside-policy.ts', "'allow-symlinks': 'refused'", "'allow-symlinks': 'how'"),
  beside('timeout', 'commands/beside-policy.ts', "  timeout: 'blocks'", "  timeout: 'how'"),
  beside('proxies', 'commands/beside-policy.ts', 'environment[name.toLowerCase()]', 'undefined'),
  beside('source', 'commands/beside-policy.ts', 'url === undefined ? blocking', 'true ? blocking'),
  beside('ignore', 'plan/policy/apply.ts', " || isDoubted ? 'Fail'", " ? 'Fail'"),
  {
    ...beside('mute', 'commands/beside-policy.ts', "=== 'shorter' && isShorter) continue;", "=== 'shorter') continue;"),
    id: '17-watch-interval',
  },
  {
    ...beside(
      'mute',
      'commands/beside-policy.ts',
      'value === usual) continue;',
      "value === usual || name === 'listen') continue;",
    ),
    id: '17-watch-listen',
  },
  {
    ...beside('mute', 'commands/verify.ts', 'if (isRound && policies.length > 0)', 'if (false)'),
    id: '17-watch-muted',
    tests: ['test/integration/watch.test.ts'],
    name: '17: beside a policy',
    hangs: true,
  },
  beside('two-platforms', 'commands/option-variables.ts', 'given && OF_THE_PLATFORM.has(key)', 'false'),
  shown('c1', 'visible-text.ts', '[\\p{Cc}', '[\\x00-\\x1f'),
  shown('bidi', 'visible-text.ts', '\\p{Cf}', ''),
  shown('ignorable', 'visible-text.ts', '\\p{Default_Ignorable_Code_Point}', ''),
  shown('surrogates', 'visible-text.ts', '\\p{Cs}', ''),
  shown('blanks', 'visible-text.ts', '\\p{Zs}', ''),
  shown('json-lines', 'report/json-lines.ts', 'jsonText({ time', 'JSON.stringify({ time'),
  shown('report', 'report/document.ts', 'jsonText(artifactHead(artifact))', 'JSON.stringify(artifactHead(artifact))'),
  shown('last-word', 'report/termination.ts', 'jsonText({ weighlock', 'JSON.stringify({ weighlock'),
  shown('metrics', 'exposition.ts', 'visible(value).replaceAll', 'value.replaceAll'),
  shown('cluster-report', 'cluster/objects.ts', 'message: visibleLines(verdict.message)', 'message: verdict.message'),
  shown('cluster-event', 'cluster/objects.ts', "visibleLines([codes.join(', ')", "String([codes.join(', ')"),
  {
    id: '15.14-termination-log-nofollow',
    file: 'src/report/termination.ts',
    from: ' | constants.O_NOFOLLOW',
    to: '',
    tests: VISIBLE,
    name: '15\\.14',
  },
  {
    id: '15.14-report-by-rename',
    file: 'src/report/write-whole.ts',
    from: 'await rename(temporary, path);',
    to: "await (await import('node:fs/promises')).copyFile(temporary, path);",
    tests: VISIBLE,
    name: '15\\.14',
  },
  {
    id: '15.27-long-name-first',
    file: 'src/archive/entry-path.ts',
    from: 'if (bytes.length > MAX_PATH_BYTES)',
    to: 'if (false)',
    tests: ['test/unit/hostile-text.test.ts'],
    hangs: true,
  },
  {
    id: '15.30-newest-is-answered',
    file: 'src/watch/server.ts',
    from: 'open.size >= MAX_CONNECTIONS',
    to: 'false',
    tests: ['test/unit/probes.test.ts'],
  },
  {
    id: '15.5-openssl-config',
    file: 'image/sea-config.json',
    from: ', "--openssl-config=/dev/null"',
    to: '',
    tests: ['test/unit/sea-config.test.ts'],
  },
  {
    id: '15.5-node-options',
    file: 'image/sea-config.json',
    from: '"execArgvExtension": "none"',
    to: '"execArgvExtension": "env"',
    tests: ['test/unit/sea-config.test.ts'],
  },
  {
    id: '15.5-foreign-setting',
    file: 'src/foreign-settings.ts',
    from: 'isExecutable ? FOREIGN_NAMES : EVERYWHERE',
    to: 'EVERYWHERE',
    tests: ['test/unit/sea-config.test.ts'],
  },
  {
    id: '15.5-unchecked-servers',
    file: 'src/foreign-settings.ts',
    from: '[...EVERYWHERE, ...IN_THE_EXECUTABLE]',
    to: '[...IN_THE_EXECUTABLE]',
    tests: ['test/unit/sea-config.test.ts'],
  },
] satisfies Mutation[];
