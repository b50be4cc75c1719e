// The completions, by the shells that they are for. A shell that is not installed is skipped.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ROOT } from '../docs/pages.ts';

const FOLDER = `${ROOT}/share/completions`;

/** Gives what a shell offers for the words of a line, the last of which is being written. */
type Complete = (words: readonly string[]) => readonly string[];

const bash: Complete = (words) => {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weighlock; printf "%s\\n" "\${COMPREPLY[@]}"`;
  return linesOf(
    execFileSync('bash', ['--norc', '-c', script, 'bash', `${FOLDER}/weighlock.bash`, ...words], {
      encoding: 'utf8',
      timeout: 60_000,
    }),
  );
};

const fish: Complete = (words) => {
  const script = 'source $argv[1]; complete -C "$argv[2..]"';
  const home = folderOfItsOwn();
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
  const printed = execFileSync('fish', ['--no-config', '-c', script, `${FOLDER}/weighlock.fish`, words.join(' ')], {
    encoding: 'utf8',
    env,
  });
  return linesOf(printed).map((line) => line.replace(/\t.*/, ''));
};

/**
 * A terminal of zsh's own, in which the words are typed and completed: only one candidate is seen,
 * as the line that comes of it.
 */
const ZSH = `
zmodload zsh/zpty
zpty shell "exec zsh -f -i"
wait_for() { while [[ ! -s $1 ]]; do zpty -r -t shell discarded; sleep 0.02; done }
zpty -w shell "fpath=(\${(q)1} \\$fpath); autoload -Uz compinit; compinit -u -D; say() { print -r -- \\$BUFFER >\${(q)2} }; zle -N say; bindkey '^I' complete-word '^X' say; print ready >\${(q)3}"
wait_for $3
zpty -w -n shell "$4"$'\\t\\x18'
wait_for $2
zpty -d shell
`;

const zsh: Complete = (words) => {
  const folder = folderOfItsOwn();
  const [line, ready] = [join(folder, 'line'), join(folder, 'ready')];
  const env = { ...process.env, HOME: folder, TERM: 'xterm' };
  execFileSync('zsh', ['-f', '-c', ZSH, 'zsh', FOLDER, line, ready, words.join(' ')], { env, timeout: 60_000 });
  // An option that takes a value is completed with the sign in front of it.
  const completed = readFileSync(line, 'utf8').trim().replace(/=$/, '').split(' ');
  return completed.slice(words.length - 1);
};

function folderOfItsOwn(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-completions-'));
  after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** zsh takes two seconds to begin. */
const OF_ZSH = 3;

const ROWS = [
  [['weighlock', 'verif'], 'verify'],
  [['weighlock', 'verify', '--policy-k'], '--policy-key'],
  [['weighlock', 'policy', 'exp'], 'explain'],
  [['weighlock', 'image-v'], 'image-verifier'],
  [['weighlock', 'verify', '/model', '--certificate-identity-'], '--certificate-identity-regexp'],
  [['weighlock', 'sign', '--shard'], '--shard-size'],
  [['weighlock', 'pods', '--kubec'], '--kubeconfig'],
] as const;

for (const [name, complete] of Object.entries({ bash, fish, zsh })) {
  const skip = spawnSync(name, ['--version']).error === undefined ? false : `${name} is not installed`;

  describe(`20: completions in ${name}`, { skip }, () => {
    for (const [words, expected] of ROWS.slice(0, name === 'zsh' ? OF_ZSH : undefined))
      it(`20: ${words.join(' ')} is ${expected}`, () => {
        assert.deepEqual(complete(words), [expected]);
      });

    it('20: an option of one command is none of another', () => {
      assert.doesNotMatch(complete(['weighlock', 'keygen', '--shard']).join(), /--shard-size/);
    });
  });
}
