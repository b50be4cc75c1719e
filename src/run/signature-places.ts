// Where signatures lie that nobody named, what they are for, and whether they are young enough.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { EXIT } from '../error/index.ts';
import { compileConditions, faultInVerdict, type Proof, type Proofs, type Purpose } from '../evidence/index.ts';
import { type AllowedLinks, refuseLinks } from '../fs/index.ts';
import type { AdditionalHash } from '../hash/index.ts';
import type { Leaf, SignatureRequirement } from '../plan/index.ts';
import { isSignature } from '../verdict/index.ts';

/**
 * What another alternative may make good; a wrong configuration or a defect is no reason to look
 * for one.
 */
export const EVITABLE = new Set<number>([EXIT.verificationFailed, EXIT.notEvaluated]);

/**
 * Where a name leads from the first of these places; in whichever of them it lies, links count
 * there.
 */
export function locatedFrom(paths: readonly string[], name: string, allowed: AllowedLinks): string {
  const [located = name] = [...new Set(paths)].map((path) =>
    isAbsolute(name) || path === paths[0] ? inside(path, name, allowed) : name,
  );
  return located;
}

/**
 * A relative name is meant in a folder, or beside a file. Whoever writes there decides what is on
 * the way to it, also where the name is given with the folder's path before it.
 *
 * @throws WeighlockError `UNSAFE_ENTRY`
 */
function inside(path: string, name: string, allowed: AllowedLinks): string {
  const folder = folderOf(path);
  const within = isAbsolute(name) ? relative(folder, name) : name;
  const isElsewhere = isAbsolute(name) && (within === '..' || within.startsWith('../'));
  if (!isElsewhere) refuseLinks(folder, within, allowed);
  return isElsewhere ? name : join(folder, within);
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What model_signing and we call the signature of a folder. */
export const MODEL_SIGNATURE = 'model.sig';

export function purposeOf({ predicateType }: SignatureRequirement): Purpose {
  return predicateType === undefined ? 'signature' : { predicateType };
}

export function acceptedBy({ allowLegacy }: SignatureRequirement): { legacyModels: boolean } {
  return { legacyModels: allowLegacy === true };
}

/** The first of these places with the signature that is looked for in it, or beside it. */
export function signedPlace(paths: readonly string[], leaf: Leaf): string {
  const named = isSignature(leaf) ? leaf.files : [];
  const isThere = (path: string) => {
    const names = named.length > 0 ? named : [defaultSignature(path)];
    return names.some((name) => !isAbsolute(name) && existsSync(join(folderOf(path), name)));
  };
  return paths.find(isThere) ?? paths[0] ?? '';
}

function folderOf(path: string): string {
  return isFolder(path) ? path : dirname(path);
}

/** What a signature is called that nobody named, in the folder or beside the file. */
export function defaultSignature(path: string): string {
  if (isFolder(path)) return MODEL_SIGNATURE;
  const isBundle = existsSync(`${path}.sigstore.json`) || !existsSync(`${path}.sig`);
  return `${basename(path)}${isBundle ? '.sigstore.json' : '.sig'}`;
}

/** Leaves out what says otherwise than it must, or is too old (S22). */
export async function fitting(requirement: SignatureRequirement, all: Proofs): Promise<Proofs> {
  const conditions = await compileConditions(requirement.conditions);
  const proofs: Proof[] = [];
  const rejected = [...all.rejected];
  for (const proof of all.proofs) {
    const { statement, signer, where } = proof;
    const tooOld = ageFault(signer.time, requirement.maxAge);
    const untrue = statement && conditions.map((holds) => holds(statement, signer)).find((why) => why !== undefined);
    const { verdict, predicateType } = requirement;
    const other = statement
      ? faultInVerdict(statement, predicateType, verdict, Date.now())
      : verdict && 'it is no verdict';
    const why = tooOld ?? other ?? untrue;
    if (why === undefined) proofs.push(proof);
    else rejected.push({ where, code: 'CONDITION_FAILED', why });
  }
  return { ...all, proofs, rejected };
}

function ageFault(time: Date | undefined, maxAge: number | undefined): string | undefined {
  if (maxAge === undefined) return undefined;
  if (time === undefined) return 'it has no verified time, and a greatest age is asked for';
  return Date.now() - time.getTime() > maxAge ? `it was made at ${time.toISOString()}, too long ago` : undefined;
}

/** The value that all of them are; undefined where they differ, or there is none. */
export function onlyOne<T>(values: readonly T[]): T | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

export function secondHashOf(binding: Proof['binding']): AdditionalHash | undefined {
  if (binding.kind === 'file') return binding.hash === 'sha256' ? undefined : { name: binding.hash };
  if (binding.kind !== 'model') return undefined;
  const { hash, shardBytes } = binding.manifest;
  if (shardBytes !== undefined) return { name: hash, shardBytes };
  return hash === 'sha256' ? undefined : { name: hash };
}
