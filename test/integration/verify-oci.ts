// Pulls and verifies an artifact of a registry of the tests, to a place of its own.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeRegistry } from '../registry/fake.ts';
import { type Finished, run, workFolder } from './cli.ts';

/** @param reference - what follows the repository: `:tag` or `@digest` */
export async function verifyOci(
  registry: FakeRegistry,
  reference: string,
  flags: readonly string[],
): Promise<Finished> {
  const destination = join(workFolder(), 'm');
  const source = `oci://${registry.host}/models/m${reference}`;
  const result = await run(['verify', source, destination, '--plain-http', registry.host, ...flags]);
  assert.equal(existsSync(destination), result.status === 0);
  return result;
}
