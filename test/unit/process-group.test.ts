// A cluster of the tests leaves nothing behind, however its test ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../cluster/process-group.ts';

const MODULE = fileURLToPath(new URL('../cluster/process-group.ts', import.meta.url));

describe('the processes of a cluster', () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const)
    it(`end when their test is ended by ${signal}`, { timeout: 60_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'weighlock-cluster-test-'));
      const script = `
        import { ProcessGroup } from ${JSON.stringify(MODULE)};
        const group = new ProcessGroup(${JSON.stringify(folder)}, ${JSON.stringify(folder)});
        // The second starts a process of its own, as containerd does.
        group.start('one', ['tail', '-f', '${folder}/one.log']);
        group.start('two', ['sh', '-c', 'tail -f ${folder}/two.log & echo $! > ${folder}/child; wait']);
        setInterval(() => {}, 1000);
        console.log('started');`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await eventually('a process of a process', async () => existsSync(join(folder, 'child')) || undefined);
      child.kill(signal);
      await once(child, 'exit');
      await eventually('the end of all', async () => (existsSync(folder) ? undefined : true), 30);
      assert.equal(existsSync(folder), false);
    });
});
