// The oracle: what the program `openssl verify` says of a chain.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PathCase } from './certificate-paths.ts';
import { pem } from './world.ts';

export interface Verdict {
  /** `OK`, or the number of the error and its words. */
  readonly plain: string;
  /** The same with `-x509_strict`. */
  readonly strict: string;
}

export function version(): string {
  return spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.trim();
}

/** Asks about all certificates at once, and where that is no, about the way that the case names. */
export function ask(question: PathCase): Verdict {
  const verdict = askOnce(question);
  if (question.way === undefined || verdict.plain === 'OK') return verdict;
  const between = question.way.flatMap((at) => question.between[at] ?? []);
  return askOnce({ ...question, between });
}

function askOnce({ leaf, between, roots, time, purpose }: PathCase): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-openssl-'));
  try {
    const save = (name: string, certificates: readonly Buffer[]) => {
      writeFileSync(join(folder, name), certificates.map(pem).join(''));
      return join(folder, name);
    };
    const files = [
      ...['-CAfile', save('roots.pem', roots)],
      ...(between.length === 0 ? [] : ['-untrusted', save('between.pem', between)]),
      save('leaf.pem', [leaf]),
    ];
    const run = (...flags: string[]): string => {
      const { status, stderr } = spawnSync('openssl', ['verify', ...argumentsFor(time, purpose), ...flags, ...files], {
        encoding: 'utf8',
      });
      if (status === 0) return 'OK';
      return /error (\d+) at \d+ depth lookup: ?(.*)/.exec(stderr)?.slice(1, 3).join(' ') ?? 'unreadable';
    };
    return { plain: run(), strict: run('-x509_strict') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function argumentsFor(time: Date, purpose: PathCase['purpose']): readonly string[] {
  const purposes = { codeSigning: 'any', timeStamping: 'timestampsign' };
  return [
    '-no-CApath',
    '-no-CAstore',
    '-partial_chain',
    '-attime',
    String(time.getTime() / 1000),
    '-purpose',
    purposes[purpose],
  ];
}
