// What the pages for people say is true: links lead somewhere, commands are commands, and pages
// made from code are current.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { outdated } from '../../scripts/make-reference.ts';
import { COMMANDS } from '../../src/cli.ts';
import { check, parse } from '../docs/check.ts';
import { blocksOf, inlineCode, pages, ROOT } from '../docs/pages.ts';
import { commandsOf } from '../docs/shell.ts';

/** Names of what a page may call its own heading, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What a person typed, of a block that shows answers too. */
function typed(block: string): string {
  return [...block.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line).join('\n');
}

interface Container {
  readonly image?: unknown;
  readonly args?: unknown;
}

/** Every container of ours in a document, wherever it stands. */
function containersIn(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return [];
  const { image, args } = value as Container;
  const own =
    typeof image === 'string' && /\/weighlock[:@]/.test(image) && Array.isArray(args) ? [{ image, args }] : [];
  return [...own, ...Object.values(value).flatMap(containersIn)];
}

describe('20: pages for people', () => {
  for (const { path, text } of pages()) {
    it(`20: ${path}: every link leads to something that is there`, () => {
      const prose = text.replaceAll(/^( *)```.*?^\1```$/gms, '');
      for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const place = file === '' ? path : normalize(join(dirname(path), file));
        assert.ok(existsSync(join(ROOT, place)), `${target} leads nowhere`);
        if (anchor !== undefined && place.endsWith('.md'))
          assert.ok(
            anchorsOf(readFileSync(join(ROOT, place), 'utf8')).includes(anchor),
            `${target} has no such heading`,
          );
      }
    });

    it(`20: ${path}: every command is one that the program takes, or names what is there`, () => {
      for (const block of [...blocksOf(text, 'sh', 'bash'), ...blocksOf(text, 'console').map(typed)])
        for (const command of commandsOf(block)) assert.doesNotThrow(() => check(command), `in the block:\n${block}`);
    });

    it(`20: ${path}: every command in a sentence has options that there are`, () => {
      for (const code of inlineCode(text)) {
        const [program, name = '', ...rest] = code.split(' ');
        if (program !== 'weighlock' || !/^[a-z]/.test(name)) continue;
        assert.ok(Object.hasOwn(COMMANDS, name), `${code}: no such command`);
        for (const word of rest)
          if (/^--\w/.test(word)) {
            const option = word.slice(2).replace(/=.*/, '');
            assert.ok(
              option === 'help' || Object.hasOwn(COMMANDS[name]?.options ?? {}, option),
              `${code}: no such option`,
            );
          }
      }
    });

    it(`20: ${path}: every manifest is YAML, and our containers in it get a command line that is one`, () => {
      for (const block of blocksOf(text, 'yaml'))
        for (const document of parseAllDocuments(block)) {
          assert.deepEqual(document.errors, [], block);
          for (const { args } of containersIn(document.toJS())) parse(args as string[], {});
        }
    });
  }

  it('20: the reference pages, the manual page and the completions are as the code says: npm run reference', () => {
    assert.deepEqual(outdated(), []);
  });
});

describe('20: a command of a page', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['weighlock verify --no-such-option', /Unknown argument/],
    ['weighlock verfy /models', /no command/],
    ['A=1 weighlock verify /m --key', /has no value/],
    ['WEIGHLOCK_NOTHING=1 weighlock verify /m', /not a setting/],
    ['npm run nothing', /no script/],
    ['kubectl apply -k examples/nothing', /not in the checkout/],
    ['kubectl weighlock --no-such-option', /Unknown argument/],
    ['somethingelse --now', /nobody knows/],
    ['true-ish || weighlock nothing', /nobody knows|no command/],
  ];
  for (const [line, message] of wrong)
    it(`20: is refused when it is none: ${line}`, () => {
      assert.throws(() => commandsOf(line).forEach(check), message);
    });

  it('20: is read as a shell reads it', () => {
    const block = `A=1 B='x y' weighlock verify "/a b" \\\n  --key k.pub > out 2>&1 | tee log   # why\ncd DIR && sort -z`;
    assert.deepEqual(commandsOf(block), [
      { environment: { A: '1', B: 'x y' }, words: ['weighlock', 'verify', '/a b', '--key', 'k.pub'] },
      { environment: {}, words: ['tee', 'log'] },
      { environment: {}, words: ['cd', 'DIR'] },
      { environment: {}, words: ['sort', '-z'] },
    ]);
  });
});
