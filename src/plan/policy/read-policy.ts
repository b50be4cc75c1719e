import { KINDS, type Kind } from '../../content/index.ts';
import { compileConditions, compileContentConditions, VERDICT_TYPE, type VerdictTerms } from '../../evidence/index.ts';
import type { StorageRules } from '../../fs/index.ts';
import { library } from '../../library/index.ts';
import { isStoreUrl } from '../../source/index.ts';
import type { Patterns } from '../../store/index.ts';
import { mostSigners } from '../../trust/index.ts';
import { withoutEnd } from '../../without-end.ts';
import { kindNamed, patternFault } from '../content.ts';
import { parseDuration } from '../duration.ts';
import { ignoredPath } from '../ignored-paths.ts';
import { parsePin } from '../pin.ts';
import { FAILURE_POLICIES, MODES, type SignatureRequirement } from '../plan.ts';
import { predicateTypeOf } from '../predicate-type.ts';
import { linkRootOf, storagePreset } from '../storage-settings.ts';
import { type PolicyAttestor, readAttestors, readRepository, readTrustedRoot, type TrustFiles } from './attestors.ts';
import type { PinSource, Policy, PolicyArtifact, PolicyLeaf, PolicyRequirement } from './policy.ts';
import { policyDigest } from './policy-digest.ts';
import { readReceipts } from './receipt-terms.ts';
import { type Fields, type Origin, PolicyError, Value } from './value.ts';

export const POLICY_API_VERSION = 'weighlock.dev/v1alpha1';
export const POLICY_KIND = 'VerificationPolicy';

/** Deeper than any policy, and shallower than the stack. */
const MAX_DEPTH = 32;

const LEAVES = ['sha256', 'checksums', 'signature', 'attestation', 'verdict', 'content'] as const;

/** What the requirements of one policy may refer to. */
export interface Scope {
  readonly attestors: ReadonlyMap<string, PolicyAttestor>;
  readonly files: TrustFiles;
  /** CEL to compile when everything else is right, and where it stands. */
  readonly conditions: { readonly source: string; readonly value: Value; readonly isOfContent?: true }[];
}

/**
 * Reads a policy: every key known, every value of its type, every name it refers to there, every
 * key and root loaded.
 *
 * @param file - path of the policy; files that it names are meant relative to its folder
 * @throws PolicyError `CONFIG_INVALID`: the first problem, with the number of the others
 */
export async function readPolicy(text: string, file: string): Promise<Policy> {
  return orFirst(file, (problems) => parsePolicy(text, file, problems));
}

/**
 * Reads a document, and throws the first of its problems.
 *
 * @throws PolicyError `CONFIG_INVALID`: the first problem, with the number of the others
 */
export async function orFirst<T>(file: string, parse: (problems: PolicyError[]) => Promise<T | undefined>): Promise<T> {
  const problems: PolicyError[] = [];
  const policy = await parse(problems);
  const [first, ...more] = problems;
  if (first === undefined && policy !== undefined) return policy;
  if (first === undefined) throw new Error('a policy that is neither read nor wrong');
  const { message, remedy, file: place = file } = first;
  const others = more.map((problem) => `${problem.file}: ${problem.message}`);
  throw new PolicyError({
    code: 'CONFIG_INVALID',
    file: place,
    message,
    ...(others.length === 0 ? {} : { found: `${others.length} more: ${others.slice(0, 10).join('; ')}` }),
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/**
 * The same for a person who mends all of it in one go.
 *
 * @param problems - gets everything that is wrong
 */
export async function parsePolicy(text: string, file: string, problems: PolicyError[]): Promise<Policy | undefined> {
  const policy = await parseDocument(text, file, problems, (root, partial) => readDocument(root, file, partial));
  if (policy === undefined) return undefined;
  const { trusted, ...read } = policy;
  return { ...read, sha256: policyDigest(text, trusted) };
}

/** Parses any document of ours; conditions are compiled when everything else is right. */
export async function parseDocument<T>(
  text: string,
  file: string,
  problems: PolicyError[],
  read: (root: Value, partial: Pick<Scope, 'conditions'>) => T,
): Promise<T | undefined> {
  const root = await parseYaml(text, file, problems);
  if (root === undefined) return undefined;
  const scope: Pick<Scope, 'conditions'> = { conditions: [] };
  const policy = root.attempt(() => read(root, scope));
  for (const { source, value, isOfContent } of scope.conditions) {
    try {
      await (isOfContent === true ? compileContentConditions : compileConditions)([source]);
    } catch (error) {
      value.attempt(() => {
        throw error;
      });
    }
  }
  return problems.length === 0 ? policy : undefined;
}

async function parseYaml(text: string, file: string, problems: PolicyError[]): Promise<Value | undefined> {
  const { LineCounter, parseAllDocuments, isMap, isSeq, isAlias, visit } = await library('yaml');
  const lines = new LineCounter();
  const origin: Origin = { file, lines, problems, isMap, isSeq };
  const fail = (at: number, message: string, remedy: string) => {
    const { line, col } = lines.linePos(at);
    problems.push(
      new PolicyError({
        code: 'CONFIG_INVALID',
        file: `${file}:${line}:${col}`,
        message: `the policy: ${message}`,
        remedy,
      }),
    );
  };
  if (tooDeep(text)) {
    fail(0, `it is nested deeper than ${MAX_DEPTH} levels`, 'write a policy');
    return undefined;
  }
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
  });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined || document.contents === null) {
    fail(0, 'it is empty', 'write what must be true of which artifact; an empty policy would check nothing');
    return undefined;
  }
  if (second !== undefined) fail(second.range[0], 'it has more than one document', 'put each policy into its own file');
  for (const { pos, message } of [...document.errors, ...document.warnings])
    fail(pos[0], `it is not the YAML that is meant: ${message.split('\n')[0]}`, 'correct it');
  visit(document, {
    Node(_, node) {
      if (isAlias(node) || ('anchor' in node && node.anchor !== undefined))
        fail(node.range?.[0] ?? 0, 'anchors and aliases are not allowed', 'write out what is meant');
    },
  });
  if (problems.length > 0) return undefined;
  return new Value(document.contents, 0, '', origin);
}

/**
 * Counts levels of nesting as flow style and indentation show them, before the parser recurses into
 * them.
 */
function tooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) depth += 1;
    else if (code === 0x5d || code === 0x7d) depth -= 1;
    if (depth > MAX_DEPTH) return true;
  }
  return /^(?:[ ]{256}|(?:- ?){33})/m.test(text);
}

/**
 * A policy, and SHA-256 of the files that it takes trust from, by the names that it has for them.
 */
type ReadPolicy = Omit<Policy, 'sha256'> & { readonly trusted: ReadonlyMap<string, string> };

function readDocument(root: Value, file: string, partial: Pick<Scope, 'conditions'>): ReadPolicy {
  const top = root.fields(['apiVersion', 'kind', 'metadata', 'spec']);
  top.require('apiVersion').oneOf([POLICY_API_VERSION]);
  top.require('kind').oneOf([POLICY_KIND]);
  const metadata = top.require('metadata').fields(['name', 'labels', 'annotations']);
  const spec = top
    .require('spec')
    .fields(['mode', 'failurePolicy', 'trustedRoot', 'attestors', 'artifacts', 'receipts', 'parts']);
  const scope = readScope(root, spec, file, partial);
  const artifacts = spec.require('artifacts').list((element) => readArtifact(element, scope));
  requireDifferent(artifacts, spec.require('artifacts'));
  const terms = spec.get('receipts');
  const receipts = terms && root.attempt(() => readReceipts(terms, scope.files));
  return {
    name: metadata.require('name').text(),
    mode: spec.get('mode')?.oneOf(MODES) ?? 'Enforce',
    failurePolicy: spec.get('failurePolicy')?.oneOf(FAILURE_POLICIES) ?? 'Fail',
    artifacts,
    ...(receipts === undefined ? {} : { receipts }),
    ...(spec.get('parts')?.boolean() === true ? { allowsParts: true as const } : {}),
    files: scope.files.read,
    trusted: scope.files.digests,
  };
}

/** Whose word counts: what the requirements of a document may refer to. */
export function readScope<K extends string>(
  root: Value,
  spec: Fields<K | 'trustedRoot' | 'attestors'>,
  file: string,
  partial: Pick<Scope, 'conditions'>,
): Scope {
  const files: TrustFiles = { policy: file, read: [file], digests: new Map() };
  const own = spec.get('trustedRoot');
  const trustedRoot = {
    source: root.attempt(() => readTrustedRoot(own, files)) ?? ('public-good' as const),
    isOwn: own !== undefined,
  };
  return { ...partial, attestors: readAttestors(spec.get('attestors'), files, trustedRoot), files };
}

function readArtifact(value: Value, scope: Scope): PolicyArtifact {
  const fields = value.fields(['name', 'source', 'path', 'each', 'include', 'exclude', 'require', 'storage']);
  const name = fields.require('name').text();
  const source = fields.text('source');
  const path = fields.text('path');
  const each = fields.get('each')?.oneOf(['targets']);
  if (each !== undefined && (source !== undefined || path !== undefined))
    value.fail('each: targets excludes path and source', 'make two entries of it');
  if (each === undefined && source === undefined && path === undefined)
    value.fail('it does not say which artifact', 'add path, source, or each: targets');
  if (path !== undefined && !path.startsWith('/'))
    fields.require('path').fail('it must be absolute', 'begin it with /');
  if (path?.split('/').includes('..')) fields.require('path').fail('it has a ".."', 'write it without');
  const patterns = readPatterns(fields, source);
  const require = fields.require('require').list((element) => readRequirement(element, scope));
  const subject =
    each === undefined
      ? ({
          kind: 'one',
          ...(source === undefined ? {} : { source }),
          ...(path === undefined ? {} : { path: withoutEnd(path, '/') || path.slice(0, 1) }),
          ...(patterns === undefined ? {} : { files: patterns }),
        } as const)
      : ({ kind: 'each-target' } as const);
  const storage = readStorage(fields.get('storage'));
  return { name, subject, require, ...(storage === undefined ? {} : { storage }) };
}

function readStorage(value: Value | undefined): StorageRules | undefined {
  if (value === undefined) return undefined;
  const fields = value.fields(['presets', 'omitPaths', 'linkRoot']);
  const checked = <T extends string>(element: Value, parse: (text: string) => T | { readonly fault: string }): T => {
    const parsed = parse(element.text());
    return typeof parsed === 'string' ? parsed : element.fail(parsed.fault, 'see docs/storage.md');
  };
  const linkRoot = fields.get('linkRoot');
  return {
    presets: fields.get('presets')?.list((element) => checked(element, storagePreset)) ?? [],
    omitPaths: fields.get('omitPaths')?.list((element) => checked(element, ignoredPath)) ?? [],
    ...(linkRoot === undefined ? {} : { linkRoot: checked(linkRoot, linkRootOf) }),
  };
}

/** Which files of a store are meant; a pod's own patterns are refused beside a policy. */
function readPatterns(fields: ReturnType<Value['fields']>, source: string | undefined): Patterns | undefined {
  const include = fields.get('include')?.list((one) => one.text());
  const exclude = fields.get('exclude')?.list((one) => one.text());
  if (include === undefined && exclude === undefined) return undefined;
  if (source === undefined || !isStoreUrl(source))
    fields
      .get(include === undefined ? 'exclude' : 'include')
      ?.fail('only files of a hub or bucket can be chosen', 'name the source, or leave it out');
  return { include: include ?? [], exclude: exclude ?? [] };
}

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

function requireDifferent(artifacts: readonly PolicyArtifact[], value: Value): void {
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
