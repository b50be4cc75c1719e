import { type ContentFound, type Finding, KINDS, type Kind, unpackContent } from '../content/index.ts';
import type { Failure } from '../error/index.ts';
import { entryText, nameAt } from '../fs/index.ts';
import { type ContentRequirement, matcherOf } from '../plan/index.ts';
import type { Judged } from './judged.ts';
import type { Measured } from './outcome.ts';

/** Files that are told of one by one. */
const MOST_TOLD = 100;

/** In words: what all files may be. */
export function expectedContent({ allowed, exceptions, conditions }: ContentRequirement): string {
  const more = exceptions.map(({ paths, kinds }) => `; ${kinds.join(', ')} at ${paths.join(', ')}`);
  const told = conditions.map((condition) => `; ${condition}`);
  return `every file is ${allowed.join(', ')}${more.join('')}${told.join('')}`;
}

/**
 * Every file is of a format that is allowed, and nothing is wrong with it; and what is asked of all
 * of them is true.
 */
export function judgeContent(requirement: ContentRequirement, { files, content }: Measured): Judged {
  const outcome = { kind: requirement.kind, origin: requirement.origin, expected: expectedContent(requirement) };
  if (files.count === 0)
    return {
      outcome: { ...outcome, found: 'no file', met: false },
      failures: [
        {
          code: 'SOURCE_EMPTY',
          message: 'there is no file whose content could be looked at',
          expected: outcome.expected,
          found: 'none',
          remedy: 'check that this is the right artifact, and that it was pushed with its files',
        },
      ],
    };
  if (content === undefined) return { outcome: { ...outcome, met: false }, failures: [] };
  const { found } = content;
  const failures: Failure[] = [];
  const formats = new Set<string>();
  const allowedAt = allowedBy(requirement);
  let [refused, unread] = [0, 0];
  for (let i = 0; i < files.count; i++) {
    const name = entryText(nameAt(files, i));
    const { format, traits, isUnsound } = unpackContent(found.table[i] ?? 0);
    if (format === undefined) {
      // It could not be read, and that failure stands already.
      unread++;
      continue;
    }
    formats.add(format);
    const kinds = [format, ...traits].filter((kind) => !allowedAt(name, kind));
    if (kinds.length === 0 && !isUnsound) continue;
    refused++;
    if (refused <= MOST_TOLD) failures.push(refusal(name, format, kinds, found.notes.get(i) ?? []));
  }
  if (refused > MOST_TOLD) failures.push(more(refused - MOST_TOLD));
  for (const fault of content.faults.get(requirement) ?? [])
    failures.push({
      code: 'CONDITION_FAILED',
      message: 'what the files are does not meet a condition',
      found: fault,
      remedy: 'see what they are with: weighlock inspect SOURCE',
    });
  const met = failures.length === 0 && unread === 0;
  return { outcome: { ...outcome, found: [...formats].sort().join(', '), met }, failures };
}

function allowedBy({ allowed, exceptions }: ContentRequirement): (path: string, kind: Kind) => boolean {
  const everywhere = new Set(allowed);
  const some = exceptions.map(({ paths, kinds }) => ({ matches: matcherOf(paths), kinds: new Set(kinds) }));
  // An empty file is nothing at all.
  return (path, kind) =>
    kind === 'empty' || everywhere.has(kind) || some.some(({ kinds, matches }) => kinds.has(kind) && matches(path));
}

function refusal(file: string, format: Kind, kinds: readonly Kind[], notes: readonly Finding[]): Failure {
  const told = notes.filter(({ kind }) => kind === undefined || kinds.includes(kind)).map(({ text }) => text);
  const first = kinds[0];
  return {
    code: 'CONTENT_REFUSED',
    message:
      first === undefined
        ? `the file is no sound ${format}`
        : first === format
          ? `the file is ${format}, which is not allowed`
          : `the file has ${first}, which is not allowed`,
    file,
    ...(told.length === 0 ? {} : { found: told.slice(0, 4).join('; ') }),
    remedy:
      first === undefined
        ? 'do not load it: make it again from its source'
        : `publish the model without it (weights as safetensors or gguf), or name it: {paths: [${file}], formats: [${kinds.join(', ')}]}`,
  };
}

function more(files: number): Failure {
  return {
    code: 'CONTENT_REFUSED',
    message: `${files} more files are not allowed or not sound`,
    remedy: 'see all of them with: weighlock inspect SOURCE',
  };
}

/** What a condition knows of an artifact: every name is always there. */
export function contentContext({ table, facts }: ContentFound): Record<string, unknown> {
  const formats = new Set<string>();
  const traits = new Set<string>();
  let unsound = 0;
  for (const bits of new Set(table)) {
    const one = unpackContent(bits);
    if (one.format !== undefined) formats.add(one.format);
    for (const trait of one.traits) traits.add(trait);
    if (one.isUnsound) unsound++;
  }
  return {
    formats: KINDS.filter((kind) => formats.has(kind)),
    traits: KINDS.filter((kind) => traits.has(kind)),
    sound: unsound === 0,
    files: table.length,
    parameters: facts.parameters,
    tensors: facts.tensors,
    types: Object.keys(facts.types).sort(),
    architecture: facts.architecture ?? '',
    contextLength: facts.contextLength ?? 0,
    tokenizer: facts.tokenizer ?? '',
    licence: facts.licence ?? '',
    name: facts.name ?? '',
    modelCard: facts.isModelCard === true,
  };
}

/** For a report: how many files there are of each format, and what they say of the model. */
export function contentSummary({ table, facts }: ContentFound): Record<string, unknown> {
  const counts = new Map<string, number>();
  for (const bits of table) {
    const { format = 'unknown' } = unpackContent(bits);
    counts.set(format, (counts.get(format) ?? 0) + 1);
  }
  const { isModelCard, ...words } = facts;
  return {
    formats: Object.fromEntries([...counts].sort(([a], [b]) => KINDS.indexOf(a as Kind) - KINDS.indexOf(b as Kind))),
    ...words,
    ...(isModelCard === true ? { modelCard: true } : {}),
  };
}
