import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remoteSettings } from '../../src/commands/remote-settings.ts';
import { WeighlockError } from '../../src/error/index.ts';

const USER = { 'registry-username': 'platform', 'registry-password': 'hunter2' };
const TOKEN = { 'registry-token': 'hunter2' };
const OF_USER = { WEIGHLOCK_REGISTRY_USERNAME: 'platform', WEIGHLOCK_REGISTRY_PASSWORD: 'hunter2' };
const OFF = { 'allow-http-registry': false, 'allow-unknown-layers': false, replace: false, unpack: false };
const USUAL = { 'response-timeout': '30s', ...OFF };
const OURS = 'oci://registry.example.com/m:v1';
const THEIRS = 'oci://evil.example/m:v1';

/** Whom a credential is for; the code, where it is for nobody. */
function addressee(values: Record<string, unknown>, environment: Record<string, string>): string | undefined {
  try {
    return remoteSettings({ ...USUAL, ...values }, environment).registry.credentials.given?.pattern;
  } catch (error) {
    assert.ok(error instanceof WeighlockError, String(error));
    assert.ok(!`${error.message} ${error.remedy} ${error.found}`.includes('hunter2'));
    return error.code;
  }
}

describe('15.12: a credential that is given by options or variables', () => {
  it('goes to a registry that a variable names only if it is said to be for it', () => {
    for (const [values, environment, expected] of [
      // The command line writes out the registry.
      [{ ...USER, sources: [OURS] }, {}, 'registry.example.com'],
      [{ ...TOKEN, sources: [OURS] }, {}, 'registry.example.com'],
      [{ ...TOKEN, source: [OURS] }, {}, 'registry.example.com'],
      [{ ...USER, sources: [OURS, `${OURS}2`] }, {}, 'registry.example.com'],
      [{ ...USER, sources: [OURS] }, OF_USER, 'registry.example.com'],
      // Somebody else names it.
      [USER, { MODEL_SOURCE_URL: THEIRS }, 'USAGE'],
      [TOKEN, { DATASET_SOURCE_URL: THEIRS }, 'USAGE'],
      [USER, { ...OF_USER, MODEL_SOURCE_URL: THEIRS }, 'USAGE'],
      [{ ...USER, sources: [OURS] }, { MODEL_SOURCE_URL: THEIRS }, 'USAGE'],
      [{ ...USER, sources: [OURS, THEIRS] }, {}, 'USAGE'],
      [USER, {}, 'USAGE'],
      // As Kubernetes puts a variable into a word.
      [{ ...USER, sources: [THEIRS] }, { WHERE: THEIRS }, 'USAGE'],
      [{ ...USER, sources: [THEIRS] }, { WHERE: 'evil.example' }, 'USAGE'],
      [{ ...USER, sources: [THEIRS] }, { WHERE: 'EVIL.example/m' }, 'USAGE'],
      [{ ...USER, sources: ['oci://acme/m:v1'] }, { WHERE: 'oci://acme/m:v1' }, 'USAGE'],
      // It is said whose it is, whoever names a source.
      [{ ...USER, 'registry-server': 'registry.example.com', sources: [THEIRS] }, {}, 'registry.example.com'],
      [{ ...USER, 'registry-server': 'r.io:5000' }, { MODEL_SOURCE_URL: THEIRS }, 'r.io:5000'],
      [{ ...USER, 'registry-server': '[::1]:5000' }, {}, '[::1]:5000'],
      [{ ...USER, 'registry-server': 'docker.io' }, { MODEL_SOURCE_URL: THEIRS }, 'index.docker.io'],
      // All of it by variables, or the server by one and the credential not.
      [
        { ...USER, 'registry-server': 'r.io' },
        { ...OF_USER, WEIGHLOCK_REGISTRY_SERVER: 'r.io', MODEL_SOURCE_URL: THEIRS },
        'r.io',
      ],
      [{ ...USER, 'registry-server': 'evil.example' }, { WEIGHLOCK_REGISTRY_SERVER: 'evil.example' }, 'USAGE'],
      [{ ...TOKEN, 'registry-server': 'evil.example' }, { WEIGHLOCK_REGISTRY_SERVER: 'evil.example' }, 'USAGE'],
      // No pattern, no path, no scheme.
      ...['*', '*.example.com', 'r.io/m', 'https://r.io', 'a@r.io', 'r.io:x', '[*]'].map(
        (server) => [{ ...USER, 'registry-server': server }, {}, 'USAGE'] as const,
      ),
      [{ sources: [THEIRS] }, { MODEL_SOURCE_URL: THEIRS }, undefined],
    ] as const)
      assert.equal(addressee(values, environment), expected, JSON.stringify([values, environment]));
  });
});
