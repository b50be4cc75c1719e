/** One command of a shell block, as words. */
export interface ShellCommand {
  /** `NAME=value` in front of it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** What separates commands, or sends their output elsewhere. */
const SEPARATOR = /^(&&|\|\||\||;)$/;
const REDIRECTION = /^\d?>{1,2}(&\d)?$/;

/**
 * The commands of a shell block of the documentation: comments, continued lines, quotes, variables
 * in front, pipes and redirections. What a shell would substitute stays as it is written.
 */
export function commandsOf(block: string): ShellCommand[] {
  const lines = block.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const commands: string[][] = [[]];
    let isTarget = false;
    for (const token of tokensOf(line)) {
      if (SEPARATOR.test(token)) commands.push([]);
      else if (isTarget) isTarget = false;
      else if (REDIRECTION.test(token)) isTarget = !token.includes('&');
      else commands.at(-1)?.push(token);
    }
    return commands.filter((words) => words.length > 0).map(withEnvironment);
  });
}

/** Words and operators of a line, without its comment. */
function tokensOf(line: string): string[] {
  const token =
    /\s*(#.*$|&&|\|\||\d?>{1,2}(?:&\d)?|[|;]|(?:"(?:\\.|[^"\\])*"|'[^']*'|\$\([^)]*\)|\\.|[^\s"'|;&>\\])+)/gy;
  const found = [...line.matchAll(token)].map(([, text = '']) => text).filter((text) => !text.startsWith('#'));
  return found.map((text) => text.replaceAll(/'([^']*)'|"((?:\\.|[^"\\])*)"/g, (_all, one, other) => one ?? other));
}

function withEnvironment(words: readonly string[]): ShellCommand {
  const first = words.findIndex((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word));
  const count = first === -1 ? words.length : first;
  const environment = words
    .slice(0, count)
    .map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
  return { environment: Object.fromEntries(environment), words: words.slice(count) };
}
