// The image's entry point.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const launcher = (id: string, from: string, to: string): Mutation => ({
  id: `15.5-launcher-${id}`,
  file: 'image/launcher.c',
  from,
  to,
  tests: ['test/unit/launcher.test.ts'],
  name: '15\\.5',
});

export default [
  launcher('loader', 'unsigned long size = of_loader(variable);', 'unsigned long size = 0;'),
  launcher(
    'empty',
    "return size > 3 && variable[size] == '=' ?",
    "return size > 3 && variable[size] == '=' && variable[size + 1] ?",
  ),
  launcher('bind-now', '"LD_BIND_NOW"', '"LD_"'),
  launcher('names', 'i < sizeof NAMES / sizeof *NAMES', 'i + 1 < sizeof NAMES / sizeof *NAMES'),
  launcher('prefix', "return !name[size] && variable[size] == '='", 'return !name[size]'),
  launcher(
    'first-only',
    'for (char **one = environment; *one; one++)',
    'for (char **one = environment; one == environment; one++)',
  ),
  launcher('refused-code', 'long code = EXIT_REFUSED;', 'long code = 0;'),
  launcher('not-started', 'code = EXIT_NOT_STARTED;', 'code = 0;'),
  launcher('log-link', ' | O_NOFOLLOW', ''),
  launcher('log-names', ' || found.stx_nlink != 1', ''),
  launcher('log-kind', '!S_ISREG(found.stx_mode) || ', ''),
  launcher('log-cut', 'system_call(__NR_ftruncate, log, 0, 0, 0, 0);', ''),
  {
    id: '15.5-loader-in-program',
    file: 'src/foreign-settings.ts',
    from: '(isExecutable && OF_THE_LOADER.test(one))',
    to: 'false',
    tests: ['test/unit/sea-config.test.ts'],
  },
] satisfies Mutation[];
