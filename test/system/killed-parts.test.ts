// A part that is killed at a random moment, 100 times: the file of the part is whole or not there,
// and what was merged is what lies there.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { shares } from '../../src/receipt/index.ts';
import { passed, recipe, run, runProcess, workFolder } from '../integration/cli.ts';

const KILLS = 100;
const FILES = 2000;
const program = fileURLToPath(new URL('../../dist/weighlock.mjs', import.meta.url));

const work = workFolder();
const file = (name: string) => join(work, name);

/** One dataset, its parts and what they are merged to. */
class Job {
  readonly path: string;
  readonly out: string;
  readonly verdict: string;

  constructor(name: string) {
    this.path = file(name);
    this.out = file(`${name}-parts`);
    this.verdict = file(`${name}-verdict`);
    mkdirSync(this.out);
    for (let i = 0; i < FILES; i++) {
      const folder = join(this.path, `folder-${i % 20}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `file-${i}`), `content 0 of ${i}\n`.repeat(20));
    }
  }

  partFile(index: number): string {
    return join(this.out, `part-${index}`);
  }

  part(index: number, during: (child: ChildProcess) => void = () => {}) {
    return runProcess(
      [
        ...[
          'verify',
          this.path,
          '--key',
          file('signer.pub'),
          '--insecure-ignore-tlog',
          '--signature',
          file('model.sig'),
        ],
        ...['--part', `${index}/2`, '--run-id', 'run-1', '--verdict', this.partFile(index)],
        ...['--verdict-key', file('verifier.key')],
      ],
      { program, during },
    );
  }

  merge() {
    rmSync(this.verdict, { force: true });
    const keys = [
      '--verifier-key',
      file('verifier.pub'),
      '--verdict',
      this.verdict,
      '--verdict-key',
      file('verifier.key'),
    ];
    return run(['verdict', 'merge', this.partFile(0), this.partFile(1), ...keys]);
  }
}

let good: Job;
let evil: Job;
before(async () => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/build.ts', import.meta.url))]);
  for (const name of ['signer', 'verifier']) passed(await run(['keygen', '--output', file(name)]));
  good = new Job('good');
  evil = new Job('evil');
  passed(await run(['sign', good.path, '--key', file('signer.key'), '--signature', file('model.sig')]));
  // One file of the first part is not what was signed; the second part has nothing to do with it.
  const files = readdirSync(evil.path, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const names = files.map((one) => relative(evil.path, join(one.parentPath, one.name))).sort();
  const sizes = names.map((name) => statSync(join(evil.path, name)).size);
  const share = shares({ count: names.length, size: Float64Array.from(sizes) }, 2);
  const victim = join(evil.path, names[share.indexOf(0)] ?? '');
  writeFileSync(victim, readFileSync(victim, 'utf8').replace('0', '1'));
});

describe('19: a part that is killed', () => {
  it(`19: ${KILLS} times, at a random moment, never makes a merge pass that should not`, async (t) => {
    for (const job of [good, evil]) passed(await job.part(1));
    const { status, milliseconds } = await good.part(0);
    assert.equal(status, 0);
    passed(await good.merge());
    const right = recipe(good.path);
    const seen = { killed: 0, whole: 0, absent: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      const job = kill % 2 === 0 ? good : evil;
      rmSync(job.partFile(0), { force: true });
      const ended = await job.part(0, (child) => killSometime(child, job.out, milliseconds, kill % 4 > 1));
      if (ended.signal === 'SIGKILL') seen.killed++;
      const isThere = existsSync(job.partFile(0));
      seen[isThere ? 'whole' : 'absent']++;
      const merged = await job.merge();
      if (job === evil) assert.equal(isThere, false, 'a part was written of what was not signed');
      if (isThere) {
        // Killed or not: what stands there is all of it.
        passed(merged);
        assert.match(merged.stdout, new RegExp(right));
      } else {
        assert.equal(merged.status, 65, merged.stdout);
        assert.match(merged.stderr, /there is no part/);
        assert.equal(existsSync(job.verdict), false);
      }
      // A killed process may leave its temporary file, which nothing takes for a part.
      for (const name of readdirSync(job.out)) if (name.endsWith('.receipt')) rmSync(join(job.out, name));
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok(seen.killed > KILLS / 4 && seen.absent > 0, JSON.stringify(seen));
    // And the next one that is left alone makes the whole pass, whatever the others left.
    passed(await good.part(0));
    passed(await good.merge());
  });
});

/** Some time within its life; or while it writes, which is short. */
function killSometime(child: ChildProcess, out: string, lifetime: number, whileItWrites: boolean): void {
  if (!whileItWrites) {
    const timer = setTimeout(() => child.kill('SIGKILL'), randomInt(1, Math.ceil(lifetime) + 1));
    child.once('exit', () => clearTimeout(timer));
    return;
  }
  const left = randomInt(0, 3);
  let events = 0;
  const watcher = watch(out, () => {
    if (events++ >= left) child.kill('SIGKILL');
  });
  child.once('exit', () => watcher.close());
}
