// Hostile text of a megabyte takes no longer than other text of a megabyte.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { safePath } from '../../src/archive/index.ts';

it('15.27: a name of a megabyte is refused by its length, before anything looks at what is in it', () => {
  const slashes = '/'.repeat(1 << 20);
  for (const name of [`a${slashes}b`, slashes, `./${slashes}`, './'.repeat(1 << 19), `${'a/'.repeat(1 << 19)}b`])
    assert.deepEqual(safePath(Buffer.from(name)), { fault: 'is longer than 4095 bytes' });
});
