import type { VerdictTerms } from '../../evidence/index.ts';
import { entryText, type StorageRules } from '../../fs/index.ts';
import type { Patterns } from '../../store/index.ts';
import { attestorText } from '../../trust/index.ts';
import type { ContentRequirement } from '../content.ts';
import type { SignatureRequirement } from '../plan.ts';
import type { ReceiptTerms } from '../receipt-settings.ts';
import type { ImageRule, NodeImagePolicy } from './node-image-policy.ts';
import type { PinSource, Policy, PolicyArtifact, PolicyLeaf, PolicyRequirement } from './policy.ts';

/** What a policy checks, by whom, and what happens otherwise, in plain words; one line each. */
export function explainPolicy(policy: Policy): string[] {
  const { name, mode, failurePolicy, artifacts, receipts } = policy;
  return [
    `Policy ${name}`,
    mode === 'Enforce'
      ? '  A pod does not start (exit 65) when any of this does not hold.'
      : '  Audit: what does not hold is reported, and the pod starts all the same.',
    failurePolicy === 'Fail'
      ? '  It does not start (exit 75) either when something cannot be found out: an unreadable file, a registry that is down.'
      : '  Ignore: when something cannot be found out (an unreadable file, a registry that is down), the pod starts all the same.',
    ...(receipts === undefined ? [] : [receiptText(receipts)]),
    ...(policy.hasher === undefined
      ? []
      : [`  SHA-256 is computed by the engine ${policy.hasher}, unless --hasher asks for another.`]),
    ...(policy.allowsParts === true
      ? ['  A run may verify a part (--part): it exits with 0 although others verify the rest.']
      : []),
    ...artifacts.flatMap(explainArtifact),
  ];
}

function receiptText({ maxAge, spotCheck, areVolumesReadOnly }: ReceiptTerms): string {
  const share = spotCheck === undefined ? '' : `, ${spotCheck * 100} % of the bytes being read all the same`;
  const where = areVolumesReadOnly ? '; workloads mount what is verified read-only' : '';
  return `  What was verified in the last ${maxAge / 3_600_000} hours and has not changed since is not read again${share}${where}.`;
}

/** The same for the policy of a node. */
export function explainNodeImagePolicy(policy: NodeImagePolicy): string[] {
  const { name, mode, failurePolicy, unmatched, rules, timeout } = policy;
  return [
    `Policy ${name}, for the images that a node pulls`,
    mode === 'Enforce'
      ? '  An image is not pulled (exit 65) when any of this does not hold.'
      : '  Audit: what does not hold is said to containerd, and the image is pulled all the same.',
    failurePolicy === 'Fail'
      ? `  It is not pulled (exit 75) either when the registry does not answer in ${timeout / 1000} s.`
      : `  Ignore: when the registry does not answer in ${timeout / 1000} s, the image is pulled all the same.`,
    unmatched === 'Refuse'
      ? '  What no rule speaks of is not pulled.'
      : '  Allow: what no rule speaks of is pulled, whoever made it.',
    '  What all rules ask that speak of an image must hold.',
    ...rules.flatMap(explainRule),
  ];
}

function explainRule({ name, patterns, asked, digests }: ImageRule): string[] {
  const what = digests === undefined ? ['- nothing is asked'] : [`- it is one of ${digests.join(', ')}`];
  const lines = asked.length === 0 ? what : asked.flatMap(explain);
  return ['', `${name}: ${patterns.join(', ')}.`, ...lines.map((line) => `  ${line}`)];
}

function explainArtifact({ name, subject, require, storage }: PolicyArtifact): string[] {
  const what =
    subject.kind === 'each-target'
      ? 'each path that the pod brings (WEIGHLOCK_TARGETS, MODEL_PATH, DATASET_PATH, arguments)'
      : subject.source === undefined
        ? `what lies at ${subject.path}`
        : subject.path === undefined
          ? `${subject.source}${chosen(subject.files)}`
          : `${subject.source}${chosen(subject.files)}, published at ${subject.path} after it was verified`;
  const all = require.length > 1 ? ' All of this must hold:' : '';
  return [
    '',
    `${name}: ${what}.${all}`,
    ...explainStorage(storage),
    ...require.flatMap((one) => explain(one).map((line) => `  ${line}`)),
  ];
}

function explainStorage(storage: StorageRules | undefined): string[] {
  const { presets = [], omitPaths = [], linkRoot } = storage ?? {};
  return [
    ...(presets.length === 0 ? [] : [`  Bookkeeping of ${presets.join(', ')} is no part of it.`]),
    ...(omitPaths.length === 0 ? [] : [`  ${omitPaths.map(entryText).join(', ')}: no part of it.`]),
    ...(linkRoot === undefined ? [] : [`  Links in it may lead to what is beneath ${linkRoot}.`]),
  ];
}

function chosen(files: Patterns | undefined): string {
  if (files === undefined) return '';
  const wanted = files.include.length === 0 ? '' : `, of it ${files.include.join(', ')}`;
  return files.exclude.length === 0 ? wanted : `${wanted}, without ${files.exclude.join(', ')}`;
}

function explain(one: PolicyRequirement): string[] {
  if (one.kind !== 'anyOf') return bulleted(leaf(one));
  return [
    '- at least one of these holds:',
    ...one.options.flatMap((option) => bulleted(leaf(option)).map((l) => `  ${l}`)),
  ];
}

function bulleted([first = '', ...rest]: string[]): string[] {
  return [`- ${first}`, ...rest.map((line) => `  ${line}`)];
}

function leaf(one: PolicyLeaf): string[] {
  if (one.kind === 'sha256') return [`its SHA-256 (of a folder: its tree digest) is ${pin(one.pin)}`];
  if (one.kind === 'checksums') {
    const proof =
      one.signature === undefined
        ? [`whose own SHA-256 is ${one.pin === undefined ? 'unknown' : pin(one.pin)}`]
        : ['which is signed:', ...signature(one.signature)];
    return [`it has exactly the files that ${one.file} lists, ${proof[0]}`, ...proof.slice(1)];
  }
  if (one.kind === 'content') return content(one);
  const { requirement } = one;
  if (requirement.kind === 'signature') return ['it is signed:', ...signature(requirement)];
  if (requirement.verdict !== undefined)
    return ['another verifier passed it:', ...verdict(requirement.verdict), ...signature(requirement)];
  return [`there is an attestation of the type ${requirement.predicateType}:`, ...signature(requirement)];
}

function verdict({ verifier, policy, maxAge, levels = [] }: VerdictTerms): string[] {
  return [
    ...(verifier === undefined ? [] : [`the verifier ${verifier}`]),
    ...(policy === undefined ? [] : [`by the policy whose SHA-256 is ${policy}`]),
    ...(maxAge === undefined ? [] : [`not longer ago than ${maxAge / 3_600_000} hours`]),
    ...(levels.length === 0 ? [] : [`with ${levels.join(', ')}`]),
  ];
}

function signature(requirement: SignatureRequirement): string[] {
  const { attestors, threshold, conditions, maxAge, repository, files, ignorePaths = [] } = requirement;
  const who = attestors.length === 1 ? 'by' : threshold === attestors.length ? 'by all of' : `by ${threshold} of`;
  const logs = attestors.filter(({ logs }) => logs.transparencyLogs === 0).map(({ name }) => name);
  return [
    ...(attestors.length === 1
      ? [`${who} ${attestors.map(attestorText).join('')}`]
      : [`${who}:`, ...attestors.map((one) => `  ${attestorText(one)}`)]),
    ...(logs.length === 0 ? [] : [`no entry in a transparency log is asked of ${logs.join(', ')}`]),
    ...(files.length === 0 ? [] : [`the signature is ${files.join(', ')}, in or beside the artifact`]),
    ...(repository === undefined ? [] : [`signatures are stored in ${repository}`]),
    ...(maxAge === undefined ? [] : [`not longer ago than ${maxAge / 3_600_000} hours`]),
    ...(ignorePaths.length === 0
      ? []
      : [`what lies at ${ignorePaths.map(entryText).join(', ')} may be there unsigned`]),
    ...conditions.map((condition) => `and this is true of it: ${condition}`),
  ];
}

function content({ allowed, exceptions, conditions }: ContentRequirement): string[] {
  return [
    `every file is one of ${allowed.join(', ')}, by its bytes, and sound`,
    ...exceptions.map(({ paths, kinds }) => `what lies at ${paths.join(', ')} may be ${kinds.join(', ')}`),
    ...conditions.map((condition) => `and this is true of all of them: ${condition}`),
  ];
}

function pin(source: PinSource): string {
  return 'digest' in source ? source.digest : `the value of ${source.fromEnv}, which the pod's author sets`;
}
