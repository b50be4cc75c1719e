// Files of secrets that a platform mounts: one that cannot be read is named, and so is what to do.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accountConnection } from '../../src/cluster/index.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { givenCredential } from '../../src/plan/given-credential.ts';
import { readPrivateKey, readToken } from '../../src/sign/index.ts';
import { signModel } from '../../src/sign/sign-model.ts';
import { workFolder } from '../integration/cli.ts';

const folder = workFolder();
const absent = join(folder, 'absent');
const addressee = { server: 'registry.example.com', isServerOfOthers: false, registries: [], written: [] };

async function failureOf(action: () => unknown): Promise<WeighlockError> {
  try {
    await action();
  } catch (error) {
    assert.ok(error instanceof WeighlockError, String(error));
    return error;
  }
  return assert.fail('it was read');
}

describe('a file that cannot be read', () => {
  const account = (files: { tokenFile?: string; caFile?: string }) =>
    accountConnection({ server: 'https://api', ...files }).credentials();
  for (const [what, action, remedy] of [
    ['an identity token', () => readToken(absent), /--identity-token FILE/],
    ['a private key', () => readPrivateKey(absent, undefined), undefined],
    ['a password', () => givenCredential({ username: 'u', passwordFile: absent }, addressee), /mount the secret/],
    ['a token of a service account', () => account({ tokenFile: absent }), /automountServiceAccountToken/],
    ['a CA of a service account', () => account({ caFile: absent }), /automountServiceAccountToken/],
  ] as const)
    it(`${what}, is a wrong configuration`, async () => {
      const { code, remedy: said = '', message } = await failureOf(action);
      assert.equal(code, 'CONFIG_INVALID');
      if (remedy !== undefined) assert.match(said, remedy);
      assert.doesNotMatch(message, /undefined/);
    });

  it('is told from one that can', () => {
    const file = join(folder, 'secret');
    writeFileSync(file, 'hunter2\r\n');
    assert.equal(readToken(file), 'hunter2');
    assert.equal(readToken('a.b-c.d_e'), 'a.b-c.d_e');
    const { credential } = givenCredential({ username: 'u', passwordFile: file }, addressee) ?? {};
    assert.deepEqual(credential, { kind: 'basic', username: 'u', password: 'hunter2' });
    assert.deepEqual(account({ tokenFile: file, caFile: file }), { token: 'hunter2', ca: 'hunter2\r\n' });
  });
});

describe('a private key', () => {
  it('of cosign is opened with its password, and with no other', async () => {
    const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/cosign/${name}`, import.meta.url));
    const key = await readPrivateKey(fixture('cosign.key'), 'fixture');
    const made = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    assert.equal(made, readFileSync(fixture('cosign.pub'), 'utf8'));
    assert.match((await failureOf(() => readPrivateKey(fixture('cosign.key'), 'other'))).message, /wrong password/);
    assert.match((await failureOf(() => readPrivateKey(fixture('cosign.key'), undefined))).message, /password/);
  });

  it('of a megabyte, and one of another kind, is refused', async () => {
    const file = join(folder, 'large.pem');
    writeFileSync(file, '');
    truncateSync(file, 2 ** 20);
    assert.match((await failureOf(() => readPrivateKey(file, undefined))).message, /too large/);
    writeFileSync(file, 'nonsense');
    assert.match((await failureOf(() => readPrivateKey(file, undefined))).message, /does not parse/);
    assert.match((await failureOf(() => readPrivateKey(file, 'x'))).message, /wrong password/);
    const { privateKey } = generateKeyPairSync('ed25519');
    const failure = await failureOf(() => signModel(Buffer.from('{}'), privateKey));
    assert.equal(failure.code, 'CONFIG_INVALID');
    assert.match(failure.message, /not signed with keys of this kind: .*ed25519/i);
  });
});
