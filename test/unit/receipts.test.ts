// Receipts: what one lets pass without reading it, and every attack that a pod can try. The files
// are real ones; the clock is the test's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { digestAt, type FileTable, hexAt, listPath, nameAt, toBuffer } from '../../src/fs/index.ts';
import type { ArtifactPlan, ReceiptSettings, Requirement } from '../../src/plan/index.ts';
import { decodeTable, encodeTable, firstDifference, unchangedFiles } from '../../src/receipt/attribute-table.ts';
import { ReceiptBook, type ReceiptQuestion } from '../../src/receipt/index.ts';
import { RECEIPT_TYPE } from '../../src/receipt/receipt-statement.ts';
import { chooseFiles } from '../../src/receipt/spot-check.ts';
import type { Attestor } from '../../src/trust/index.ts';
import { type Draft, keyBundle } from '../evidence/world.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-test-'));
after(() => rmSync(work, { recursive: true, force: true }));
let count = 0;
const place = () => {
  const path = join(work, `p${count++}`);
  mkdirSync(path);
  return path;
};

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const [platform, modelSigner] = [pair(), pair()];
const HOUR = 3_600_000;

function attestorOf(key: typeof platform): Attestor {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const logs = { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 };
  return { kind: 'key', name: 'receipts', pem, fingerprint: '', logs, trustedRoot: 'public-good' };
}

const PIN: Requirement = { kind: 'sha256', digest: 'a'.repeat(64), origin: 'a pin' };
const FILES = { 'a.bin': 'aaaa', 'b.bin': 'bbbb', 'sub/c.bin': 'cccc', 'sub/d.bin': 'dddddddd' };

/** A volume with files, a folder for receipts, and a clock. */
class Bench {
  readonly path = place();
  readonly folder = place();
  now = Date.now();
  requirements: readonly Requirement[] = [PIN];
  evidence: Draft = new Map();
  allowSymlinks = false;
  settings: Partial<ReceiptSettings> = {};

  constructor(files: Readonly<Record<string, string>> = FILES) {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(this.path, name)), { recursive: true });
      writeFileSync(join(this.path, name), content);
    }
    this.now = Date.now() + 10_000;
  }

  book(): ReceiptBook {
    const signer = createPrivateKey(platform.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const usual = {
      maxAge: HOUR,
      attestor: attestorOf(platform),
      areVolumesReadOnly: true,
      folder: this.folder,
      signer,
    };
    return new ReceiptBook({ ...usual, ...this.settings } as ReceiptSettings, () => this.now);
  }

  question(path = this.path): ReceiptQuestion {
    const options = { allowSymlinks: this.allowSymlinks, maxFiles: 1000, onEntry: () => {} };
    const listing = listPath(path, options);
    assert.deepEqual(listing.failures, []);
    const artifact = { name: 'x', source: { kind: 'volume', path }, requirements: this.requirements } as ArtifactPlan;
    return { artifact, path, listing, evidence: this.evidence, allowSymlinks: this.allowSymlinks };
  }

  hash(files: FileTable, path = this.path): void {
    for (let i = 0; i < files.count; i++) {
      if (files.hashed[i] === 1) continue;
      const name = toBuffer(nameAt(files, i)).toString('utf8');
      const file = statSync(path).isFile() ? path : join(path, name);
      digestAt(files, i).set(createHash('sha256').update(readFileSync(file)).digest());
      files.hashed[i] = 1;
    }
  }

  /** Hashes everything and leaves a receipt. @returns why there is none */
  leave(path = this.path, startedAt = this.now): string | undefined {
    const question = this.question(path);
    this.hash(question.listing.files, path);
    return this.book().leave(question, 'f'.repeat(64), startedAt);
  }

  use(isPartial = false, path = this.path) {
    return this.book().use(this.question(path), isPartial);
  }

  get receipt(): string {
    const [name = '', ...more] = readdirSync(this.folder);
    assert.equal(more.length, 0);
    return join(this.folder, name);
  }
}

async function isRefused(bench: Bench, why: RegExp): Promise<void> {
  const question = bench.question();
  const used = await bench.book().use(question);
  assert.equal(used.isUsed, false);
  assert.match(used.isUsed ? '' : used.why, why);
  assert.ok(
    question.listing.files.hashed.every((one) => one === 0),
    'nothing is taken for hashed',
  );
}

/** A file whose times are put back to what they were. */
function withOldTimes(path: string, change: () => void): void {
  const reference = join(place(), 'times');
  writeFileSync(reference, '');
  execFileSync('touch', ['-r', path, reference]);
  change();
  execFileSync('touch', ['-r', reference, path]);
}

describe('19: a receipt', () => {
  it('19: brings the digests of files that have not changed, and no byte of them is read', async () => {
    const bench = new Bench();
    assert.equal(bench.leave(), undefined);
    const question = bench.question();
    const used = await bench.book().use(question);
    assert.deepEqual(used, { isUsed: true, startedAt: new Date(bench.now), files: 4 });
    const { files } = question.listing;
    assert.ok(files.hashed.every((one) => one === 1));
    for (let i = 0; i < files.count; i++) {
      const content = readFileSync(join(bench.path, toBuffer(nameAt(files, i)).toString('utf8')));
      assert.equal(hexAt(files, i), createHash('sha256').update(content).digest('hex'));
    }
  });

  it('19: is of one file, too', async () => {
    const bench = new Bench();
    const file = join(bench.path, 'a.bin');
    assert.equal(bench.leave(file), undefined);
    assert.equal((await bench.use(false, file)).isUsed, true);
    writeFileSync(file, 'aaaA');
    assert.equal((await bench.use(false, file)).isUsed, false);
  });

  /** What whoever writes to the volume can do. */
  const ATTACKS: [string, RegExp, (path: string) => void][] = [
    ['a file is edited', /ctime|mtime/, (path) => writeFileSync(join(path, 'a.bin'), 'aaaA')],
    [
      'a file is edited and has its old times by touch',
      /the ctime of a\.bin/,
      (path) => withOldTimes(join(path, 'a.bin'), () => writeFileSync(join(path, 'a.bin'), 'aaaA')),
    ],
    ['a file grows', /size|time/, (path) => writeFileSync(join(path, 'a.bin'), 'aaaaa')],
    [
      'a file is replaced by a copy',
      /inode/,
      (path) => {
        copyFileSync(join(path, 'a.bin'), join(path, 'new'));
        renameSync(join(path, 'new'), join(path, 'a.bin'));
      },
    ],
    ['a file is renamed over another', /files/, (path) => renameSync(join(path, 'b.bin'), join(path, 'a.bin'))],
    [
      'two files change names',
      /inode|ctime/,
      (path) => {
        renameSync(join(path, 'a.bin'), join(path, 'x'));
        renameSync(join(path, 'b.bin'), join(path, 'a.bin'));
        renameSync(join(path, 'x'), join(path, 'b.bin'));
      },
    ],
    [
      'a file is a hard link to another',
      /inode|ctime/,
      (path) => {
        rmSync(join(path, 'a.bin'));
        linkSync(join(path, 'b.bin'), join(path, 'a.bin'));
      },
    ],
    [
      'a file has a second name elsewhere, by which it is edited',
      /ctime/,
      (path) => {
        linkSync(join(path, 'a.bin'), `${path}.link`);
        withOldTimes(`${path}.link`, () => writeFileSync(`${path}.link`, 'aaaA'));
        rmSync(`${path}.link`);
      },
    ],
    ['a file is added', /there are 5 files/, (path) => writeFileSync(join(path, 'e.bin'), '')],
    ['a file is taken away', /there are 3 files/, (path) => rmSync(join(path, 'a.bin'))],
    [
      'a file has another name of the same length',
      /the name of/,
      (path) => renameSync(join(path, 'a.bin'), join(path, 'A.bin')),
    ],
    ['a file has a longer name', /other names/, (path) => renameSync(join(path, 'a.bin'), join(path, 'aa.bin'))],
    ['a file has another mode', /ctime/, (path) => chmodSync(join(path, 'a.bin'), 0o600)],
    [
      'a folder is another one',
      /inode|ctime/,
      (path) => {
        renameSync(join(path, 'sub'), `${path}.sub`);
        mkdirSync(join(path, 'sub'));
        for (const name of ['c.bin', 'd.bin']) copyFileSync(join(`${path}.sub`, name), join(path, 'sub', name));
      },
    ],
  ];
  for (const [name, why, attack] of ATTACKS)
    it(`19: counts no more when ${name}`, async () => {
      const bench = new Bench();
      assert.equal(bench.leave(), undefined);
      attack(bench.path);
      await isRefused(bench, why);
    });

  it('19: of other content, another policy, kind or volume is none', async () => {
    const bench = new Bench();
    assert.equal(bench.leave(), undefined);
    const { receipt } = bench;
    const elsewhere = (change: (other: Bench) => void) => {
      const other = new Bench();
      change(other);
      assert.equal(other.leave(), undefined);
      copyFileSync(receipt, other.receipt);
      return other;
    };
    // The same files on another volume have other inodes.
    await isRefused(
      elsewhere(() => {}),
      /inode|time/,
    );
    const other: Requirement = { kind: 'sha256', digest: 'b'.repeat(64), origin: 'a pin' };
    await isRefused(
      elsewhere((one) => (one.requirements = [other])),
      /another policy/,
    );
    await isRefused(
      elsewhere((one) => (one.allowSymlinks = true)),
      /another policy/,
    );
    bench.requirements = [PIN, other];
    await isRefused(bench, /there is no receipt/);
    bench.requirements = [PIN];
    bench.evidence = new Map([[PIN, { proofs: [{ sha256: 'c', signer: { fingerprint: 'd' } }], files: [] }]]);
    await isRefused(bench, /evidence is not the same/);
  });

  it('19: counts for so long, and not before it was made', async () => {
    const bench = new Bench();
    assert.equal(bench.leave(), undefined);
    bench.now += HOUR;
    assert.equal((await bench.use()).isUsed, true);
    bench.now += 1;
    await isRefused(bench, /too old/);
    bench.now -= HOUR + 2;
    await isRefused(bench, /of the future: was the clock set back/);
  });

  it('19: is not made of what was changed within the grain of a clock, or by a clock that was set back', async () => {
    const bench = new Bench();
    const changed = Number(statSync(join(bench.path, 'sub/d.bin'), { bigint: true }).ctimeNs / 1_000_000n);
    assert.match(bench.leave(bench.path, changed + 1999) ?? '', /no receipt: some file was changed/);
    assert.match(bench.leave(bench.path, changed - HOUR) ?? '', /no receipt: some file was changed/);
    assert.deepEqual(readdirSync(bench.folder), []);
    assert.equal(bench.leave(bench.path, changed + 2001), undefined);
    assert.equal((await bench.use()).isUsed, true);
  });

  describe('19: that was tampered with', () => {
    const signed = (bench: Bench, change: (statement: Draft) => void, key = platform) => {
      const bytes = readFileSync(bench.receipt);
      const end = bytes.indexOf(0x0a);
      const { dsseEnvelope } = JSON.parse(bytes.subarray(0, end).toString());
      const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
      change(statement);
      const line = JSON.stringify(keyBundle(statement, key.privateKey));
      writeFileSync(bench.receipt, Buffer.concat([Buffer.from(`${line}\n`), bytes.subarray(end + 1)]));
    };
    const cases: [string, RegExp, (bench: Bench) => void][] = [
      ['signed by a signer of models', /not a signature by this key/, (bench) => signed(bench, () => {}, modelSigner)],
      [
        'of another format',
        /does not count/,
        (bench) => signed(bench, (one) => (one.predicateType = 'https://weighlock.dev/receipt/v2')),
      ],
      [
        'a verdict',
        /does not count/,
        (bench) => signed(bench, (one) => (one.predicateType = 'https://slsa.dev/verification_summary/v1')),
      ],
      [
        'of another version of the verifier',
        /another version/,
        (bench) => signed(bench, ({ predicate }) => (predicate.verifier.version.weighlock = '0.0.1')),
      ],
      [
        'of another verifier',
        /another version/,
        (bench) => signed(bench, ({ predicate }) => (predicate.verifier.id = 'x')),
      ],
      ['with an unknown key', /unknown key/, (bench) => signed(bench, ({ predicate }) => (predicate.more = 1))],
      [
        'of a failure',
        /failed/,
        (bench) => signed(bench, ({ predicate }) => (predicate.verificationResult = 'FAILED')),
      ],
      ['without a time', /time is none/, (bench) => signed(bench, ({ predicate }) => (predicate.startedAt = 'x'))],
      [
        'made when a file had just been changed',
        /was changed when/,
        (bench) =>
          signed(bench, ({ predicate }) => (predicate.startedAt = new Date(Date.now() - 60_000).toISOString())),
      ],
      ['with fewer files', /the receipt has 3/, (bench) => signed(bench, ({ predicate }) => (predicate.files = 3))],
      ['with more files', /the receipt has 5/, (bench) => signed(bench, ({ predicate }) => (predicate.files = 5))],
      [
        'with a number of files that is none',
        /whole number/,
        (bench) => signed(bench, ({ predicate }) => (predicate.files = 1.5)),
      ],
      [
        'with a table of another size',
        /other names/,
        (bench) => signed(bench, ({ predicate }) => (predicate.table.bytes = 2 ** 50)),
      ],
      [
        'with another table',
        /table is not the one/,
        (bench) => {
          const bytes = readFileSync(bench.receipt);
          bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
          writeFileSync(bench.receipt, bytes);
        },
      ],
      ['cut off', /table is not the one/, (bench) => truncateSync(bench.receipt, statSync(bench.receipt).size - 1)],
      ['longer', /table is not the one/, (bench) => writeFileSync(bench.receipt, 'x', { flag: 'a' })],
      ['a gigabyte of it', /table is not the one/, (bench) => truncateSync(bench.receipt, 2 ** 30)],
      [
        'a gigabyte without a line',
        /no statement/,
        (bench) => {
          rmSync(bench.receipt);
          truncateSync(touched(bench), 2 ** 30);
        },
      ],
      ['empty', /no statement/, (bench) => truncateSync(bench.receipt, 0)],
      ['no JSON', /does not count/, (bench) => writeFileSync(bench.receipt, 'x\n')],
      [
        'a link',
        /cannot be opened: ELOOP/,
        (bench) => {
          const { receipt } = bench;
          renameSync(receipt, `${bench.folder}.moved`);
          symlinkSync(`${bench.folder}.moved`, receipt);
        },
      ],
      [
        'a folder',
        /no statement|EISDIR/,
        (bench) => {
          const { receipt } = bench;
          rmSync(receipt);
          mkdirSync(receipt);
        },
      ],
    ];
    const touched = (bench: Bench) => {
      assert.equal(bench.leave(), undefined);
      const { receipt } = bench;
      writeFileSync(receipt, '');
      return receipt;
    };
    for (const [name, why, tamper] of cases)
      it(`19: is none: ${name}`, async () => {
        const bench = new Bench();
        assert.equal(bench.leave(), undefined);
        tamper(bench);
        await isRefused(bench, why);
      });
  });

  it('19: lies on another volume than what it is about, unless the platform says that nobody writes there', async () => {
    const bench = new Bench();
    bench.settings = { areVolumesReadOnly: false };
    assert.match(bench.leave() ?? '', /on the volume that they are about/);
    await isRefused(bench, /on the volume that they are about/);
    bench.settings = {};
    assert.equal(bench.leave(), undefined);
    bench.settings = { areVolumesReadOnly: false };
    await isRefused(bench, /on the volume that they are about/);
  });

  it('19: that cannot be written is none, and nothing else', () => {
    const bench = new Bench();
    for (const folder of ['/proc', join(bench.folder, 'none'), join(bench.path, 'a.bin'), '/sys/kernel']) {
      bench.settings = { folder };
      assert.match(bench.leave() ?? '', /^no receipt: [A-Z]+/);
    }
  });

  it('19: counts between rounds for what has not changed, and only that is taken for hashed', async () => {
    const bench = new Bench();
    assert.equal(bench.leave(), undefined);
    writeFileSync(join(bench.path, 'b.bin'), 'BBBB');
    rmSync(join(bench.path, 'a.bin'));
    writeFileSync(join(bench.path, 'new.bin'), 'new');
    const question = bench.question();
    const used = await bench.book().use(question, true);
    assert.equal(used.isUsed && used.files, 2);
    const { files } = question.listing;
    const names = Array.from({ length: files.count }, (_, i) => toBuffer(nameAt(files, i)).toString('utf8'));
    assert.deepEqual(names, ['b.bin', 'new.bin', 'sub/c.bin', 'sub/d.bin']);
    assert.deepEqual([...files.hashed], [0, 0, 1, 1]);
    assert.equal(hexAt(files, 3), createHash('sha256').update('dddddddd').digest('hex'));
  });

  describe('19: and a spot check', () => {
    it('19: hashes a share of the bytes, at least one file, at random, and all of them at 100 %', () => {
      const sizes = [1, 1000, 10, 100, 0, 500];
      const table = { count: 6, size: Float64Array.from(sizes), totalBytes: 1611 } as FileTable;
      for (const share of [0.000001, 0.01, 0.5, 0.99, 1]) {
        let state = 1;
        const random = () => {
          state = (state * 16807) % 2147483647;
          return state / 2147483647;
        };
        const chosen = chooseFiles(table, share, random);
        const bytes = [...chosen].reduce((sum, i) => sum + (sizes[i] ?? 0), 0);
        assert.ok(bytes >= share * 1611 && chosen.size > 0, `${share}: ${bytes}`);
      }
      assert.equal(chooseFiles(table, 1, () => 0).size, 6);
      assert.deepEqual([...chooseFiles(table, 0.01, () => 0.5)], [1]);
      assert.deepEqual([...chooseFiles(table, 0.01, () => 0.999)], [5]);
      assert.equal(chooseFiles({ ...table, size: new Float64Array(6), totalBytes: 0 }, 0.5, () => 0).size, 1);
    });

    it('19: finds bytes that are not what the receipt says, whatever the attributes say', async () => {
      const bench = new Bench();
      bench.settings = { spotCheck: 1 };
      assert.equal(bench.leave(), undefined);
      const question = bench.question();
      const book = bench.book();
      assert.equal((await book.use(question)).isUsed, true);
      const { files } = question.listing;
      assert.deepEqual([...files.hashed], [0, 0, 0, 0]);
      bench.hash(files);
      assert.equal(book.confirm(files), undefined);
      digestAt(files, 2).fill(7);
      assert.match(book.confirm(files) ?? '', /sub\/c\.bin has other bytes/);
    });
  });
});

describe('19: the table of a receipt', () => {
  const tableOf = (files: Readonly<Record<string, string>>) => new Bench(files).question().listing.files;

  it('19: tells every attribute apart, in all of its 64 bits', () => {
    const files = tableOf(FILES);
    files.device[0] = 2n ** 63n + 1n;
    files.ctime[3] = -(2n ** 62n);
    files.mtimeHigh[2] = 1;
    const bytes = Buffer.concat([...encodeTable(files)]);
    const stored = decodeTable(bytes, files.count);
    assert.ok(stored);
    assert.equal(firstDifference(files, stored), undefined);
    assert.deepEqual([...unchangedFiles(files, stored)], [0, 1, 2, 3]);
    for (const column of ['device', 'inode', 'mtime', 'ctime'] as const)
      for (const bit of [0n, 31n, 32n, 63n]) {
        const other = { ...files, [column]: files[column].slice() };
        other[column][1] = BigInt.asIntN(64, (other[column][1] ?? 0n) ^ (1n << bit)) as never;
        assert.equal(firstDifference(other, stored)?.index, 1, `${column} ${bit}`);
        assert.deepEqual([...unchangedFiles(other, stored)], [0, -1, 2, 3]);
      }
    // Attributes are compared one by one: a server may change the size of a file and nothing else.
    for (const size of [3, 5, 0, 4 + 2 ** 32]) {
      const other = { ...files, size: files.size.slice() };
      other.size[1] = size;
      assert.deepEqual(firstDifference(other, stored), { index: 1, what: 'size' });
      assert.deepEqual([...unchangedFiles(other, stored)], [0, -1, 2, 3]);
    }
    for (const column of ['mtimeHigh', 'ctimeHigh'] as const) {
      const other = { ...files, [column]: files[column].slice() };
      other[column][2] = 7;
      assert.equal(firstDifference(other, stored)?.index, 2);
      assert.deepEqual([...unchangedFiles(other, stored)], [0, 1, -1, 3]);
    }
  });

  it('19: is refused in any other form', () => {
    const files = tableOf(FILES);
    const bytes = Buffer.concat([...encodeTable(files)]);
    assert.equal(decodeTable(bytes, 1000), undefined);
    assert.equal(decodeTable(bytes.subarray(1), 4), undefined);
    assert.equal(decodeTable(Buffer.alloc(0), 0), undefined);
    assert.equal(RECEIPT_TYPE, 'https://weighlock.dev/receipt/v1');
  });
});
