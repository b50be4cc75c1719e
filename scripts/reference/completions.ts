import { type Documented, documented, type Row } from './options.ts';

const NOTE = 'Made by `npm run reference`.';

/** For bash: `source` it, or put it into /usr/share/bash-completion/completions as `weighlock`. */
export function bash(): string {
  const commands = documented();
  const cases = commands.map(
    ({ name, options, words }) => `    ${name}) options="${flags(options).join(' ')}"; words="${words.join(' ')}" ;;`,
  );
  return `# ${NOTE}
_weighlock() {
  local current=\${COMP_WORDS[COMP_CWORD]} options='' words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '${names(commands)} --help --version' -- "$current")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$current") ;;
    *) [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
  esac
}
complete -o default -o bashdefault -F _weighlock weighlock
`;
}

/** For zsh: a folder of \`fpath\`, as \`_weighlock\`. */
export function zsh(): string {
  const commands = documented();
  const list = commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'`);
  const cases = commands.map(({ name, options, words }) => {
    const specs = options.flatMap((one) => zshSpecs(one));
    const first = words.length === 0 ? "'*:file:_files'" : `'1:action:(${words.join(' ')})' '*:file:_files'`;
    return `    ${name}) _arguments ${[...specs, "'--help[show help]'", first].join(' \\\n      ')} ;;`;
  });
  return `#compdef weighlock
# ${NOTE}
_weighlock() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
_weighlock "$@"
`;
}

/** For fish: ~/.config/fish/completions/weighlock.fish. */
export function fish(): string {
  const commands = documented();
  const lines = commands.flatMap(({ name, summary, options, words }) => [
    `complete -c weighlock -n __fish_use_subcommand -f -a ${name} -d '${fishText(summary)}'`,
    ...words.map((word) => `complete -c weighlock -n '__fish_seen_subcommand_from ${name}' -f -a ${word}`),
    ...options.map(({ name: option, short, isBoolean, describe }) => {
      const value = isBoolean ? '' : ' -r';
      const letter = short === undefined ? '' : ` -s ${short}`;
      return `complete -c weighlock -n '__fish_seen_subcommand_from ${name}' -l ${option}${letter}${value} -d '${fishText(describe)}'`;
    }),
  ]);
  return `# ${NOTE}\n${lines.join('\n')}\n`;
}

function names(commands: readonly Documented[]): string {
  return commands.map(({ name }) => name).join(' ');
}

function flags(options: readonly Row[]): string[] {
  return options.flatMap(({ name, short }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
}

function zshSpecs({ name, short, describe, isBoolean, isRepeatable }: Row): string[] {
  const star = isRepeatable ? '*' : '';
  const tail = `[${zshText(describe)}]${isBoolean ? '' : ':value:_files'}'`;
  const long = `'${star}--${name}${isBoolean ? '' : '='}${tail}`;
  return short === undefined ? [long] : [long, `'${star}-${short}${tail}`];
}

/** What a description in quotes may not hold as it is: quotes, colons and brackets. */
function zshText(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "'\\''")
    .replace(/[[\]:]/g, (one) => `\\${one}`);
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
