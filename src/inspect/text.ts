import type { Inspection } from './inspection.ts';

/** Files that are told of one by one. */
const MOST_FILES = 200;

/**
 * What a person reads.
 *
 * @param visible - makes what others wrote harmless for a terminal
 * @param amount - bytes in words
 */
export function inspectionText(
  { source, digest, bytes, bytesRead, formats, model, files, claims }: Inspection,
  visible: (text: string) => string,
  amount: (bytes: number) => string,
): string {
  const types = Object.entries(model.types ?? {}).map(([type, count]) => `${type} ${count}`);
  const rows: (readonly [string, string | undefined])[] = [
    ['source', source],
    ['digest', digest],
    ['files', `${files.length}, ${amount(bytes)} (${amount(bytesRead)} read)`],
    [
      'formats',
      Object.entries(formats)
        .map(([format, count]) => `${format} ${count}`)
        .join(', '),
    ],
    ['name', model.name],
    ['architecture', model.architecture],
    ['parameters', model.parameters === undefined || model.tensors === 0 ? undefined : counted(model.parameters)],
    ['tensors', model.tensors === 0 ? undefined : `${model.tensors} (${types.join(', ')})`],
    ['context', model.contextLength === undefined ? undefined : `${model.contextLength} tokens`],
    ['tokenizer', model.tokenizer],
    ['licence', model.licence],
    ['model card', model.isModelCard === true ? 'yes' : undefined],
  ];
  const lines = rows.flatMap(([key, value]) => (value === undefined ? [] : [`${key.padEnd(14)}${visible(value)}`]));
  const findings = files.flatMap(({ name, findings: own }) =>
    own.map(({ text }) => `  ${visible(name)}: ${visible(text)}`),
  );
  if (findings.length > 0) lines.push('findings:', ...findings.slice(0, MOST_FILES));
  const partly = files.filter(({ isComplete }) => !isComplete).map(({ name }) => `  ${visible(name)}`);
  if (partly.length > 0) lines.push('looked at in part only:', ...partly.slice(0, MOST_FILES));
  if (claims.length > 0) lines.push('claimed, and not verified here:');
  for (const { where, kind, type, signer, issuer } of claims)
    lines.push(
      `  ${[kind, where, type, signer && `by ${signer}`, issuer && `(${issuer})`]
        .filter(Boolean)
        .map((part) => visible(`${part}`))
        .join(' ')}`,
    );
  lines.push(
    ...files
      .slice(0, MOST_FILES)
      .map(({ name, format, size }) => `  ${format.padEnd(14)}${amount(size).padStart(10)}  ${visible(name)}`),
  );
  if (files.length > MOST_FILES) lines.push(`  and ${files.length - MOST_FILES} more`);
  return `${lines.join('\n')}\n`;
}

/** 7.24 billion (7241732096) */
function counted(parameters: number): string {
  const units = [
    [1e12, 'trillion'],
    [1e9, 'billion'],
    [1e6, 'million'],
  ] as const;
  const [size, word] = units.find(([one]) => parameters >= one) ?? [1, ''];
  return word === '' ? `${parameters}` : `${(parameters / size).toPrecision(3)} ${word} (${parameters})`;
}
