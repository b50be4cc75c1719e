// Which files may be there although nobody listed them: the one rule, case by case.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EvidenceFile } from '../../src/evidence/index.ts';
import { FileTableBuilder, fromText } from '../../src/fs/index.ts';
import { ignoredPath } from '../../src/plan/ignored-paths.ts';
import { compareChecksums } from '../../src/verdict/compare.ts';
import type { UnlistedRules } from '../../src/verdict/unlisted.ts';

const GOOD = 'a'.repeat(64);
const EVIL = 'e'.repeat(64);

function table(files: Readonly<Record<string, { size?: number; sha256?: string }>>) {
  const builder = new FileTableBuilder();
  for (const [name, { size = 1, sha256 = GOOD }] of Object.entries(files))
    builder.addHashed(fromText(name), size, sha256);
  return builder.freeze();
}

function evidence(name: string, change: Partial<EvidenceFile> = {}): EvidenceFile {
  return { name: fromText(name), sha256: GOOD, size: 1, links: 1, ...change };
}

function judge(name: string, rules: UnlistedRules, file: { size?: number; sha256?: string } = {}) {
  const { failures, unlisted } = compareChecksums(table({ [name]: file }), { checksums: new Map(), unlisted: rules });
  return { codes: failures.map(({ code }) => code), remedy: failures[0]?.remedy ?? '', unlisted };
}

function passes(name: string, rules: UnlistedRules, kind: string, file = {}): void {
  const { codes, unlisted } = judge(name, rules, file);
  assert.deepEqual([codes, unlisted.map((one) => [one.file, one.kind])], [[], [[name, kind]]], name);
}

function isRefused(name: string, rules: UnlistedRules, remedy = /remove the file/, file = {}): void {
  const result = judge(name, rules, file);
  assert.deepEqual([result.codes, result.unlisted], [['FILE_UNEXPECTED'], []], name);
  assert.match(result.remedy, remedy);
}

describe('15.2: evidence that lies in the artifact', () => {
  it('15.2: may be there under a name that no loader reads, and is named', () => {
    const names = [
      'model.sig',
      'sub/x.sig',
      'model.sigstore',
      'm.sigstore.json',
      'SHA256SUMS',
      'sha256sums',
      'SHA256SUM',
    ];
    for (const name of [...names, 'w.sha256', 'w.sha256sums']) passes(name, { evidence: [evidence(name)] }, 'evidence');
  });

  it('15.2: is refused under every other name', () => {
    const loaders = ['config.json', 'tokenizer_config.json', 'generation_config.json', 'vocab.txt', 'tokenizer.txt'];
    const data = [
      'train.jsonl',
      'claims.jsonl',
      'a.intoto.jsonl',
      'data.csv',
      'SHA256SUMS.txt',
      'README.md',
      'x.safetensors',
    ];
    const code = ['modeling.py', '__init__.py', 'x.so', 'pytorch_model.bin', 'x.pkl', 'chat_template.jinja', 'x.yaml'];
    const odd = [
      'sig',
      '.sig',
      'x.SIG',
      'model.sig/config.json',
      'model.sig.py',
      'model.sig ',
      'sigstore.json',
      'SHA256SUMS2',
    ];
    for (const name of [...loaders, ...data, ...code, ...odd])
      isRefused(name, { evidence: [evidence(name)] }, /must be called \*\.sig/);
  });

  it('15.2: is one path: another name for it, whatever it is linked to, is another file', () => {
    const rules = { evidence: [evidence('model.sig')] };
    for (const name of [
      'tokenizer_config.json',
      'other.sig',
      'sub/model.sig',
      'Model.sig',
      'MODEL.SIG',
      'model.sig\u0301',
    ])
      isRefused(name, rules);
  });

  it('15.2: with a second hard link, through a link, or with other bytes than were read is refused', () => {
    isRefused('model.sig', { evidence: [evidence('model.sig', { links: 2 })] }, /hard link/);
    isRefused('model.sig', { evidence: [evidence('model.sig')] }, /was replaced/, { sha256: EVIL });
    const files = { ...table({ 'model.sig': {} }), targets: new Map([[0, fromText('blob')]]) };
    const { failures } = compareChecksums(files, {
      checksums: new Map(),
      unlisted: { evidence: [evidence('model.sig')] },
    });
    assert.match(failures[0]?.remedy ?? '', /not a link/);
    const unread = table({ 'model.sig': {} });
    unread.hashed[0] = 0;
    const unknown = compareChecksums(unread, { checksums: new Map(), unlisted: { evidence: [evidence('model.sig')] } });
    assert.equal(unknown.failures[0]?.code, 'FILE_UNEXPECTED');
  });

  it('17: that cannot be read any more is no file too many where that is a failure already, and lets nothing pass', () => {
    const judged = (name: string, unread: readonly string[], rules: UnlistedRules) => {
      const files = table({ [name]: {} });
      files.hashed[0] = 0;
      const { failures, unlisted } = compareChecksums(files, { checksums: new Map(), unlisted: rules }, unread);
      assert.deepEqual(unlisted, []);
      return failures.map(({ code }) => code);
    };
    const rules = { evidence: [evidence('model.sig')] };
    assert.deepEqual(judged('model.sig', ['model.sig'], rules), []);
    assert.deepEqual(judged('model.sig', ['other'], rules), ['FILE_UNEXPECTED']);
    assert.deepEqual(judged('evil.py', ['evil.py'], rules), ['FILE_UNEXPECTED']);
    const linked = { evidence: [evidence('model.sig', { links: 2 })] };
    assert.deepEqual(judged('model.sig', ['model.sig'], linked), ['FILE_UNEXPECTED']);
  });
});

describe('15.11: what the signer left out', () => {
  const leftOut = new Set(['.git', '.github', 'pkg/__init__.py'].map(fromText));

  it('15.11: is refused by default, and the remedy says how a platform allows it', () => {
    for (const name of ['.git/hooks/x.py', '.git', '.github/evil.py'])
      isRefused(name, { evidence: [], leftOut }, /--ignore-paths \.git/);
    isRefused('.gitx/evil.py', { evidence: [], leftOut });
    isRefused('sub/.git/x', { evidence: [], leftOut });
  });

  it('15.11: is let pass and named where the platform allows it, below that path only', () => {
    const rules = { evidence: [], leftOut, ignorePaths: [fromText('.git'), fromText('a/b')] };
    for (const name of ['.git', '.git/HEAD', 'a/b', 'a/b/c']) passes(name, rules, 'ignored');
    for (const name of ['.gitignore', 'a', 'a/bc', 'x/.git/HEAD', '.GIT/HEAD']) isRefused(name, rules);
  });

  it('15.11: an empty file of shards is let pass only where the signer named it, exactly', () => {
    const rules = { evidence: [], leftOut, emptyFiles: leftOut };
    passes('pkg/__init__.py', rules, 'empty', { size: 0 });
    isRefused('pkg/__init__.py', rules, /the signer left it out/, { size: 1 });
    isRefused('.git/__init__.py', rules, /the signer left it out/, { size: 0 });
    isRefused('other/__init__.py', rules, /shards leave out empty files/, { size: 0 });
    isRefused('pkg/__init__.py', { evidence: [], leftOut }, /the signer left it out/, { size: 0 });
  });

  it('15.11: paths to ignore are exact, and never the root', () => {
    for (const text of ['.git', 'a/b', './x', 'a/']) assert.equal(typeof ignoredPath(text), 'string', text);
    for (const text of [
      '',
      '.',
      './',
      '/',
      '/a',
      '..',
      'a/../b',
      '*',
      '*.py',
      'a/**',
      'a?',
      '[a]',
      'a//b',
      'a\\b',
      'a\0',
    ])
      assert.equal(typeof ignoredPath(text), 'object', text);
  });
});

describe('a file that was hashed with another hash than was listed', () => {
  it('is not taken for one that was compared', () => {
    const { failures } = compareChecksums(table({ w: {} }), {
      checksums: new Map([[fromText('w'), GOOD]]),
      digestOf: () => undefined,
    });
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['INTERNAL'],
    );
  });
});
