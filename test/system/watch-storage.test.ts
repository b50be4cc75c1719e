// The runtime verifier on storage that stops answering: what was verified before must not stand for
// ever.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FieldMount, whyNoFuse } from '../fuse/mount.ts';
import { recipe, workFolder } from '../integration/cli.ts';
import { Watching } from '../integration/watching.ts';

describe('17: weighlock watch on storage that answers nothing, not even a kill', { skip: whyNoFuse() }, () => {
  const backing = workFolder();
  let mount: FieldMount;

  before(async () => {
    writeFileSync(join(backing, 'weights'), 'weights');
    mount = await FieldMount.open(backing);
  });

  after(() => mount.unmount());

  for (const [what, more] of [
    ['is not ready any more', []],
    ['ends where that is asked for', ['--exit-on-failure']],
  ] as const)
    it(what, async () => {
      mount.rules('');
      const pin = recipe(backing);
      const watching = await Watching.start([
        mount.path,
        `--sha256=${pin}`,
        '--interval=1s',
        '--idle-timeout=2s',
        ...more,
      ]);
      await watching.until('/readyz', 200);
      mount.rules('weights direct_io read=hang-hard');
      if (more.length > 0) assert.equal(await watching.ended, 75);
      else await watching.until('/readyz', 503);
      assert.match(watching.stdout, /"code":"TIMEOUT"/);
      assert.match(watching.stdout, /what was verified before counts no more: it did not verify/);
      if (more.length === 0) {
        watching.child.kill('SIGTERM');
        assert.equal(await watching.ended, 143, 'it waits for nobody');
      }
      await mount.unmount();
      mount = await FieldMount.open(backing);
    });
});
