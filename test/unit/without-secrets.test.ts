// A user and a password that somebody wrote into a source, a reference or a setting stand in no
// message.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { registrySettings } from '../../src/plan/registry-settings.ts';
import { parseLocation, refuseBareReference, signatureRepository } from '../../src/source/index.ts';
import { shownReference, withoutSecrets } from '../../src/without-secrets.ts';

const HEX = 'ab'.repeat(32);

describe('15: a password in the place of something else is not shown', () => {
  for (const text of [
    'oci://user:hunter2@reg.io/m',
    `oci://user:hunter2@reg.io/m@sha256:${HEX}`,
    'oci://user:hun/hunter2@reg.io/m:v1',
    'OCI://hunter2@reg.io/m',
    'oci:user:hunter2@reg.io/m',
    'oci-archive:user:hunter2@reg.io/m',
    'oci-layout://user:hunter2@reg.io',
    'user:hunter2@reg.io/m:v1',
    'user:hunter2/@reg.io/m:v1',
    'https://user:hunter2@reg.io:99999/m',
    'https://user:hun/hunter2@reg.io/m',
    'https://user:hun?hunter2@reg.io/m',
    's3://AKIA:hun/hunter2+/@bucket/key',
    's3://AKIA:hunter2@bucket/key',
    's3://bucket/key?X-Amz-Signature=hunter2',
    'gs://AKIA:hun/hunter2@bucket/key',
    'gs://user:hunter2@bucket/key',
    'gs://bucket/key?X-Goog-Signature=hunter2',
    'hf://user:hun/hunter2@org/model',
    'hf://user:hunter2@org/model',
    'hf://org/model?token=hunter2',
    'https://account.blob.core.windows.net/container/prefix/?sig=hunter2',
    'https://user:hunter2@account.blob.core.windows.net/container/prefix/',
    'file://user:hunter2@host/path',
  ])
    it(text.replace('hunter2', 'PASSWORD'), () => {
      const said: unknown[] = [];
      for (const ask of [
        () => parseLocation(text),
        () => refuseBareReference(text, () => false),
        () => signatureRepository(text),
        () => registrySettings(mirrored(text), {}),
      ]) {
        try {
          const found = ask();
          if (found !== undefined && 'text' in Object(found)) said.push((found as { text: unknown }).text);
        } catch (error) {
          assert.ok(error instanceof WeighlockError);
          const { message, found, remedy } = error;
          said.push({ message, found, remedy });
        }
      }
      assert.doesNotMatch(JSON.stringify(said), /hun/);
    });
});

const mirrored = (mirror: string) => ({
  caFiles: [],
  plainHttp: [],
  configs: [],
  mirrors: [mirror],
  responseTimeout: 0,
  connections: 8,
});

it('15: what is no secret is shown as it was written', () => {
  for (const text of [
    'oci://reg.io/m:v1',
    'm:v1',
    `reg.io/m:v1@sha256:${HEX}`,
    'oci://reg.io:5000/A',
    '@sha256:abc',
    '',
  ])
    assert.equal(shownReference(text), text);
  assert.equal(shownReference(`u:p@reg.io/m@sha256:${HEX}`), `...@reg.io/m@sha256:${HEX}`);
  assert.equal(shownReference('a'.repeat(400)).length, 303);
  for (const [text, expected] of [
    ['https://host/a@b', 'https://host/a@b'],
    ['https://host:8080/a@b?c#d', 'https://host:8080/a@b?...'],
    ['https://[fd00::1]:8080/a@b', 'https://[fd00::1]:8080/a@b'],
    ['https://user@host/a@b', 'https://host/a@b'],
    ['https://host/#a@b', 'https://host/#...'],
    ['nonsense', 'nonsense'],
  ])
    assert.equal(withoutSecrets(text ?? ''), expected);
});
