// Threads that die: whoever waits for them, or asks them later, hears of it at once.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EXIT, EXIT_CODE_OF, WeighlockError } from '../../src/error/index.ts';
import { createControl, createRing } from '../../src/hash/index.ts';
import { ThreadGroup } from '../../src/thread/index.ts';

const died = (message: RegExp) => (error: unknown) =>
  error instanceof WeighlockError && error.code === 'INTERNAL' && message.test(error.message);

it('a thread that dies fails what it was asked, and everything that is asked later', async () => {
  const group = new ThreadGroup('hash');
  // Not what a thread is to be started with.
  group.start(null);
  const request = { kind: 'list', path: '/', allowSymlinks: false, maxFiles: 1 };
  await assert.rejects(group.ask(0, request), died(/a thread failed/));
  await assert.rejects(group.ask(0, request), died(/a thread failed/));
  await assert.rejects(group.askAll(request), died(/a thread failed/));
  assert.equal(EXIT_CODE_OF['INTERNAL'], EXIT.internal);
});

it('a thread that runs out of memory fails what it was asked, and the process goes on', async () => {
  const group = new ThreadGroup('hash', () => {}, { maxOldGenerationSizeMb: 24 });
  group.start({ control: createControl(), likelyEngine: 'native' });
  const ring = { ...createRing(), streams: 50_000_000 };
  await assert.rejects(group.ask(0, { kind: 'ring', engine: 'native', ring }), died(/memory limit/));
});
