import assert from 'node:assert/strict';
import { it } from 'node:test';
import { atOnce } from '../../src/fs/open-later.ts';

it('a call that is made at once is answered later, with what it returned or threw', async () => {
  const answers: unknown[] = [];
  const fault = Object.assign(new Error('no'), { code: 'ENOENT' });
  const answered = new Promise<void>((resolve) => {
    atOnce(
      () => 7,
      (error, value) => answers.push([error, value]),
    );
    atOnce(
      () => {
        throw fault;
      },
      (error) => {
        answers.push(error);
        resolve();
      },
    );
  });
  assert.deepEqual(answers, [], 'nobody is called before the call returns');
  await answered;
  assert.deepEqual(answers, [[null, 7], fault]);
});
