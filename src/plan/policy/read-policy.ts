import { compileConditions, compileContentConditions } from '../../evidence/index.ts';
import type { StorageRules } from '../../fs/index.ts';
import { HASHERS } from '../../hash/index.ts';
import { library } from '../../library/index.ts';
import { isStoreUrl } from '../../source/index.ts';
import type { Patterns } from '../../store/index.ts';
import { withoutEnd } from '../../without-end.ts';
import { ignoredPath } from '../ignored-paths.ts';
import { FAILURE_POLICIES, MODES } from '../plan.ts';
import { linkRootOf, storagePreset } from '../storage-settings.ts';
import { type PolicyAttestor, readAttestors, readTrustedRoot, type TrustFiles } from './attestors.ts';
import type { Policy, PolicyArtifact } from './policy.ts';
import { policyDigest } from './policy-digest.ts';
import { readRequirement, requireDifferent } from './read-requirement.ts';
import { readReceipts } from './receipt-terms.ts';
import { type Fields, type Origin, PolicyError, Value } from './value.ts';

export const POLICY_API_VERSION = 'weighlock.dev/v1alpha1';

export const POLICY_KIND = 'VerificationPolicy';

/** Deeper than any policy, and shallower than the stack. */
const MAX_DEPTH = 32;

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
    .fields(['mode', 'failurePolicy', 'trustedRoot', 'attestors', 'artifacts', 'receipts', 'parts', 'hasher']);
  const scope = readScope(root, spec, file, partial);
  const artifacts = spec.require('artifacts').list((element) => readArtifact(element, scope));
  requireDifferent(artifacts, spec.require('artifacts'));
  const terms = spec.get('receipts');
  const receipts = terms && root.attempt(() => readReceipts(terms, scope.files));
  const hasher = spec.get('hasher')?.oneOf(HASHERS);
  return {
    name: metadata.require('name').text(),
    mode: spec.get('mode')?.oneOf(MODES) ?? 'Enforce',
    failurePolicy: spec.get('failurePolicy')?.oneOf(FAILURE_POLICIES) ?? 'Fail',
    artifacts,
    ...(receipts === undefined ? {} : { receipts }),
    ...(hasher === undefined ? {} : { hasher }),
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
