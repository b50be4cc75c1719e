// Requirements of a policy's document, each of its type.
import { KINDS, type Kind } from '../../content/index.ts';
import { VERDICT_TYPE, type VerdictTerms } from '../../evidence/index.ts';
import { mostSigners } from '../../trust/index.ts';
import { kindNamed, patternFault } from '../content.ts';
import { parseDuration } from '../duration.ts';
import { ignoredPath } from '../ignored-paths.ts';
import { parsePin } from '../pin.ts';
import type { SignatureRequirement } from '../plan.ts';
import { predicateTypeOf } from '../predicate-type.ts';
import { readRepository } from './attestors.ts';
import type { PinSource, PolicyArtifact, PolicyLeaf, PolicyRequirement } from './policy.ts';
import type { Scope } from './read-policy.ts';
import type { Fields, Value } from './value.ts';

const LEAVES = ['sha256', 'checksums', 'signature', 'attestation', 'verdict', 'content'] as const;

export function readRequirement(value: Value, scope: Scope): PolicyRequirement {
  const fields = value.fields([...LEAVES, 'anyOf']);
  if (fields.only([...LEAVES, 'anyOf']) !== 'anyOf') return readLeaf(value, scope);
  const options = fields.require('anyOf').list((element) => readLeaf(element, scope), { least: 2 });
  return { kind: 'anyOf', options };
}

function readLeaf(value: Value, scope: Scope): PolicyLeaf {
  const fields = value.fields(LEAVES);
  const kind = fields.only(LEAVES);
  const block = fields.require(kind);
  if (kind === 'sha256') return { kind, pin: readPin(block) };
  if (kind === 'checksums') return readChecksums(block, scope);
  if (kind === 'content') return readContent(block, scope);
  if (kind === 'verdict') return { kind: 'signature', requirement: readVerdict(block, scope) };
  return { kind: 'signature', requirement: readSignature(kind, block, scope) };
}

/** Formats that every file may have, and what some may be besides. */
function readContent(value: Value, scope: Scope): PolicyLeaf {
  const fields = value.fields(['formats', 'except', 'conditions']);
  const exceptions = fields.get('except')?.list((element) => {
    const own = element.fields(['paths', 'formats']);
    const paths = own.require('paths').list((one) => {
      const fault = patternFault(one.text());
      return fault === undefined
        ? one.text()
        : one.fail(fault, 'write a path from its root, e.g. code/*.py or **/*.py');
    });
    return { paths, kinds: own.require('formats').list(readKind) };
  });
  const conditions = fields.get('conditions')?.list((element) => {
    const source = element.text();
    scope.conditions.push({ source, value: element, isOfContent: true });
    return source;
  });
  return {
    kind: 'content',
    allowed: fields.require('formats').list(readKind),
    exceptions: exceptions ?? [],
    conditions: conditions ?? [],
    origin: 'its content',
  };
}

function readKind(value: Value): Kind {
  const found = kindNamed(value.text());
  if ('kind' in found) return found.kind;
  const near = found.near === undefined ? '' : `; did you mean ${found.near}?`;
  return value.fail(`there is no such format${near}`, `formats are ${KINDS.join(', ')}`);
}

/**
 * A verdict of another verifier: an attestation that says PASSED, and by whom, when and by which
 * policy.
 */
function readVerdict(value: Value, scope: Scope): SignatureRequirement {
  const fields = value.fields([
    'attestors',
    'threshold',
    'file',
    'maxAge',
    'policy',
    'verifier',
    'levels',
    'ignorePaths',
  ]);
  const policy = fields.get('policy')?.fields(['sha256']).require('sha256');
  const levels = fields.get('levels')?.list((element) => element.text(), { most: 100 });
  const maxAge = readDuration(fields.get('maxAge'));
  const verifier = fields.text('verifier');
  const verdict: VerdictTerms = {
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(policy === undefined ? {} : { policy: parsePin(policy.text(), policy.path) }),
    ...(verifier === undefined ? {} : { verifier }),
    ...(levels === undefined ? {} : { levels }),
  };
  return { ...readSigners('attestation', fields, scope), predicateType: VERDICT_TYPE, verdict, origin: 'a verdict' };
}

function readPin(value: Value): PinSource {
  if (value.isText) return { digest: parsePin(value.text(), value.path) };
  const fields = value.fields(['value', 'fromEnv']);
  if (fields.only(['value', 'fromEnv']) === 'value')
    return { digest: parsePin(fields.require('value').text(), value.path) };
  const name = fields.require('fromEnv').text();
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name))
    fields.require('fromEnv').fail('it is no name of a variable', 'e.g. DATASET_SHA256');
  return { fromEnv: name };
}

function readChecksums(value: Value, scope: Scope): PolicyLeaf {
  const fields = value.fields(['file', 'sha256', 'signature']);
  const kind = fields.only(['sha256', 'signature']);
  const file = fields.require('file').text();
  if (kind === 'sha256') return { kind: 'checksums', file, pin: readPin(fields.require('sha256')) };
  const block = fields.require('signature');
  const signature = readSignature('signature', block, scope);
  if (signature.files.length === 0) block.fail('a signature of a checksums file has to be named', 'add file');
  return { kind: 'checksums', file, signature };
}

/** What is asked of signatures, whatever they are of. */
type SignerKey = 'attestors' | 'threshold' | 'file' | 'ignorePaths';

function readSignature(kind: 'signature' | 'attestation', value: Value, scope: Scope): SignatureRequirement {
  const common = ['attestors', 'threshold', 'file', 'repository', 'maxAge', 'ignorePaths'] as const;
  const own = kind === 'attestation' ? (['type', 'conditions'] as const) : (['allowLegacy'] as const);
  const fields = value.fields<(typeof common)[number] | 'type' | 'conditions' | 'allowLegacy'>([...common, ...own]);
  const { repository, ...signers } = readSigners(kind, fields, scope);
  const stored = readRepository(fields.get('repository')) ?? repository;
  const maxAge = readDuration(fields.get('maxAge'));
  const predicateType = kind === 'attestation' ? readPredicateType(fields.require('type')) : undefined;
  const conditions =
    fields.get('conditions')?.list((element) => {
      const source = element.text();
      scope.conditions.push({ source, value: element });
      return source;
    }) ?? [];
  return {
    ...signers,
    conditions,
    ...(stored === undefined ? {} : { repository: stored }),
    ...(predicateType === undefined ? {} : { predicateType }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(fields.get('allowLegacy')?.boolean() === true ? { allowLegacy: true } : {}),
    origin: predicateType === undefined ? 'a signature' : `an attestation of ${predicateType}`,
  };
}

function readSigners(
  kind: 'signature' | 'attestation',
  fields: Pick<Fields<SignerKey>, 'get' | 'require'>,
  scope: Scope,
): Omit<SignatureRequirement, 'origin'> {
  const chosen = fields.require('attestors').list((element) => {
    const name = element.text();
    return scope.attestors.get(name) ?? element.fail(`there is no attestor ${name}`, 'add it to spec.attestors');
  });
  const attestors = chosen.map(({ attestor }) => attestor);
  const twice = attestors.find(({ name }, i) => attestors.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) fields.require('attestors').fail(`${twice.name} is named twice`, 'name each once');
  const keys = attestors.flatMap((one) => (one.kind === 'key' ? [one.fingerprint] : []));
  if (new Set(keys).size < keys.length)
    fields.require('attestors').fail('two of them have the same key', 'one person counts once: name one of them');
  const threshold = fields.get('threshold')?.integer(1, 1000) ?? 1;
  const most = mostSigners(attestors);
  if (threshold > most)
    fields.require('threshold').fail(`only ${most} are named`, 'name more attestors, or lower the threshold');
  const repositories = new Set(chosen.map((one) => one.repository));
  if (repositories.size > 1)
    fields.require('attestors').fail('their signatures are stored in different places', 'make two requirements of it');
  const repository = chosen[0]?.repository;
  const file = fields.get('file')?.text();
  const ignorePaths = fields.get('ignorePaths')?.list((element) => {
    const path = ignoredPath(element.text());
    if (typeof path === 'string') return path;
    return element.fail(path.fault, 'name a file or folder relative to the root of the artifact, e.g. .git');
  });
  return {
    kind,
    attestors,
    threshold,
    files: file === undefined ? [] : [file],
    conditions: [],
    ...(repository === undefined ? {} : { repository }),
    ...(ignorePaths === undefined ? {} : { ignorePaths }),
  };
}

function readPredicateType(value: Value): string {
  const text = value.text();
  try {
    return predicateTypeOf(text);
  } catch (error) {
    return value.fail((error as Error).message, (error as { remedy?: string }).remedy ?? 'give a URI');
  }
}

export function readDuration(value: Value | undefined): number | undefined {
  if (value === undefined) return undefined;
  const duration = parseDuration(value.text());
  return duration !== undefined && duration > 0
    ? duration
    : value.fail('it is no duration', 'write 90s, 720h or 1h30m');
}

export function requireDifferent(artifacts: readonly PolicyArtifact[], value: Value): void {
  const seen = new Set<string>();
  for (const { name, subject } of artifacts) {
    for (const key of [
      `name ${name}`,
      ...(subject.kind === 'one' && subject.path !== undefined ? [`path ${subject.path}`] : []),
    ]) {
      if (seen.has(key)) value.fail(`the ${key} is there twice`, 'put all its requirements into one entry');
      seen.add(key);
    }
  }
}
