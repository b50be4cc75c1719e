// Many reads of a volume in flight: what goes wrong with one of them, and how many there are.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';
import { type Invocation, recipe, runProcess, workFolder } from '../integration/cli.ts';

const LARGE = 32 << 20;

describe('a slow volume', { skip: whyNoFuse() }, () => {
  const backing = workFolder();
  const large = join(backing, 'large');
  let pin = '';
  let mount: FieldMount;

  before(async () => {
    writeFileSync(large, Buffer.alloc(LARGE, 'weights of a model '));
    for (let i = 0; i < 200; i++) writeFileSync(join(backing, `small-${i}`), `sample ${i}`);
    pin = recipe(backing);
    mount = await FieldMount.open(backing);
  });

  after(() => mount.unmount());

  const verify = (rules: string, flags: readonly string[] = [], invocation: Invocation = {}) => {
    mount.rules(rules);
    return runProcess(['verify', mount.path, '--sha256', pin, ...flags], invocation);
  };
  const most = () => mount.counts().get('read')?.mostAtOnce ?? 0;

  it('has dozens of its reads in flight', async () => {
    const result = await verify('* delay=5ms');
    assert.equal(result.status, 0, result.stdout);
    assert.ok(most() >= 16, `${most()}`);
  });

  it('has as many as it is told to have', async () => {
    const result = await verify('* delay=2ms direct_io', ['--io-depth=3']);
    assert.equal(result.status, 0, result.stdout);
    assert.ok(most() <= 3, `${most()}`);
  });

  it('that answers at once is read by few', async () => {
    const result = await verify('* keep_cache');
    assert.equal(result.status, 0, result.stdout);
  });

  it('of which one read among many never returns: the time limit is kept', async () => {
    const rules = '* delay=5ms\nlarge direct_io read=hang@8388608*1';
    const result = await verify(rules, ['--idle-timeout=2s', '--io-depth=32']);
    assert.deepEqual([result.status, result.codes], [75, ['TIMEOUT']], result.stdout);
    assert.match(result.stdout, /does not answer/);
  });

  it('of which one read among many never returns: SIGTERM ends the program, which does not wait for it', async () => {
    const result = await verify('* delay=5ms\nlarge direct_io read=hang@8388608*1 trace', ['--io-depth=32'], {
      during(child) {
        // Those behind it are asked for, too.
        mount.saw(/^read large 9\d{6} /, 4).then(() => child.kill('SIGTERM'));
      },
    });
    assert.equal(result.status, 143, result.stdout);
  });

  it('whose file shrinks while 16 of its ranges are in flight: it is refused', async () => {
    const result = await verify('large direct_io delay=5ms shrink=1048576@1048576', ['--io-depth=16']);
    assert.deepEqual([result.status, result.codes], [65, ['SOURCE_CHANGED']], result.stdout);
  });

  it('is read with 64 descriptors, too', async () => {
    mount.rules('* delay=2ms');
    const limited = ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh'];
    const result = await runProcess(['verify', mount.path, '--sha256', pin], { before: limited });
    assert.equal(result.status, 0, result.stdout);
  });

  it('16 ranges of a file that has one more byte than it says: it is refused', async () => {
    const result = await verify(`large direct_io size=${LARGE - 1}`, ['--io-depth=16']);
    assert.deepEqual([result.status, result.codes], [65, ['SOURCE_CHANGED']], result.stdout);
  });

  it('is asked for no depth but one that can be had', async () => {
    for (const depth of ['0', '-1', '1e9', 'many', '513', '']) {
      const result = await verify('', [`--io-depth=${depth}`]);
      assert.equal(result.status, 64, `${depth}: ${result.stdout}`);
    }
    const result = await verify('', [], { environment: { WEIGHLOCK_IO_DEPTH: 'many' } });
    assert.equal(result.status, 64, result.stdout);
  });
});
