// Who may call node:fs. Whatever a call answers is given its meaning in one place (`codeOfErrno`),
// but what a file is, how far it is read and which links are followed is decided in src/fs: a new
// file that opens paths by itself has to be added here on purpose.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Folders and files that call the file system, and on whose behalf. */
const CALLERS: Readonly<Record<string, string>> = {
  'src/fs/': 'content: every path that its writer chose',
  'src/stage/': 'the staging folder',
  'src/pull/': 'the staging folder',
  'src/transfer/copy.ts': 'the staging folder',
  'src/transfer/plain-writer.ts': 'the staging folder',
  'src/transfer/staged-file.ts': 'the staging folder',
  'src/transfer/write-behind.ts': 'the staging folder',
  'src/transfer/blocked.ts': 'files of the kernel',
  'src/transfer/descriptors.ts': 'files of the kernel',
  'src/hash/cgroup.ts': 'files of the kernel',
  'src/evidence/': 'signatures and checksums, read to their end',
  'src/plan/': 'files of the platform',
  'src/trust/': 'files of the platform',
  'src/registry/': 'files of the platform',
  'src/sign/': 'files of whoever signs',
  'src/commands/': 'files of whoever calls',
  'src/cluster/': 'files of the kubelet',
  'src/library/': 'our own program',
  'src/report/': 'reports',
  'src/receipt/': 'receipts and verdicts of parts, in a folder of the platform',
  'src/inspect/volume.ts': 'closes what src/fs opened',
  'src/store/': 'files of the platform: tokens and keys',
  'src/run/': 'whether a path is there, and what a volume has free',
  'src/watch/changes.ts': 'news of changes',
  'src/answer-version.ts': 'standard output',
  'src/cli.ts': 'standard output',
};

function callersIn(pattern: RegExp): string[] {
  return globSync('src/**/*.ts', { cwd: root })
    .filter((file) => pattern.test(readFileSync(`${root}${file}`, 'utf8')))
    .sort();
}

it('15.16: only those that are meant to call the file system', () => {
  const strangers = callersIn(/['"](node:)?fs(\/promises)?['"]/).filter(
    (file) => !Object.keys(CALLERS).some((caller) => file.startsWith(caller)),
  );
  assert.deepEqual(strangers, []);
});

it('15.3: only files of the platform and our own are read by what stops at their size', () => {
  const readers = callersIn(/\breadFileSync\(|\breadFile\(/).filter((file) =>
    /^src\/(fs|stage|evidence|run|hash)\//.test(file),
  );
  // Those read what the kernel says of this container, and of how it writes back.
  assert.deepEqual(readers, ['src/fs/settle.ts', 'src/hash/cgroup.ts', 'src/stage/destination.ts']);
});
