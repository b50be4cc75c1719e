// What changes while it is being verified. The steps between listing and reading are taken one by
// one here, so that each change happens exactly where it hurts.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { changedFolders, EntryReader, type FileTable, type Listing, listPath, nameAt } from '../../src/fs/index.ts';
import { MAIN, run, workFolder, write } from './cli.ts';

const BUFFER = Buffer.alloc(16);
const CONTENT = '0123456789'.repeat(10);

function list(path: string): Listing {
  return listPath(path, { allowSymlinks: false, maxFiles: 100, onEntry: () => {} });
}

function model(): string {
  const folder = workFolder();
  write(folder, { w: CONTENT, 'sub/x': 'x' });
  return folder;
}

function indexOf(listing: Listing, name: string): number {
  for (let i = 0; i < listing.files.count; i++) if (nameAt(listing.files, i) === name) return i;
  throw new Error(`${name} was not listed`);
}

/** Reads a listed file whole, as the hashing threads do. */
function readEntry(
  root: number,
  files: FileTable,
  index: number,
  buffer: Buffer,
  onChunk: (chunk: Uint8Array) => void,
) {
  const reader = EntryReader.open({ root, table: files, index });
  try {
    while (!reader.isAtEnd) onChunk(reader.read(buffer) ?? assert.fail());
    reader.finish();
  } finally {
    reader.close();
  }
}

function changed(read: () => void, message: RegExp): void {
  assert.throws(
    read,
    (error) => error instanceof WeighlockError && error.code === 'SOURCE_CHANGED' && message.test(error.message),
  );
}

/**
 * Lists a folder, changes it, reads `w`; and the same with the change in the middle of the read.
 */
function changeBetween(change: (folder: string) => void, before: RegExp, during: RegExp = before): void {
  const first = model();
  const listing = list(first);
  change(first);
  changed(() => readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, () => {}), before);
  const second = model();
  const other = list(second);
  let chunks = 0;
  const inTheMiddle = () => {
    if (chunks++ === 2) change(second);
  };
  changed(() => readEntry(other.root, other.files, indexOf(other, 'w'), BUFFER, inTheMiddle), during);
}

describe('a file', () => {
  it('that did not change is read as it was listed', () => {
    const listing = list(model());
    let read = '';
    readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, (chunk) => (read += Buffer.from(chunk)));
    assert.equal(read, CONTENT);
  });

  it('that shrinks is refused', () => {
    changeBetween(
      (folder) => truncateSync(join(folder, 'w'), 50),
      /was changed or replaced/,
      /ended after 50 of 100 bytes/,
    );
  });

  it('that grows is refused', () => {
    changeBetween((folder) => appendFileSync(join(folder, 'w'), 'more'), /was changed or replaced/, /was written to/);
  });

  it('that is overwritten in place with the same length is refused, also when its mtime is put back', () => {
    changeBetween(
      (folder) => {
        const file = join(folder, 'w');
        const descriptor = openSync(file, 'r+');
        writeSync(descriptor, 'evil', 0);
        closeSync(descriptor);
        utimesSync(file, new Date(0), new Date(0));
      },
      /was changed or replaced/,
      /was written to/,
    );
  });

  it('that is replaced by another one of the same length is refused', () => {
    const folder = model();
    const listing = list(folder);
    writeFileSync(join(folder, 'evil'), 'e'.repeat(100));
    renameSync(join(folder, 'evil'), join(folder, 'w'));
    changed(
      () => readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, () => {}),
      /was changed or replaced/,
    );
  });

  it('that is replaced by a link between listing and opening is refused, and the link is not followed', () => {
    const folder = model();
    const listing = list(folder);
    rmSync(join(folder, 'w'));
    symlinkSync('/etc/passwd', join(folder, 'w'));
    changed(
      () => readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, () => {}),
      /replaced by a symbolic link/,
    );
  });

  it('that is replaced by a FIFO does not hang', () => {
    const folder = model();
    const listing = list(folder);
    rmSync(join(folder, 'w'));
    execFileSync('mkfifo', [join(folder, 'w')]);
    changed(
      () => readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, () => {}),
      /replaced by a FIFO/,
    );
  });

  it('that disappears is refused', () => {
    const folder = model();
    const listing = list(folder);
    rmSync(join(folder, 'w'));
    changed(() => readEntry(listing.root, listing.files, indexOf(listing, 'w'), BUFFER, () => {}), /disappeared/);
  });

  it('whose folder is replaced by a link to one with other content is refused', () => {
    const folder = model();
    const evil = workFolder();
    write(evil, { x: 'y' });
    const listing = list(folder);
    rmSync(join(folder, 'sub'), { recursive: true });
    symlinkSync(evil, join(folder, 'sub'));
    changed(
      () => readEntry(listing.root, listing.files, indexOf(listing, 'sub/x'), BUFFER, () => {}),
      /was changed or replaced/,
    );
  });

  it('is found below its root even when the root is moved away and replaced', () => {
    const parent = workFolder();
    write(parent, { 'm/w': CONTENT });
    const listing = list(join(parent, 'm'));
    renameSync(join(parent, 'm'), join(parent, 'old'));
    write(parent, { 'm/w': 'evil' });
    let read = '';
    readEntry(listing.root, listing.files, 0, BUFFER, (chunk) => (read += Buffer.from(chunk)));
    assert.equal(read, CONTENT);
  });
});

function hasOpen(pid: number, file: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((name) => readlinkSync(join(folder, name)) === file);
  } catch {
    // The process ended, or closed one of them meanwhile.
    return false;
  }
}

describe('a folder', () => {
  for (const [what, change] of [
    ['gets a file', (folder: string) => writeFileSync(join(folder, 'sub/new'), '')],
    ['gets a folder', (folder: string) => mkdirSync(join(folder, 'sub/new'))],
    ['loses a file', (folder: string) => rmSync(join(folder, 'sub/x'))],
    ['has a file renamed', (folder: string) => renameSync(join(folder, 'sub/x'), join(folder, 'sub/y'))],
    [
      'is replaced',
      (folder: string) => {
        renameSync(join(folder, 'sub'), join(folder, 'old'));
        write(folder, { 'sub/x': 'x' });
      },
    ],
  ] as const) {
    it(`that ${what} after it was listed is refused`, () => {
      const folder = model();
      const listing = list(folder);
      assert.deepEqual(changedFolders(listing), []);
      change(folder);
      const errors = changedFolders(listing);
      assert.ok(errors.length > 0 && errors.every(({ code }) => code === 'SOURCE_CHANGED'));
    });
  }

  it('that changes while it is hashed fails the run with 65', async () => {
    const folder = workFolder();
    write(folder, { big: '' });
    truncateSync(join(folder, 'big'), 400_000_000);
    let added = false;
    const result = await run(['verify', folder, '--sha256', 'a'.repeat(64), '--hasher=wasm'], {
      during: (child) => {
        // The file is open: it was listed, and is being hashed.
        const watch = setInterval(() => {
          if (!hasOpen(child.pid ?? 0, join(folder, 'big'))) return;
          clearInterval(watch);
          writeFileSync(join(folder, 'late'), '');
          added = true;
        }, 5);
        child.once('exit', () => clearInterval(watch));
      },
    });
    assert.equal(added, true);
    assert.deepEqual([result.status, result.codes], [65, ['SOURCE_CHANGED']]);
  });
});

describe('a run', () => {
  const hugeFile = () => {
    const folder = workFolder();
    write(folder, { huge: '' });
    truncateSync(join(folder, 'huge'), 2 ** 40);
    return folder;
  };

  for (const [signal, code, name] of [
    ['SIGTERM', 143, 'TERMINATED'],
    ['SIGINT', 130, 'INTERRUPTED'],
  ] as const) {
    it(`obeys ${signal} and says so, whatever failurePolicy`, async () => {
      const log = join(workFolder(), 'log');
      writeFileSync(log, '');
      const flags = ['--failure-policy=Ignore', '--mode=Audit', '--termination-log', log];
      const result = await run(['verify', hugeFile(), '--sha256', 'a'.repeat(64), ...flags], {
        during: (child) => child.stdout?.once('data', () => setTimeout(() => child.kill(signal), 400)),
      });
      assert.deepEqual([result.status, result.codes], [code, [name]]);
      assert.match(execFileSync('cat', [log], { encoding: 'utf8' }), new RegExp(`exit ${code}`));
    });
  }

  it('15.9: that takes longer than --timeout because of what lies there is refused, and says how far it came', async () => {
    const flags = ['--timeout=1500ms', '--failure-policy=Ignore'];
    const result = await run(['verify', hugeFile(), '--sha256', 'a'.repeat(64), ...flags]);
    assert.deepEqual([result.status, result.codes], [65, ['LIMIT_EXCEEDED']]);
    assert.match(result.stdout, /\d+ of 1099511627776 bytes hashed/);
  });

  it('that is stopped while it copies leaves nothing at the destination', async () => {
    const source = workFolder();
    write(source, { big: '' });
    truncateSync(join(source, 'big'), 3_000_000_000);
    const volume = workFolder();
    const result = await run(['verify', `file://${source}`, join(volume, 'm'), '--sha256', 'a'.repeat(64)], {
      during: (child) => child.stdout?.once('data', () => setTimeout(() => child.kill('SIGTERM'), 500)),
    });
    assert.equal(result.status, 143);
    assert.equal(spawnSync('ls', ['-A', volume], { encoding: 'utf8' }).stdout, '');
  });

  it('ends even when a thread is stuck in a read that never returns', async () => {
    const fifo = join(workFolder(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    // The writing end is held open here, so that the read in the thread blocks for ever.
    const hold = openSync(fifo, 'r+');
    const exit = new URL('../../src/exit.ts', import.meta.url).href;
    const script = `
      import { Worker } from 'node:worker_threads';
      import { exitWith } from '${exit}';
      process.argv[1] = ${JSON.stringify(MAIN)};
      const worker = new Worker("const fs = require('node:fs'); fs.readSync(fs.openSync('${fifo}', 'r'), Buffer.alloc(1))", { eval: true, execArgv: [] });
      worker.on('online', () => setTimeout(() => exitWith(75, () => worker.terminate().then(() => {})), 200));`;
    const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 60_000 });
    closeSync(hold);
    assert.equal(status, 75, 'it ended by itself');
  });
});
