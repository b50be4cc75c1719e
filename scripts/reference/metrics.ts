import { type Reporter, reporterMetrics } from '../../src/cluster/index.ts';
import { Metrics } from '../../src/watch/index.ts';
import { cell, page } from './markdown.ts';

/** Every metric, from what the program answers a scraper. */
export function metrics(): string {
  return page('Metrics', [
    'In the text format of Prometheus, at `/metrics` of what `--listen` names.',
    '',
    '## weighlock watch',
    '',
    ...table(watched()),
    '',
    '## weighlock report',
    '',
    'A reporter that does not lead answers the first three alone, so that nothing is counted twice. Namespaces and artifacts',
    'beyond 2,000 series of one metric are counted together, as `...`.',
    '',
    ...table(reported()),
  ]);
}

function watched(): string {
  const all = new Metrics();
  const artifacts = [{ name: 'weights', path: '/models', files: 1, bytes: 1, passed: true }];
  all.add({ exitCode: 0, result: 'PASSED', bytes: 1, seconds: 1, artifacts }, 1);
  return all.text(true);
}

/** What a reporter that has seen one pod answers. */
function reported(): string {
  const verdict = {
    namespace: 'ml',
    pod: 'server-0',
    uid: '0',
    result: 'fail',
    isCounted: true,
    exitCode: 65,
    codes: ['DIGEST_MISMATCH'],
    message: '',
    artifacts: [{ name: 'weights', result: 'FAILED' }],
    time: '2026-01-01T00:00:00Z',
  };
  const reporter = {
    verdicts: { all: () => [verdict] },
    queue: { counts: { written: 0, failed: 0, dropped: 0, lost: 0 }, size: 0, age: 0, forbidden: [] },
    feed: { isCurrent: true, lists: { count: 1, time: 1 } },
  };
  return reporterMetrics({ requests: 0 }, reporter as unknown as Reporter, undefined);
}

/** One row for each metric of a page: name, labels, kind, help. */
function table(text: string): string[] {
  const lines = text.split('\n');
  const rows = lines.flatMap((line) => {
    const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    if (name === '') return [];
    const kind = lines.find((one) => one.startsWith(`# TYPE ${name} `))?.split(' ')[3];
    const sample = lines.find((one) => one.startsWith(`${name}{`)) ?? '';
    const labels = [...sample.matchAll(/[{,](\w+)="/g)].map(([, label]) => `\`${label}\``).join(', ');
    return [`| \`${name}\` | ${labels} | ${kind} | ${cell(help)} |`];
  });
  return ['| metric | labels | kind | |', '|---|---|---|---|', ...rows];
}
