import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dropPages, inTurns, measure, median, printTable, spread } from './measure.ts';

const PORT = 8792;

/** `policy check` of a policy of 500 lines, and what `watch` takes while it waits. */
export async function benchCluster(work: string, program: readonly string[], rounds: number): Promise<object> {
  const policy = join(work, 'policy.yaml');
  writeFileSync(policy, largePolicy());
  const results = await inTurns(
    rounds,
    new Map([
      ['weighlock policy check', async () => (await measure([...program, 'policy', 'check', policy])).seconds * 1000],
    ]),
  );
  const times = results.get('weighlock policy check') ?? [];
  const written = await watchIdle(work, program);
  dropPages(program[0] ?? '');
  const idle = await watchIdle(work, program);
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  printTable(`In the cluster (median of ${rounds})`, [
    ['', 'value', 'spread'],
    ['policy check, 500 lines', `${median(times).toFixed(0)} ms`, `+-${(spread(times) * 100).toFixed(0)} %`],
    ['watch between rounds: memory of its own', mebibytes(idle.anonymous), ''],
    ['watch between rounds: resident, program read from the disk', mebibytes(idle.resident), ''],
    ['watch between rounds: resident, program in the cache since it was written', mebibytes(written.resident), ''],
    ['watch between rounds: processor time in 20 s', `${idle.milliseconds} ms`, ''],
  ]);
  return { policyCheck: times, watch: { ...idle, residentWritten: written.resident } };
}

async function watchIdle(work: string, program: readonly string[]) {
  const model = join(work, 'watched');
  writeFileSync(model, Buffer.alloc(1 << 20, 7));
  const pin = '--sha256=1d78aa9efa71b374eccf6e757feb72f3797a68c76bfd3b5cea3aeb894cb81ed6';
  const [file = '', ...first] = program;
  const child = spawn(file, [...first, 'watch', model, pin, '--mode=Audit', `--listen=127.0.0.1:${PORT}`], {
    stdio: 'ignore',
  });
  try {
    const ready = () =>
      fetch(`http://127.0.0.1:${PORT}/readyz`).then(
        (one) => one.ok,
        () => false,
      );
    while (!(await ready())) await delay(100);
    await delay(2000);
    const before = processorTime(child.pid);
    await delay(20_000);
    const milliseconds = processorTime(child.pid) - before;
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
    return { resident: kilobytes('VmRSS'), anonymous: kilobytes('RssAnon'), milliseconds };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Of all threads, in milliseconds (proc(5): ticks of 10 ms). */
function processorTime(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function largePolicy(): string {
  const attestors = Array.from({ length: 40 }, (_, i) => [
    `  - name: ci${i}`,
    '    cosign:',
    '      keyless:',
    '        identities:',
    '        - issuer: https://token.actions.githubusercontent.com',
    `          subject: https://github.com/acme/models/.github/workflows/train${i}.yml@refs/heads/main`,
  ]);
  const artifacts = Array.from({ length: 28 }, (_, i) => [
    `  - name: m${i}`,
    `    path: /models/m${i}`,
    '    require:',
    `    - signature: {attestors: [ci${i}]}`,
    '    - attestation:',
    '        type: slsaprovenance1',
    `        attestors: [ci${i}]`,
    '        conditions:',
    "        - predicate.runDetails.builder.id == 'https://github.com/actions/runner'",
  ]);
  const head = ['apiVersion: weighlock.dev/v1alpha1', 'kind: VerificationPolicy', 'metadata: {name: large}', 'spec:'];
  return [...head, '  attestors:', ...attestors.flat(), '  artifacts:', ...artifacts.flat(), ''].join('\n');
}
