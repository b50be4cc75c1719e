// What a run does not use is not loaded: the program without it does the same.
import assert from 'node:assert/strict';
import { copyFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeGcs } from '../store/gcs.ts';
import { FakeS3 } from '../store/s3.ts';
import { passed, recipe, runProcess, workFolder, write } from './cli.ts';

const PROGRAM = process.env['PROGRAM_UNDER_TEST'];
const skip = PROGRAM === undefined ? 'the program is not bundled: npm test bundles it' : false;

/** The program without these of its files. */
function programWithout(unwanted: RegExp): string {
  const folder = workFolder();
  const from = dirname(PROGRAM ?? '');
  const files = readdirSync(from).filter((name) => /\.[cm]js$/.test(name) && !unwanted.test(name));
  for (const name of files) copyFileSync(join(from, name), join(folder, name));
  return join(folder, 'weighlock.mjs');
}

describe('18: the code for a cloud', { skip }, () => {
  const volume = join(workFolder(), 'model');
  write(volume, { 'config.json': '{}' });
  const pin = recipe(volume);
  const run = (program: string, words: readonly string[], environment: Record<string, string> = {}) =>
    runProcess(words, { program, environment });

  it('18: is not there for a volume, and neither are threads with a network', async () => {
    passed(await run(programWithout(/aws|google|pull|tuf|sigstore|signing/), ['verify', volume, '--sha256', pin]));
  });

  it('18: of one is not there for another, which asks for its own', async () => {
    const [s3, gcs] = [await FakeS3.start(), await FakeGcs.start()];
    after(() => [s3, gcs].map((fake) => fake.close()));
    for (const fake of [s3, gcs]) fake.add('models', { 'llama/config.json': '{}' });
    const fetchModel = (program: string, scheme: string, host: string, environment: Record<string, string>) => {
      const words = ['verify', `${scheme}://models/llama/`, join(workFolder(), 'model'), '--sha256', pin];
      return run(program, [...words, '--plain-http', host], environment);
    };
    const [withoutAws, withoutGoogle] = [programWithout(/library-aws/), programWithout(/library-google/)];
    passed(await fetchModel(withoutAws, 'gs', gcs.host, gcs.environment));
    passed(await fetchModel(withoutGoogle, 's3', s3.host, s3.environment));
    assert.notEqual((await fetchModel(withoutAws, 's3', s3.host, s3.environment)).status, 0);
  });
});
