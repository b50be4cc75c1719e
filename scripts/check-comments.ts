// Comments have at most 100 columns: they are read, also side by side with other code. A part of
// `npm run check`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MOST_COLUMNS = 100;

/** What tools read, and what cannot be broken. */
const EXCEPT = /\/\/ (biome-ignore|@ts-)|^\s*(\/\/|\*) \S+$/;

const root = fileURLToPath(new URL('..', import.meta.url));

/** Numbers of the lines that are too long, of those that are comments and nothing else. */
function tooLong(source: string): number[] {
  let isInside = false;
  return source.split('\n').flatMap((line, i) => {
    const begins = /^\s*\/\*\*/.test(line);
    const isComment = isInside || begins || /^\s*\/\/( |$)/.test(line);
    isInside = (isInside || begins) && !line.includes('*/');
    return isComment && line.length > MOST_COLUMNS && !EXCEPT.test(line) ? [i + 1] : [];
  });
}

const files = execFileSync('git', ['ls-files', '*.ts'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const found = files.flatMap((file) =>
  tooLong(readFileSync(`${root}/${file}`, 'utf8')).map((line) => `${file}:${line}`),
);
if (found.length > 0) {
  process.stderr.write(`comments of more than ${MOST_COLUMNS} columns:\n  ${found.join('\n  ')}\n`);
  process.exitCode = 1;
}
