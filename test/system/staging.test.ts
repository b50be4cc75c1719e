// Destinations that are mount points: what lies there after a publication is what was verified, and
// nothing else. As root.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { passed, recipe, refused, run } from '../integration/cli.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-staging-'));
const mounted: string[] = [];
after(() => {
  // Threads that are kept for the next run hold the folders of the last one open until the process
  // ends.
  for (const path of mounted.reverse()) execFileSync('umount', ['--lazy', path]);
  rmSync(work, { recursive: true });
});

const good = join(work, 'good');
mkdirSync(join(good, 'sub'), { recursive: true });
writeFileSync(join(good, 'config.json'), '{}');
writeFileSync(join(good, 'sub/w'), 'weights');
const digest = recipe(good);

function mount(...args: string[]): string {
  const path = mkdtempSync(join(work, 'mnt-'));
  assert.equal(spawnSync('mount', [...args, path]).status, 0);
  mounted.push(path);
  return path;
}

function tmpfs(): string {
  return mount('-t', 'tmpfs', '-o', 'size=64m,mode=755', 'tmpfs');
}

function verify(destination: string, ...flags: string[]) {
  return run(['verify', '--sha256', digest, `file://${good}`, destination, ...flags]);
}

describe('a destination that is a mount point', () => {
  it('15.1: gets exactly what was verified, and what is there is verified where it lies', async () => {
    const at = tmpfs();
    passed(await verify(at));
    assert.deepEqual(readdirSync(at).sort(), ['config.json', 'sub']);
    passed(await verify(at));
  });

  it('15.1: with a planted file is refused, whatever lies beside it says', async () => {
    const plants: readonly [string, (at: string) => void][] = [
      ['a mark of a publication', (at) => mkdirSync(join(at, '.weighlock-x/publishing'), { recursive: true })],
      [
        'the same in a private folder',
        (at) => {
          mkdirSync(join(at, '.weighlock-0123456789abcdef'), { mode: 0o700 });
          writeFileSync(join(at, '.weighlock-0123456789abcdef/publishing'), 'modeling_evil.py');
        },
      ],
      ['nothing', () => {}],
    ];
    for (const [what, plant] of plants) {
      const at = tmpfs();
      plant(at);
      writeFileSync(join(at, 'modeling_evil.py'), 'evil');
      const result = await verify(at);
      assert.equal(result.status, 65, what + result.stdout);
    }
  });

  it('15.1: a file below lost+found or a folder that is named like ours never stays with the content', async () => {
    for (const folder of ['lost+found', '.weighlock-x', '.weighlock-aaaaaa']) {
      for (const mode of [0o700, 0o755]) {
        const at = tmpfs();
        mkdirSync(join(at, folder), { mode });
        writeFileSync(join(at, folder, 'evil.py'), 'evil');
        const result = await verify(at);
        // A private folder of this very user is taken away; anything else is refused.
        if (result.status === 0) assert.deepEqual(readdirSync(at).sort(), ['config.json', 'sub']);
        else assert.equal(result.status, 65, result.stdout);
        assert.equal(result.status === 0 && existsSync(join(at, folder)), false);
      }
    }
  });

  it('15.1: an empty lost+found of the file system stays, and only as root made it', async () => {
    const at = tmpfs();
    mkdirSync(join(at, 'lost+found'), { mode: 0o700 });
    passed(await verify(at));
    passed(await verify(at));
    assert.ok(existsSync(join(at, 'lost+found')));
    const other = tmpfs();
    mkdirSync(join(other, 'lost+found'));
    chmodSync(join(other, 'lost+found'), 0o777);
    refused(await verify(other), 'SOURCE_EMPTY');
  });

  it('15.1: is replaced as a whole where that is asked for', async () => {
    const at = tmpfs();
    mkdirSync(join(at, '.weighlock-x'));
    writeFileSync(join(at, '.weighlock-x/evil.py'), 'evil');
    passed(await verify(at, '--replace'));
    assert.deepEqual(readdirSync(at).sort(), ['config.json', 'sub']);
  });

  it('15.1: mounted from the file system that is around it is one, too', async () => {
    const around = tmpfs();
    const at = join(around, 'models');
    mkdirSync(at);
    mkdirSync(join(around, 'other'));
    assert.equal(spawnSync('mount', ['--bind', join(around, 'other'), at]).status, 0);
    mounted.push(at);
    passed(await verify(at));
    assert.deepEqual(readdirSync(at).sort(), ['config.json', 'sub']);
    assert.deepEqual(readdirSync(around).sort(), ['models', 'other']);
  });

  it('15.1: or has another volume in it, is never emptied of what that holds', async () => {
    const around = tmpfs();
    const at = join(around, 'models');
    mkdirSync(join(at, 'sub'), { recursive: true });
    for (const [destination, below] of [
      [at, join(at, 'sub')],
      [around, join(around, '.weighlock-x')],
    ] as const) {
      mkdirSync(below, { recursive: true, mode: 0o700 });
      assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', below]).status, 0);
      mounted.push(below);
      writeFileSync(join(below, 'precious'), '');
      refused(await verify(destination, '--replace'), 'CONFIG_INVALID', /another volume/, 78);
      assert.deepEqual(readdirSync(below), ['precious']);
    }
  });
});
