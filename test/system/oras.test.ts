// Folders as the real `oras` packs and pushes them (test/system/stores/build.ts builds it).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { passed, refused, run } from '../integration/cli.ts';
import { type RealRegistry, startRegistry } from './registry.ts';
import { storeProgram } from './stores/build.ts';

const oras = storeProgram('oras');
const work = mkdtempSync(join(tmpdir(), 'weighlock-oras-'));
after(() => rmSync(work, { recursive: true, force: true }));

const PORT = 5078;
const MODEL: Readonly<Record<string, string>> = {
  'config.json': '{"architectures":["LlamaForCausalLM"]}',
  'weights/model-00001.safetensors': 'w'.repeat(3 << 20),
  'weights/model-00002.safetensors': 'v'.repeat(1 << 20),
  'weights/empty.txt': '',
};

/** The tree digest of a folder. */
async function digestOf(folder: string): Promise<string> {
  const result = await run(['digest', folder]);
  passed(result);
  return result.stdout.trim();
}

/** A new folder for what is not there yet. */
const destination = () => join(mkdtempSync(join(work, 'at-')), 'm');

describe('18: folders that oras pushed', { skip: oras === undefined && 'oras is not built' }, () => {
  const folder = join(work, 'model');
  let registry: RealRegistry;

  /** @returns the digest that was pushed */
  const push = (reference: string, ...what: string[]) =>
    execFileSync(
      oras ?? '',
      ['push', '--plain-http', '--format', 'go-template={{.digest}}', `127.0.0.1:${PORT}/${reference}`, ...what],
      { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    ).trim();
  const pull = (reference: string) => {
    const at = destination();
    mkdirSync(at);
    execFileSync(oras ?? '', ['pull', '--plain-http', '-o', at, `127.0.0.1:${PORT}/${reference}`], { stdio: 'ignore' });
    return at;
  };
  const verify = (reference: string, digest: string, at: string) =>
    run(['verify', `oci://127.0.0.1:${PORT}/${reference}@${digest}`, at, '--plain-http', `127.0.0.1:${PORT}`]);

  before(async () => {
    registry = await startRegistry(PORT);
    assert.equal(registry.port, PORT);
    for (const [name, content] of Object.entries(MODEL)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
  });

  for (const [name, what] of [
    ['the folder itself, whose title is a dot', ['.']],
    ['a folder in it beside a file', ['weights', 'config.json:application/json']],
    ['a folder in it by a path with a dot', ['./weights', './config.json:application/json']],
  ] as const) {
    it(`${name}: published as oras unpacks it, with the tree digest of what was pushed`, async () => {
      const reference = 'models/m:v1';
      const digest = push(reference, ...what);
      const at = destination();
      passed(await verify('models/m', digest, at));
      for (const [file, content] of Object.entries(MODEL))
        assert.ok(readFileSync(join(at, file), 'utf8') === content, file);
      const pin = await digestOf(folder);
      assert.equal(await digestOf(at), pin);
      assert.equal(await digestOf(pull(reference)), pin);
      // And a file that was changed there is found by the same pin of the manifest.
      writeFileSync(join(at, 'config.json'), '{}');
      refused(await verify('models/m', digest, at), 'DIGEST_MISMATCH');
    });
  }

  it('copied by oras to an OCI image layout', async () => {
    const digest = push('models/copied:v1', '.');
    const layout = join(work, 'layout');
    const from = `127.0.0.1:${PORT}/models/copied:v1`;
    execFileSync(oras ?? '', ['copy', '--from-plain-http', '--to-oci-layout', from, `${layout}:v1`], {
      stdio: 'ignore',
    });
    const at = destination();
    passed(await run(['verify', `oci-layout://${layout}:v1@${digest}`, at]));
    assert.equal(await digestOf(at), await digestOf(folder));
  });
});
