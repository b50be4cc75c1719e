// The runtime verifier: ready while what it verifies is right, not ready when it is not any more.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { recipe, run, workFolder, write } from './cli.ts';
import { Watching } from './watching.ts';

const work = workFolder();

describe('weighlock watch', () => {
  const folder = join(work, 'model');
  write(folder, { 'a.bin': 'aaaa', 'deep/b.bin': 'bbbb' });
  const digest = recipe(folder);

  it('is ready after the first verification, not after a change, and again when it is undone', async () => {
    const watching = await Watching.start([folder, '--sha256', digest, '--interval=1h']);
    await watching.until('/healthz', 200);
    await watching.until('/readyz', 200);
    const first = await watching.metrics();
    assert.match(first, /^weighlock_verifications_total\{result="passed"\} 1$/m);
    assert.match(first, /^weighlock_verified_bytes_total 8$/m);
    // It may be seen before it was written to its end, and then again.
    writeFileSync(join(folder, 'deep/b.bin'), 'bbbc');
    await watching.until('/readyz', 503);
    assert.equal(await watching.status('/healthz'), 200, 'alive all the same');
    // It is not ready from its verdict on; it counts when its process has ended.
    const metrics = await watching.untilMetrics(/^weighlock_verifications_total\{result="failed"\} [1-9]$/m);
    assert.match(metrics, /^weighlock_artifact_verified\{artifact="model"\} 0$/m);
    assert.match(metrics, /^weighlock_ready 0$/m);
    assert.match(watching.stdout, /"code":"DIGEST_MISMATCH"/);
    assert.match(watching.stdout, /the pod is not ready until it verifies again/, '17.6');
    assert.doesNotMatch(watching.stdout, /does not start|may start/);
    writeFileSync(join(folder, 'deep/b.bin'), 'bbbb');
    await watching.until('/readyz', 200);
    watching.child.kill('SIGTERM');
    assert.equal(await watching.ended, 143);
  });

  it('verifies on the interval, whatever the file system tells', async () => {
    const watching = await Watching.start([folder, `--sha256=${digest}`, '--interval', '1s'], {});
    await watching.until('/readyz', 200);
    await watching.untilMetrics(/result="passed"\} [3-9]/);
  });

  it('ends with the exit code of a failure when that is asked for', async () => {
    const watching = await Watching.start([folder, '--sha256', 'e'.repeat(64), '--exit-on-failure'], {
      WEIGHLOCK_INTERVAL: '1s',
    });
    assert.equal(await watching.ended, 65);
    const absent = await Watching.start([join(work, 'absent'), '--sha256', digest, '--exit-on-failure']);
    assert.equal(await absent.ended, 65);
  });

  it('goes on after a failure, and is never ready before a success', async () => {
    const watching = await Watching.start([folder, '--sha256', 'e'.repeat(64), '--interval=1s']);
    await watching.until('/healthz', 200);
    while (!/result="failed"\} [2-9]/.test(await watching.metrics())) {
      assert.notEqual(await watching.status('/readyz'), 200);
      await delay(50);
    }
  });

  it('lets a pod be ready in Audit, and says what failed', async () => {
    const watching = await Watching.start([folder, '--sha256', 'e'.repeat(64), '--mode=Audit']);
    await watching.until('/readyz', 200);
    assert.match(await watching.metrics(), /^weighlock_artifact_verified\{artifact="model"\} 0$/m);
    assert.match(await watching.metrics(), /^weighlock_last_success_timestamp_seconds 0$/m);
  });

  it('ends at once when no later verification could mend it', async () => {
    assert.equal((await run(['watch', folder])).status, 78);
    for (const interval of ['10ms', '577h', '100h100d'])
      assert.equal((await run(['watch', folder, '--sha256', digest, '--interval', interval])).status, 64, interval);
    assert.equal((await run(['watch', folder, '--sha256', digest, '--listen', 'here'])).status, 64);
    const watching = await Watching.start([folder, '--sha256', digest]);
    await watching.until('/healthz', 200);
    const second = await run(['watch', folder, '--sha256', digest, '--listen', `127.0.0.1:${watching.port}`]);
    assert.equal(second.status, 78, 'the port is taken');
  });

  it('17: beside a policy, a variable of the pod does not mute it; the command line counts', async () => {
    const policy = join(work, 'policy.yaml');
    const artifact = { name: 'model', path: folder, require: [{ sha256: digest }] };
    const head = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'VerificationPolicy', metadata: { name: 'p' } };
    writeFileSync(policy, JSON.stringify({ ...head, spec: { artifacts: [artifact] } }));
    for (const environment of [{ WEIGHLOCK_INTERVAL: '500h' }, { WEIGHLOCK_EXIT_ON_FAILURE: 'true' }]) {
      const muted = await Watching.start([`--policy=${policy}`], environment);
      assert.equal(await muted.ended, 78, JSON.stringify(environment));
      assert.match(muted.stdout, /would mute watch/);
    }
    const free = await Watching.start([folder, `--sha256=${digest}`], { WEIGHLOCK_INTERVAL: '500h' });
    await free.until('/readyz', 200);
    const settled = await Watching.start([`--policy=${policy}`, '--interval=10m', '--no-exit-on-failure'], {
      WEIGHLOCK_INTERVAL: '500h',
      WEIGHLOCK_EXIT_ON_FAILURE: 'true',
    });
    await settled.until('/readyz', 200);
  });

  it('17: is not ready while it reads what cannot be what passed: a file that grew by a terabyte', async () => {
    const file = join(work, 'grows.bin');
    writeFileSync(file, 'aaaa');
    const watching = await Watching.start([
      file,
      '--sha256',
      createHash('sha256').update('aaaa').digest('hex'),
      '--interval=1h',
    ]);
    await watching.until('/readyz', 200);
    truncateSync(file, 2 ** 40);
    await watching.until('/readyz', 503);
    assert.match(watching.stdout, /counts no more: there are 1099511627776 bytes in 1 files/);
    assert.match(await watching.metrics(), /^weighlock_ready 0$/m);
    assert.match(await watching.metrics(), /result="failed"\} 0$/m, 'the verification goes on');
    watching.child.kill('SIGTERM');
    assert.equal(await watching.ended, 143);
    rmSync(file);
  });

  it('answers nothing else, and nobody who only holds a connection open', async () => {
    const watching = await Watching.start([folder, '--sha256', digest]);
    await watching.until('/readyz', 200);
    assert.equal(await watching.status('/'), 404);
    assert.equal(await watching.status('/metrics', 'POST'), 405);
    assert.equal(await watching.status('/readyz?x=y'), 200);
    assert.equal(await watching.status('/readyz', 'HEAD'), 200);
    const sockets = Array.from({ length: 40 }, () =>
      createConnection(watching.port, '127.0.0.1').on('error', () => {}),
    );
    await delay(200);
    for (const socket of sockets) socket.destroy();
    await watching.until('/readyz', 200);
  });
});
