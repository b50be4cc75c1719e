import { dirname, resolve } from 'node:path';
import { parseDigest } from '../../registry/index.ts';
import { FAILURE_POLICIES, type FailurePolicy, type Leaf, MODES, type Mode, type Requirement } from '../plan.ts';
import { compileImagePattern, PatternFault } from './image-pattern.ts';
import type { PolicyLeaf, PolicyRequirement } from './policy.ts';
import { orFirst, POLICY_API_VERSION, parseDocument, readScope, type Scope } from './read-policy.ts';
import { readDuration, readRequirement } from './read-requirement.ts';
import type { PolicyError, Value } from './value.ts';

export const NODE_IMAGE_POLICY_KIND = 'NodeImagePolicy';

/** What happens to an image that no rule speaks of. */
export const UNMATCHED = ['Refuse', 'Allow'] as const;

/** containerd waits for 10 seconds, and shows no reason of a program that took longer. */
const USUAL_TIMEOUT = 8000;

/** What the images of some repositories need. A rule that only allows asks for nothing. */
export interface ImageRule {
  readonly name: string;
  /** As they are written. */
  readonly patterns: readonly string[];
  /** @param name - registry and repository, as `imageName` gives them */
  readonly matches: (name: string) => boolean;
  /** All must be met. */
  readonly require: readonly Requirement[];
  /** The same as the policy says it. */
  readonly asked: readonly PolicyRequirement[];
  /** `sha256:...`; when given, the image is one of these. */
  readonly digests?: readonly string[];
}

/** Which images a node may pull; a file of whoever runs the node. */
export interface NodeImagePolicy {
  readonly name: string;
  readonly mode: Mode;
  readonly failurePolicy: FailurePolicy;
  readonly unmatched: (typeof UNMATCHED)[number];
  /** Milliseconds for a verdict, at least 1. */
  readonly timeout: number;
  readonly registries: {
    readonly configs: readonly string[];
    readonly caFiles: readonly string[];
    readonly plainHttp: readonly string[];
    /** `REGISTRY=HOST` */
    readonly mirrors: readonly string[];
  };
  /** Never empty, unless everything is refused. */
  readonly rules: readonly ImageRule[];
}

/** @throws PolicyError `CONFIG_INVALID` */
export function readNodeImagePolicy(text: string, file: string): Promise<NodeImagePolicy> {
  return orFirst(file, (problems) => parseNodeImagePolicy(text, file, problems));
}

/** @param problems - gets everything that is wrong */
export function parseNodeImagePolicy(
  text: string,
  file: string,
  problems: PolicyError[],
): Promise<NodeImagePolicy | undefined> {
  return parseDocument(text, file, problems, (root, partial) => readDocument(root, file, partial));
}

function readDocument(root: Value, file: string, partial: Pick<Scope, 'conditions'>): NodeImagePolicy {
  const top = root.fields(['apiVersion', 'kind', 'metadata', 'spec']);
  top.require('apiVersion').oneOf([POLICY_API_VERSION]);
  top.require('kind').oneOf([NODE_IMAGE_POLICY_KIND]);
  const metadata = top.require('metadata').fields(['name', 'labels', 'annotations']);
  const own = ['mode', 'failurePolicy', 'unmatched', 'timeout', 'registries', 'images'] as const;
  const spec = top.require('spec').fields([...own, 'trustedRoot', 'attestors']);
  const scope = readScope(root, spec, file, partial);
  const rules = spec.require('images').list((element) => readRule(element, scope), { least: 0 });
  const unmatched = spec.get('unmatched')?.oneOf(UNMATCHED) ?? 'Refuse';
  if (rules.length === 0 && unmatched === 'Allow')
    spec.require('images').fail('it would check nothing', 'write a rule, or leave the verifier out');
  return {
    name: metadata.require('name').text(),
    mode: spec.get('mode')?.oneOf(MODES) ?? 'Enforce',
    failurePolicy: spec.get('failurePolicy')?.oneOf(FAILURE_POLICIES) ?? 'Fail',
    unmatched,
    timeout: readDuration(spec.get('timeout')) ?? USUAL_TIMEOUT,
    registries: readRegistries(spec.get('registries'), file),
    rules,
  };
}

function readRule(value: Value, scope: Scope): ImageRule {
  const fields = value.fields(['name', 'match', 'require', 'digests', 'allow']);
  const name = fields.require('name').text();
  const compiled = fields.require('match').list((element) => {
    try {
      const text = element.text();
      return { text, matches: compileImagePattern(text) };
    } catch (error) {
      if (error instanceof PatternFault) return element.fail(error.message, error.remedy);
      throw error;
    }
  });
  const patterns = compiled.map(({ text }) => text);
  const matches = (image: string) => compiled.some((pattern) => pattern.matches(image));
  const common = { name, patterns, matches, require: [], asked: [] };
  const kind = fields.only(['require', 'digests', 'allow']);
  if (kind === 'allow') {
    if (!fields.require('allow').boolean()) fields.require('allow').fail('it cannot be false', 'leave the rule out');
    return common;
  }
  if (kind === 'digests') return { ...common, digests: fields.require('digests').list(readDigest) };
  const asked: PolicyRequirement[] = [];
  const require = fields.require('require').list((element) => {
    const one = readRequirement(element, scope);
    asked.push(one);
    return requirementOf(element, one, name);
  });
  return { ...common, require, asked };
}

function readDigest(value: Value): string {
  return parseDigest(value.text()) ?? value.fail('it is no digest', 'write sha256: and 64 lower-case hex digits');
}

function requirementOf(value: Value, one: PolicyRequirement, rule: string): Requirement {
  if (one.kind !== 'anyOf') return leafOf(value, one, rule);
  const options = one.options.map((option) => leafOf(value, option, rule));
  return { kind: 'anyOf', options, origin: `one of: ${options.map(({ origin }) => origin).join('; ')}` };
}

/** Of an image a node knows the digest of its manifest, and not its files. */
function leafOf(value: Value, leaf: PolicyLeaf, rule: string): Leaf {
  if (leaf.kind !== 'signature')
    return value.fail(`a node does not see files, so ${leaf.kind} says nothing`, 'name digests of manifests: digests');
  const { requirement } = leaf;
  if (requirement.files.length > 0)
    return value.fail('signatures of images are in a registry, not in a file', 'leave file out, or name repository');
  if (requirement.ignorePaths !== undefined || requirement.allowLegacy !== undefined)
    return value.fail('ignorePaths and allowLegacy are of models, not of images', 'leave them out');
  return { ...requirement, origin: `${requirement.origin} (rule ${rule})` };
}

function readRegistries(value: Value | undefined, file: string): NodeImagePolicy['registries'] {
  const fields = value?.fields(['credentials', 'caCertificates', 'plainHttp', 'mirrors']);
  const texts = (key: 'credentials' | 'caCertificates' | 'plainHttp' | 'mirrors') =>
    fields?.get(key)?.list((element) => element.text()) ?? [];
  const files = (key: 'credentials' | 'caCertificates') => texts(key).map((one) => resolve(dirname(file), one));
  return {
    configs: files('credentials'),
    caFiles: files('caCertificates'),
    plainHttp: texts('plainHttp'),
    mirrors: texts('mirrors'),
  };
}
