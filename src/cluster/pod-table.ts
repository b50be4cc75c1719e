import { visible, visibleLines } from '../visible-text.ts';
import type { PodRow } from './pod-rows.ts';
import type { ArtifactVerdict } from './pod-verdict.ts';

/**
 * Digits of a digest that tell two of them apart at a glance; `--output=wide` and json have all.
 */
const SHORT_DIGEST = 12;

/** Characters of a signer in the table. */
const SHORT_SIGNER = 48;

export interface TableOptions {
  readonly withNamespace: boolean;
  readonly isWide: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Pods as a table, one line for each artifact. */
export function podTable(rows: readonly PodRow[], options: TableOptions): string {
  const { withNamespace, isWide, now } = options;
  const head = ['NAME', 'VERDICT', 'ARTIFACT', 'DIGEST', 'SIGNER', 'AGE', ...(isWide ? ['POLICY', 'CODES'] : [])];
  const lines = rows.flatMap((row) =>
    (row.artifacts.length === 0 ? [undefined] : row.artifacts).map((artifact) => [
      ...(withNamespace ? [row.namespace] : []),
      row.pod,
      row.verdict,
      artifact?.name ?? '-',
      digestOf(artifact, isWide),
      signerOf(artifact, isWide),
      row.time === '' ? '-' : ageOf(now - Date.parse(row.time)),
      ...(isWide ? [artifact?.policies?.join(',') ?? '-', row.codes.join(',') || '-'] : []),
    ]),
  );
  return columns([[...(withNamespace ? ['NAMESPACE'] : []), ...head], ...lines]);
}

/** Everything that is known of one pod, for the person on call. */
export function explainPod(row: PodRow, now: number): string {
  const { namespace, pod, verdict, confirmedBy, codes, artifacts, message, time, imageId } = row;
  const lines = [`${visible(`${namespace}/${pod}`)}: ${MEANING[verdict]}`];
  if (time !== '') lines.push(`  when      ${visible(time)}, ${ageOf(now - Date.parse(time))} ago`);
  lines.push(`  says      ${SOURCES[confirmedBy]}`);
  if (imageId !== '') lines.push(`  image     ${visible(imageId)}`);
  if (codes.length > 0) lines.push(`  codes     ${visible(codes.join(', '))}`);
  for (const { name, result, sha256, manifest, signers = [], policies = [] } of artifacts) {
    lines.push(`  artifact  ${visible(name)}: ${visible(result)}`);
    if (sha256 !== undefined) lines.push(`            sha256    ${visible(sha256)}`);
    if (manifest !== undefined) lines.push(`            manifest  ${visible(manifest)}`);
    for (const signer of signers) lines.push(`            signer    ${visible(signer)}`);
    for (const policy of policies) lines.push(`            policy    ${visible(policy)}`);
  }
  if (message !== '')
    lines.push(
      '',
      ...visibleLines(message.trimEnd())
        .split('\n')
        .map((line) => `  | ${line}`),
    );
  lines.push('', `do next: ${NEXT[verdict].replaceAll('POD', () => `-n ${visible(namespace)} ${visible(pod)}`)}`);
  return `${lines.join('\n')}\n`;
}

const MEANING = {
  pass: 'pass: what it uses is what was signed or pinned',
  fail: 'FAIL: what it was to use is not what was signed or pinned',
  warn: 'WARN: it started, and nobody vouches for what it uses',
  error: 'ERROR: it could not be found out whether what it was to use is right',
  unconfirmed: 'unconfirmed: its verifier says that it passed, and nobody has checked that this was the verifier',
  waiting: 'waiting: its verifier has not ended yet',
  none: 'none: it has no verifier',
} as const;

const SOURCES = {
  report: 'the reporter of this cluster',
  status: "the pod's status, judged by the digest of the verifier's image",
  nobody: 'the pod alone: whoever writes a pod can write this',
} as const;

const NEXT = {
  pass: 'nothing',
  fail: 'do not use this content; the log names each file: kubectl logs POD -c weighlock',
  warn: 'see why above; the log names each file: kubectl logs POD -c weighlock',
  error: 'see why above; a restart may help where a network or volume was away: kubectl logs POD -c weighlock',
  unconfirmed: 'install the reporter, or name the digest of the verifier: --verifier-image sha256:...',
  waiting: 'wait, or see how far it is: kubectl logs POD -c weighlock',
  none: 'label its namespace weighlock.dev/enforce=true, if what it uses is to be verified',
} as const;

function digestOf(artifact: ArtifactVerdict | undefined, isWide: boolean): string {
  const hex = artifact?.sha256 ?? artifact?.manifest?.slice('sha256:'.length);
  return hex === undefined ? '-' : isWide ? hex : hex.slice(0, SHORT_DIGEST);
}

function signerOf(artifact: ArtifactVerdict | undefined, isWide: boolean): string {
  const text = artifact?.signers?.join(', ') ?? '-';
  return isWide || text.length <= SHORT_SIGNER ? text : `${text.slice(0, SHORT_SIGNER - 3)}...`;
}

/** As kubectl writes ages: the two largest units at most. */
export function ageOf(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return '-';
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** Columns of the width of their longest text, three spaces apart; the last one is not padded. */
function columns(lines: readonly (readonly string[])[]): string {
  const shown = lines.map((line) => line.map(visible));
  const widths = (shown[0] ?? []).map((_, i) => Math.max(...shown.map((line) => (line[i] ?? '').length)));
  return shown
    .map(
      (line) =>
        `${line
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}
