// What options and variables of a pod may do beside a policy of the platform: add, and never take
// away.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addEnvironment,
  BESIDE_POLICY,
  isOfCommandLine,
  MERGE_OPTIONS,
  OWN_WATCH_OPTIONS,
  PODS_OPTIONS,
  parseWords,
  requireNoMuting,
  requireNoWeakening,
  VERIFY_OPTIONS,
  WATCH_BESIDE_POLICY,
  WATCH_OPTIONS,
} from '../../src/commands/index.ts';
import { WeighlockError } from '../../src/error/index.ts';
import { type Policy, strictest } from '../../src/plan/index.ts';

const NAMES = Object.keys(VERIFY_OPTIONS);
const policyOf = (failurePolicy: 'Fail' | 'Ignore') => ({ mode: 'Enforce', failurePolicy }) as Policy;
const weakening = (words: string[], environment: Record<string, string> = {}) => {
  const { values, positionals } = parseWords(
    [...addEnvironment(words, VERIFY_OPTIONS, environment), ...words],
    VERIFY_OPTIONS,
  );
  return requireNoWeakening({ ...values, sources: positionals }, environment);
};
const coded = (code: string) => (error: unknown) => error instanceof WeighlockError && error.code === code;
const isBoolean = (name: string) => (VERIFY_OPTIONS as Record<string, { type: string }>)[name]?.type === 'boolean';
const given = (name: string) => (isBoolean(name) ? 'true' : 'x');

describe('15.9: beside a policy', () => {
  it('15.9: every option has its place in the table, and the table has no other', () => {
    assert.deepEqual(Object.keys(BESIDE_POLICY).sort(), [...NAMES].sort());
  });

  for (const name of NAMES)
    it(`15.9: --${name} and its variable, ${BESIDE_POLICY[name]}`, () => {
      const variable = `WEIGHLOCK_${name.toUpperCase().replaceAll('-', '_')}`;
      const ways = [() => weakening([`--${name}=${given(name)}`]), () => weakening([], { [variable]: given(name) })];
      for (const way of ways) {
        const isRefused =
          BESIDE_POLICY[name] === 'refused' || (way === ways[1] && isOfCommandLine(name, VERIFY_OPTIONS));
        if (isRefused) assert.throws(way, coded('CONFIG_INVALID'));
        else assert.deepEqual(way(), BESIDE_POLICY[name] === 'blocks' ? [`--${name}`] : []);
      }
    });

  it('15.9: what could make a question unanswerable ends failurePolicy Ignore, and only beside a policy', () => {
    const blocking = weakening([], { WEIGHLOCK_TIMEOUT: '1ms' });
    assert.equal(strictest([policyOf('Ignore')], {}, blocking).failurePolicy, 'Fail');
    assert.equal(strictest([policyOf('Ignore')], { failurePolicy: 'Ignore' }, blocking).failurePolicy, 'Fail');
    assert.equal(strictest([policyOf('Ignore')], {}, weakening([])).failurePolicy, 'Ignore');
    assert.equal(strictest([policyOf('Fail')], { failurePolicy: 'Ignore' }, []).failurePolicy, 'Fail');
    assert.equal(strictest([], { failurePolicy: 'Ignore' }, blocking).failurePolicy, 'Ignore');
  });

  it('15.9: so do proxies, credentials and sources that the pod names', () => {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'http_proxy', 'NO_PROXY', 'DOCKER_CONFIG', 'REGISTRY_AUTH_FILE'])
      assert.equal(weakening([], { [name]: 'x' }).length, 1, name);
    const model = { MODEL_SOURCE_URL: 'https://dead.example/m', MODEL_PATH: '/m' };
    assert.deepEqual(weakening([], model), ['MODEL_SOURCE_URL']);
    assert.equal(weakening(['oci://dead.example/m', '/m']).length, 1);
    // What an injecting policy passes on says only where the content came from.
    assert.deepEqual(weakening(['/m'], { MODEL_SOURCE_URL: 'https://x/m', HOME: '/nonexistent' }), []);
  });

  it('15.9: what would take away a check is refused', () => {
    for (const name of ['allow-symlinks', 'allow-unknown-layers', 'unpack'])
      assert.throws(() => weakening([`--${name}`]), coded('CONFIG_INVALID'), name);
  });

  it('15.9: the usual values change nothing', () => {
    assert.deepEqual(weakening(['--timeout=6h', '--idle-timeout=5m', '--no-allow-symlinks', '--unpack=false']), []);
  });

  it('19: no variable says which share is looked at, what stands for bytes, or what is signed and as what', () => {
    const settled = {
      part: '0/2',
      'run-id': 'r1',
      verdict: '/tmp/verdict',
      'verdict-key': '/tmp/key',
      receipts: '/tmp/receipts',
      'receipt-key': '/tmp/key',
      'verifier-image': `sha256:${'a'.repeat(64)}`,
    };
    assert.deepEqual(NAMES.filter((name) => isOfCommandLine(name, VERIFY_OPTIONS)).sort(), Object.keys(settled).sort());
    for (const [name, value] of Object.entries(settled)) {
      const variable = `WEIGHLOCK_${name.toUpperCase().replaceAll('-', '_')}`;
      // Not where the command line says something else either, nor where it says the same.
      for (const words of [[], [`--${name}=${value}`], [`--${name}`, 'other']])
        assert.throws(
          () => addEnvironment(words, VERIFY_OPTIONS, { [variable]: value }),
          (error) => coded('CONFIG_INVALID')(error) && (error as Error).message.includes(variable),
          variable,
        );
      // A command that has no such option does not mind; nor does one that signs nothing.
      assert.deepEqual(addEnvironment([], {}, { [variable]: value }, NAMES), []);
    }
    assert.throws(() => addEnvironment([], MERGE_OPTIONS, { WEIGHLOCK_VERDICT_KEY: 'x' }), coded('CONFIG_INVALID'));
    const image = { WEIGHLOCK_VERIFIER_IMAGE: settled['verifier-image'] };
    assert.equal(addEnvironment([], PODS_OPTIONS, image).length, 1);
  });

  it('15.9: the command line and a variable never name different policies', () => {
    for (const name of ['policy', 'trust', 'policy-key', 'policy-signature', 'targets']) {
      const variable = `WEIGHLOCK_${name.toUpperCase().replaceAll('-', '_')}`;
      for (const words of [[`--${name}=/evil`], [`--${name}`, '/evil']])
        assert.throws(() => weakening(words, { [variable]: '/platform' }), coded('CONFIG_INVALID'), name);
      for (const words of [[`--${name}=/platform`], [`--${name}`, '/platform']])
        assert.deepEqual(weakening(words, { [variable]: '/platform' }), []);
    }
  });

  it('17: no variable mutes watch: it may be asked to look more often, and nothing else', () => {
    const own = Object.keys(WATCH_OPTIONS).filter((name) => !NAMES.includes(name));
    assert.deepEqual(Object.keys(OWN_WATCH_OPTIONS), own);
    assert.deepEqual(Object.keys(WATCH_BESIDE_POLICY).sort(), own.sort());
    for (const environment of [
      {},
      { WEIGHLOCK_INTERVAL: '5m' },
      { WEIGHLOCK_INTERVAL: '300s' },
      { WEIGHLOCK_INTERVAL: '1s' },
      { WEIGHLOCK_LISTEN: OWN_WATCH_OPTIONS.listen.default },
      { WEIGHLOCK_EXIT_ON_FAILURE: 'false' },
    ])
      requireNoMuting(environment);
    for (const environment of [
      { WEIGHLOCK_INTERVAL: '301s' },
      { WEIGHLOCK_INTERVAL: '2400h' },
      { WEIGHLOCK_INTERVAL: 'never' },
      { WEIGHLOCK_LISTEN: '127.0.0.1:1' },
      { WEIGHLOCK_EXIT_ON_FAILURE: 'true' },
    ])
      assert.throws(
        () => requireNoMuting(environment),
        (error) =>
          coded('CONFIG_INVALID')(error) && (error as Error).message.includes(Object.keys(environment)[0] ?? ''),
        JSON.stringify(environment),
      );
  });
});
