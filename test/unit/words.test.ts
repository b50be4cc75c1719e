// What a command line may say: every way that it could end with 0 without a verification is closed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommandLine } from '../../src/cli.ts';
import {
  addEnvironment,
  type Context,
  parseWords,
  requireNoSubstitution,
  VERIFY_OPTIONS,
} from '../../src/commands/index.ts';
import { namesOf } from '../../src/commands/option-values.ts';
import { WeighlockError } from '../../src/error/index.ts';

/** No thread is started: nothing here has anything to hash. */
function pool(): never {
  throw new WeighlockError({ code: 'SOURCE_UNAVAILABLE', message: 'there are no threads' });
}

/** One command line, in this process: its exit code, and what it printed. */
async function exitOf(words: string[], environment: Record<string, string> = {}): Promise<[number, string]> {
  let printed = '';
  const output = {
    isTerminal: false,
    write: (text: string) => {
      printed += text;
    },
    writeAll: async (data: string | Uint8Array) => {
      printed += data;
    },
  };
  const signal = new AbortController().signal;
  const context: Context = { words, environment, out: output, err: output, signal, pool };
  try {
    return [(await runCommandLine(words, context)).exitCode, printed];
  } catch (error) {
    assert.ok(error instanceof WeighlockError, String(error));
    return [error.exitCode, `${error.message}${error.remedy}`];
  }
}

const PIN = `--sha256=${'0'.repeat(64)}`;

describe('15.4: help and version', () => {
  it('15.4: are given to who asks for nothing else', async () => {
    for (const words of [['--help'], ['--version'], ['verify', '--help'], ['digest', '--help'], ['report', '--help']]) {
      const [code, text] = await exitOf(words);
      assert.equal(code, 0, words.join(' '));
      assert.match(text, words.includes('--version') ? /^\d+\.\d+\.\d+\n$/ : /weighlock/);
    }
  });

  const OTHERS: readonly string[][] = [
    [],
    [''],
    ['-h'],
    ['-v'],
    ['help'],
    ['version'],
    ['--help', 'verify'],
    ['--help', '--version'],
    ['--version', '--version'],
    ['--version=x'],
    ['--help=true'],
    ['--no-help'],
    ['-'],
    ['--'],
    ['--', '--help'],
    ['--', 'verify', '--help'],
    ['--get-yargs-completions'],
    ['completion'],
    ['verify', '--version'],
    ['verify', '-h'],
    ['verify', '--help=true'],
    ['verify', '--help', '--help'],
    ['verify', '/nonexistent', '--help'],
    ['verify', '--help', '/nonexistent', PIN],
    ['verify', '/nonexistent', PIN, '--version'],
    ['verify', '/nonexistent', PIN, '--hel'],
    ['verify', '/nonexistent', PIN, '--get-yargs-completions'],
    ['verify', '/nonexistent', PIN, '--get-yargs-completions=x'],
    ['verify', '/nonexistent', PIN, '--show-hidden'],
    ['verify', '/nonexistent', PIN, '--config=/x'],
    ['verify', '/nonexistent', PIN, '--exit-code=0'],
    ['verify', '/nonexistent', PIN, '--__proto__=x'],
    ['verify', '/nonexistent', PIN, '--constructor=x'],
    ['verify', '--', '--help'],
    ['verify', '--', '--version'],
    ['verify', ''],
    ['verify', '', PIN],
    ['verify', ' ', PIN],
    ['watch', '--version'],
    ['digest', '--version'],
    ['digest', ''],
    ['digest', '--'],
    ['policy'],
    ['policy', 'check'],
    ['policy', '--version'],
    ['keygen', '--version'],
    ['VERIFY', '--help'],
    ['constructor'],
    ['__proto__', '--help'],
    ['__leave', '0'],
  ];
  for (const words of OTHERS)
    it(`15.4: never a 0 for ${JSON.stringify(words)}`, async () => {
      const [code, text] = await exitOf(words);
      assert.ok(code !== 0, text);
    });

  it('15.4: verify asked for help in a pod is no verdict', async () => {
    for (const name of ['KUBERNETES_SERVICE_HOST', 'MODEL_PATH', 'DATASET_SHA256', 'WEIGHLOCK_TRUST'])
      for (const command of ['verify', 'watch']) {
        const [code, text] = await exitOf([command, '--help'], { [name]: '' });
        assert.equal(code, 64);
        assert.match(text, /weighlock/);
      }
  });
});

describe('15.4: a value that became an option', () => {
  const CASES: readonly [words: string[], environment: Record<string, string>][] = [
    [['/m', '--mode=Audit'], { MODEL_PATH: '--mode=Audit' }],
    [['--failure-policy=Ignore'], { X: '--failure-policy=Ignore' }],
    [['--help'], { DATASET_PATH: '--help' }],
    [['--key=/evil.pub/model'], { DIR: '--key=/evil.pub' }],
    [['-a', 'x=y'], { X: '-a' }],
    [['--', '--policy', '/p'], { MODEL_PATH: '--' }],
    [['/m', '--', '--key=/k'], { X: '--' }],
    [['--mode=Audit'], { A: '-', B: '-mode=Audit' }],
    [['--mode=Audit/m'], { A: '--', B: 'mode=Audit' }],
  ];
  for (const [words, environment] of CASES)
    it(`15.4: ${words.join(' ')} is refused where it stands in a variable`, async () => {
      assert.equal((await exitOf(['verify', ...words], environment))[0], 64);
      requireNoSubstitution(words, { MODEL_PATH: '/m', HOME: '/', EMPTY: '', DASH: '-', MINUS: '-1' });
    });

  it('15.4: behind -- it is a path like any other', () => {
    requireNoSubstitution(['--mode=Audit', '/m'], { DASHES: '--', OTHER: '/m' });
    requireNoSubstitution(['--', '--mode=Audit'], { MODEL_PATH: '--mode=Audit' });
    assert.deepEqual(parseWords(['--mode=Enforce', '--', '--mode=Audit', '-a', '--offline'], VERIFY_OPTIONS), {
      ...parseWords(['--mode=Enforce'], VERIFY_OPTIONS),
      positionals: ['--mode=Audit', '-a', '--offline'],
    });
  });
});

describe('15.4: what says nothing', () => {
  const LISTS = ['policy', 'key', 'annotations', 'sha256', 'condition', 'signature', 'mirror', 'plain-http'];
  for (const option of LISTS)
    it(`15.4: an empty --${option} asks for nothing, and is refused`, async () => {
      for (const empty of [[`--${option}=`], [`--${option}`, '']])
        assert.equal((await exitOf(['verify', '/nonexistent', PIN, ...empty]))[0], 64);
    });

  for (const list of [',', ',,', '/a,', ',/a', '/a,,/b', ' , '])
    it(`15.4: a list of names with one missing is refused: ${JSON.stringify(list)}`, () => {
      for (const option of ['policy', 'key']) assert.throws(() => namesOf({ [option]: list }, option), /an empty name/);
    });

  it('15.4: a path that is called like an option takes nothing away that a variable asks for', () => {
    const added = (words: string[]) =>
      addEnvironment(words, VERIFY_OPTIONS, { WEIGHLOCK_KEY: '/k', WEIGHLOCK_POLICY: '/p' });
    for (const words of [
      ['--', '--key'],
      ['--', '--key=/x'],
      ['--', '--policy', '/p'],
      ['/m', '--', '--no-key'],
    ])
      assert.deepEqual(added(words), ['--key=/k', '--policy=/p']);
    assert.deepEqual(added(['--key', '/x', '--', '--policy']), ['--policy=/p']);
  });
});

describe('15.4: an option', () => {
  const refused = (words: string[]) =>
    assert.throws(
      () => parseWords(words, VERIFY_OPTIONS),
      (error) => error instanceof WeighlockError && error.code === 'USAGE',
      words.join(' '),
    );

  it('15.4: is written out, known, and has its value', () => {
    for (const words of [
      ['--failurePolicy=Ignore'],
      ['--failure_policy=Ignore'],
      ['--FAILURE-POLICY=Ignore'],
      ['--mod=Audit'],
      ['--no-mode'],
      ['--no-policy'],
      ['--no-trust'],
      ['--no-no-replace'],
      ['--no-replace=true'],
      ['--replace=yes'],
      ['--replace=1'],
      ['--replace='],
      ['--mode'],
      ['--key', '--mode=Audit'],
      ['--sha256', '--', 'x'],
      ['-x'],
      ['-mAudit'],
    ])
      refused(words);
  });

  it('15.4: given twice never means the last one', async () => {
    for (const twice of [
      ['--mode=Enforce', '--mode=Audit'],
      ['--failure-policy=Fail', '--failure-policy', 'Ignore'],
      ['--allow-symlinks', '--no-allow-symlinks'],
      ['--timeout=1h', '--timeout=1ms'],
      ['--trust=/a', '--trust=/b'],
      [PIN, PIN],
    ])
      assert.ok([64, 78].includes((await exitOf(['verify', '/nonexistent', PIN, ...twice]))[0]), twice.join(' '));
  });

  it('15.4: is text as it stands, numbers and dots included', () => {
    const { values, positionals } = parseWords(
      ['1.0', '--sha256=0x10', '--sha256', '1e3', '--condition=a == "b=c"', '--replace=false', '--no-unpack', '007'],
      VERIFY_OPTIONS,
    );
    assert.deepEqual(positionals, ['1.0', '007']);
    assert.deepEqual(values['sha256'], ['0x10', '1e3']);
    assert.deepEqual(values['condition'], ['a == "b=c"']);
    assert.deepEqual([values['replace'], values['unpack'], values['timeout']], [false, false, '6h']);
  });
});

describe("15.25: cosign's flags", () => {
  const valuesOf = (words: string[]) => parseWords(words, VERIFY_OPTIONS).values;

  it('15.25: are taken where they mean the same', () => {
    assert.deepEqual(valuesOf(['-a', 'env=prod', '--bundle', 'x.json'])['annotations'], ['env=prod']);
    assert.deepEqual(valuesOf(['--bundle=x.json', '--signature=y'])['signature'], ['x.json', 'y']);
    assert.equal(valuesOf(['--private-infrastructure'])['insecure-ignore-tlog'], true);
    assert.equal(valuesOf(['--max-workers=4'])['concurrency'], '4');
    for (const always of ['--offline', '--offline=true', '--new-bundle-format', '--experimental-oci11'])
      assert.deepEqual(valuesOf([always]), valuesOf([]));
  });

  it('15.25: are answered with ours where they do not', () => {
    for (const [flag, answer] of [
      ['--certificate-email=a@b.c', /--certificate-identity/],
      ['--rekor-url=https://x', /--trusted-root/],
      ['--k8s-keychain', /--registry-config/],
      ['--sk', /public-key --sk/],
      ['-o=json', /--format/],
      ['--offline=false', /leave it out/],
      ['--check-claims=false', /leave it out/],
      ['--local-image', /oci-layout/],
    ] as const)
      assert.throws(
        () => valuesOf([flag]),
        (error) => error instanceof WeighlockError && error.code === 'USAGE' && answer.test(`${error.remedy}`),
        flag,
      );
  });

  it('15.25: keys in services and clusters are told how to become files', async () => {
    for (const [key, answer] of [
      ['awskms:///alias/x', /cosign public-key --key awskms:\/\/\/alias\/x/],
      ['gcpkms://projects/p', /cosign public-key/],
      ['azurekms://v/k', /cosign public-key/],
      ['hashivault://k', /cosign public-key/],
      ['pkcs11:token=x', /cosign public-key/],
      ['k8s://ns/name', /mount the secret/],
      ['https://x/cosign.pub', /mount it as a file/],
      ['env://NONE', /set it to the public key/],
    ] as const) {
      const [code, text] = await exitOf(['verify', '/nonexistent', `--key=${key}`, '--format=json']);
      assert.ok([64, 78].includes(code), key);
      assert.match(text, answer);
    }
  });
});
