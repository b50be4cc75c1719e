// What may lie in an artifact without being listed, what is staged, and what is published.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const UNLISTED = { file: 'src/verdict/unlisted.ts', tests: ['test/unit/unlisted.test.ts'] } as const;

const STAGE_TESTS = ['test/unit/stage.test.ts'] as const;
const SWAP_TESTS = ['test/unit/stage-swap.test.ts'] as const;
const PRIVATE = { file: 'src/stage/private-folder.ts', tests: SWAP_TESTS } as const;
const PUBLISHED = { file: 'src/stage/published.ts', tests: SWAP_TESTS } as const;
const OUTPUTS = { file: 'src/plan/places.ts', tests: ['test/unit/outputs.test.ts'] } as const;
const SOURCE_TESTS = ['test/unit/source-dest.test.ts'] as const;
const TREE = { file: 'src/stage/tree.ts', tests: STAGE_TESTS } as const;
const PLACE = { file: 'src/stage/destination.ts', tests: STAGE_TESTS } as const;
const PROBE = { file: 'src/stage/probe.ts', tests: STAGE_TESTS } as const;
const OUTCOME = { file: 'src/verdict/outcome.ts', tests: STAGE_TESTS } as const;

export default [
  {
    id: '15.2-evidence-name',
    ...UNLISTED,
    from: 'if (!EVIDENCE_NAME.test(name))',
    to: 'if (false)',
  },
  { id: '15.2-evidence-link', ...UNLISTED, from: 'if (files.targets.has(index))', to: 'if (false)' },
  { id: '15.2-evidence-hard-link', ...UNLISTED, from: 'if (links > 1)', to: 'if (links > 2)' },
  { id: '15.2-evidence-bytes', ...UNLISTED, from: 'if (hexAt(files, index) !== sha256)', to: 'if (false)' },
  {
    id: '15.2-evidence-path',
    ...UNLISTED,
    from: 'find((one) => one.name === name)',
    to: 'find((one) => one.name !== undefined)',
  },
  {
    id: '15.11-ignored-by-signer',
    ...UNLISTED,
    from: 'atOrAbove(name, new Set(rules.ignorePaths))',
    to: 'atOrAbove(name, rules.leftOut ?? new Set())',
  },
  {
    id: '15.11-empty-named',
    ...UNLISTED,
    from: 'rules.emptyFiles?.has(name) === true',
    to: 'rules.emptyFiles !== undefined',
  },
  {
    id: '15.11-empty-size',
    ...UNLISTED,
    from: 'if (files.size[index] === 0 && rules.emptyFiles?.has',
    to: 'if (rules.emptyFiles?.has',
  },
  {
    id: '15.11-ignore-pattern',
    file: 'src/plan/ignored-paths.ts',
    from: 'if (/[*?[\\]]/.test(text))',
    to: 'if (false)',
    tests: ['test/unit/unlisted.test.ts'],
  },
  {
    id: 'verdict-other-hash',
    file: 'src/verdict/compare.ts',
    from: 'found === undefined && files.hashed[i] !== 0',
    to: 'false',
    tests: ['test/unit/unlisted.test.ts'],
  },
  {
    id: '15.1-staged-strangers',
    file: 'src/stage/stage.ts',
    from: 'requireVerified(staged, options.verified);',
    to: '',
    tests: ['test/unit/stage.test.ts'],
  },
  { id: '15.1-staged-size', ...TREE, from: 'if (left.get(name) !== size)', to: 'if (!left.has(name))' },
  { id: '15.1-staged-link-count', ...TREE, from: 'if (links !== 1)', to: 'if (false)' },
  { id: '15.1-staged-kind', ...TREE, from: "if (kind !== 'file') throw changed(name, 'is no regular file');", to: '' },
  {
    id: '15.1-staged-missing',
    ...TREE,
    from: "for (const name of left.keys()) throw changed(name, 'is missing');",
    to: '',
  },
  {
    id: '15.1-published-more',
    ...TREE,
    from: 'if (expected === undefined) {',
    to: 'if (expected === undefined) { continue;',
  },
  { id: '15.1-published-lost-found', ...TREE, from: "kind === 'folder' && isAllowed(name)", to: 'true' },
  {
    id: '15.1-published-identity',
    ...TREE,
    from: 'size !== expected.size || identity !== expected.identity)\n',
    to: 'size !== expected.size)\n',
  },
  { id: '15.1-published-time', ...TREE, from: 'time !== expected.changed && !isMoved(name)', to: 'false' },
  { id: '15.1-published-link-count', ...TREE, from: "if (kind === 'file' && links !== 1)", to: 'if (false)' },
  {
    id: '15.1-published-missing',
    ...TREE,
    from: "if (!published.has(name)) throw changed(name, 'is missing');",
    to: '{}',
  },
  {
    id: '15.1-file-identity',
    ...TREE,
    from: 'found.size === expected.size && found.identity === expected.identity',
    to: 'true',
  },
  { id: '15.1-file-link-count', ...TREE, from: 'if (found.links !== 1)', to: 'if (false)' },
  { id: '15.1-private-owner', ...PLACE, from: 'stat.uid === uid && ', to: '' },
  { id: '15.1-private-mode', ...PLACE, from: '(stat.mode & 0o077) === 0', to: '(stat.mode & 0o007) === 0' },
  { id: '15.1-private-folder', ...PLACE, from: 'stat.isDirectory() && stat.uid === uid', to: 'stat.uid === uid' },
  { id: '15.1-leftover-name', ...PLACE, from: 'if (!name.startsWith(PREFIX)) return false;', to: '' },
  { id: '15.1-lost-found-owner', ...PLACE, from: 'stat.uid === 0 && ', to: '' },
  { id: '15.1-lost-found-mode', ...PLACE, from: '(stat.mode & 0o007) === 0', to: 'true' },
  { id: '15.1-not-a-mount-point', ...PLACE, from: 'return isRoot && names', to: 'return names' },
  {
    id: '15.1-reused-link-count',
    file: 'src/pull/staged-file.ts',
    from: 'stat.isFile() && stat.nlink === 1',
    to: 'stat.isFile()',
    tests: ['test/unit/stage.test.ts'],
  },
  {
    id: '15.18-rename-probe',
    ...PROBE,
    from: 'if (!lacksNaming(error)) throw error;\n    throw lacking',
    to: 'return from;\n    throw lacking',
  },
  { id: '15.18-other-number', ...PROBE, from: ').ino !== ino)', to: ').ino === -1n)' },
  { id: '15.18-placed-over', ...PROBE, from: 'lstatSync(to, { throwIfNoEntry: false }) !== undefined', to: 'false' },
  {
    id: '15.18-no-blocks',
    file: 'src/stage/space.ts',
    from: 'blocks > 0 && bsize > 0',
    to: 'bsize > 0',
    tests: ['test/unit/stage.test.ts'],
  },
  {
    id: '15-published-unmet',
    ...OUTCOME,
    from: 'requirements.every(({ met }) => met)',
    to: 'requirements.some(({ met }) => met)',
  },
  { id: '15-published-nothing-required', ...OUTCOME, from: 'requirements.length > 0 && ', to: '' },
  { id: '15-published-failed', ...OUTCOME, from: 'failures.length === 0 && requirements', to: 'requirements' },
  {
    id: '15.9-no-space-is-not-ignored',
    file: 'src/verdict/exit-code.ts',
    from: ' && !NEVER_IGNORED.has(code)',
    to: '',
    tests: ['test/unit/report.test.ts'],
    name: '15.9',
  },
  {
    id: '15.9-folder-of-the-destination',
    file: 'src/stage/space.ts',
    from: "code: 'FILE_MISSING',",
    to: "code: 'SOURCE_UNAVAILABLE',",
    tests: ['test/unit/stage.test.ts'],
    name: '15.9',
  },
  {
    id: '15.1-stage-by-path',
    ...PRIVATE,
    from: 'this.path = pathOf(this.#descriptor);',
    to: "this.path = join(process.getBuiltinModule('node:fs').realpathSync(pathOf(base)), name);",
  },
  { id: '15.1-opened-private', ...PRIVATE, from: 'if (!isNew || !isOwn(owner, this.path)) throw replaced();', to: '' },
  { id: '15.1-opened-owner', ...PRIVATE, from: 'own.uid === stat.uid && ', to: '' },
  { id: '15.1-opened-mode', ...PRIVATE, from: '(own.mode & 0o777) === (stat.mode & 0o777)', to: 'true' },
  {
    id: '15.1-opened-empty',
    ...PRIVATE,
    from: 'if (attempt(DOING, () => readdirSync(this.path)).length > 0) throw replaced();',
    to: '',
  },
  { id: '15.1-removed-by-name', ...PRIVATE, from: 'there.dev === own.dev && there.ino === own.ino', to: 'true' },
  {
    id: '15.1-leftover-by-descriptor',
    ...PRIVATE,
    from: 'if (!isPrivate(owner, process.geteuid?.())) return;\n      emptyOpen',
    to: 'emptyOpen',
  },
  {
    id: '15.1-visible-folder',
    ...PUBLISHED,
    from: "if (!isSame) throw replaced('is not the folder that was verified');",
    to: '',
  },
  {
    id: '15.1-visible-writable',
    ...PUBLISHED,
    from: '(found.mode & 0o002n & ~made.mode) !== 0n',
    to: 'false',
  },
  { id: '15-output-within', ...OUTPUTS, from: 'artifacts.find((one) => isWithin(path, one))', to: 'undefined' },
  { id: '15-output-input', ...OUTPUTS, from: 'inputs.find((one) => isSameFile(path, one))', to: 'undefined' },
  { id: '15-output-foreign-link', ...OUTPUTS, from: 'const link = foreignLink(path);', to: 'const link = undefined;' },
  { id: '15-output-other-mount', ...OUTPUTS, from: ' || (id !== undefined && idOf(at) === id)', to: '' },
  { id: '15-output-trail', ...OUTPUTS, from: 'trail.push(next);', to: 'trail.splice(0);' },
  {
    id: '15-destination-apart',
    ...OUTPUTS,
    from: ' || trailOf(place).some((from) => isBelow(from, own))',
    to: '',
  },
  {
    id: '15-output-once-more',
    file: 'src/commands/outputs.ts',
    from: 'if (failure !== undefined) throw failure;\n    return this.#report.path;',
    to: 'return this.#report.path;',
    tests: ['test/unit/outputs.test.ts'],
  },
  {
    id: '15-termination-log-one-name',
    file: 'src/report/termination.ts',
    from: ' || stat.nlink !== 1',
    to: '',
    tests: ['test/unit/outputs.test.ts'],
  },
  {
    id: '15.1-mount-point-by-link',
    file: 'src/stage/destination.ts',
    from: 'const stat = lstatSync(path, { throwIfNoEntry: false });\n  if (stat?.isDirectory() !== true) return false;',
    to: 'const stat = statSync(path, { throwIfNoEntry: false });\n  if (stat?.isDirectory() !== true) return false;',
    tests: SOURCE_TESTS,
  },
  {
    id: '15.1-mount-below',
    file: 'src/stage/destination.ts',
    from: ' && point !== folder);',
    to: " && point === '');",
    tests: SOURCE_TESTS,
  },
  {
    id: '15.1-own-names',
    ...OUTPUTS,
    from: 'if (isPublished && own !== undefined)',
    to: 'if (false)',
    tests: SOURCE_TESTS,
  },
  {
    id: '15-signature-at-the-source',
    file: 'src/run/evidence.ts',
    from: 'return paths.find(isThere) ?? paths[0]',
    to: 'return paths.at(-1)',
    tests: SOURCE_TESTS,
  },
] satisfies Mutation[];
