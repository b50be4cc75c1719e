import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { EXIT_CODE_OF, type Failure, failureOf, WeighlockError } from '../error/index.ts';
import {
  type Digests,
  type EvidenceFile,
  loadChecksums,
  type Proof,
  type Proofs,
  proveFiles,
  proveStored,
  requirePinned,
  type SignatureFile,
} from '../evidence/index.ts';
import type { AllowedLinks } from '../fs/index.ts';
import type { AdditionalHash, Engine } from '../hash/index.ts';
import { type ArtifactPlan, type Leaf, leavesOf, type Requirement, type SignatureRequirement } from '../plan/index.ts';
import type { UnreadPlace } from '../pull/index.ts';
import { type Digest, hexOf } from '../registry/index.ts';
import type { HashName } from '../trust/index.ts';
import {
  alternative,
  type Evidence,
  isSignature,
  type Measured,
  type Refused,
  type SignatureEvidence,
  tooFewSigners,
} from '../verdict/index.ts';
import { attestationFiles } from './attestation-files.ts';
import { attestedTrees } from './attested-trees.ts';
import { countedFiles, memberFile, nameWithin, readFrom } from './evidence-files.ts';
import { type ReadSignatures, readSignatureFiles } from './signature-files.ts';
import {
  acceptedBy,
  defaultSignature,
  EVITABLE,
  fitting,
  isFolder,
  locatedFrom,
  MODEL_SIGNATURE,
  onlyOne,
  purposeOf,
  secondHashOf,
  signedPlace,
} from './signature-places.ts';
import type { SignatureStore } from './signature-store.ts';
import { requireSigned } from './signed-checksums.ts';
import { perhapsElsewhere, unreadPlace } from './unread-places.ts';

/**
 * What the requirements of one artifact rest on: loaded and verified before the artifact is read,
 * where that is possible.
 */
export class ArtifactEvidence {
  readonly #artifact: ArtifactPlan;
  readonly #allowed: AllowedLinks;
  readonly #found = new Map<Requirement, ReturnType<Evidence['get']> & object>();
  /** Old signatures, which do not say of what they are. */
  readonly #waiting = new Map<SignatureRequirement, { read: ReadSignatures; hashes: readonly HashName[] }>();
  readonly #refused = new Map<Leaf, readonly Failure[]>();
  /**
   * Where attestations of a folder are looked for, by its path: a folder of a million files is
   * looked through once.
   */
  readonly #attestations = new Map<string, readonly string[]>();
  readonly #models = new Map<Leaf, { readonly models: readonly Proof[]; readonly files: readonly EvidenceFile[] }>();

  readonly #open: SignatureFile[] = [];

  /** @param allowed - whether names in the artifact, or beside it, may be links */
  constructor(artifact: ArtifactPlan, allowed: AllowedLinks = { allowSymlinks: false }) {
    this.#artifact = artifact;
    this.#allowed = allowed;
  }

  get found(): Evidence {
    return this.#found;
  }

  /** Alternatives of groups that are out of the question. */
  get refused(): Refused {
    return this.#refused;
  }

  get leaves(): readonly Leaf[] {
    return this.#artifact.requirements.flatMap(leavesOf);
  }

  /**
   * Takes note of what is wrong with one requirement.
   *
   * @returns what that means for the artifact: nothing as long as the requirement has an
   * alternative
   */
  refuse(leaf: Leaf, failures: readonly Failure[]): readonly Failure[] {
    const group = this.#artifact.requirements.find((one) => one.kind === 'anyOf' && one.options.includes(leaf));
    if (group?.kind !== 'anyOf' || failures.length === 0) return failures;
    this.#refused.set(leaf, failures);
    const { options } = group;
    if (!options.every((option) => this.#refused.has(option))) return [];
    return options.flatMap((option, i) => alternative(this.#refused.get(option) ?? [], i, options.length));
  }

  /** True when it has to be found out what the files are. */
  get asksContent(): boolean {
    return this.leaves.some(({ kind }) => kind === 'content');
  }

  set(requirement: Requirement, evidence: ReturnType<Evidence['get']> & object): void {
    this.#found.set(requirement, evidence);
  }

  /** True when something can only be verified with the digest of the whole. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** True when a signature has to be asked for at the registry. */
  get asksRegistry(): boolean {
    return this.#signatures.some((requirement) => this.#isStored(requirement));
  }

  /**
   * Loads checksums files and signature files.
   *
   * @param paths - where the artifact lies, or will lie: first where it comes from
   * @param isThere - false where what is in the artifact is not here yet
   * @returns why it cannot pass, whatever is in it
   */
  load(paths: readonly string[], engine: () => Promise<Engine>, isThere = true): Promise<Failure[]> {
    return this.#each(async (leaf) => {
      if (!isThere && this.#isMember(leaf)) return [];
      const path = signedPlace(paths, leaf);
      const locate = (name: string) => locatedFrom([path, ...paths], name, this.#allowed);
      if (leaf.kind === 'checksums') {
        const { digest, signature } = leaf;
        const file = locate(leaf.file);
        const signatures: SignatureFile[] = [];
        const check = async (found: Digests) => {
          if (signature === undefined) requirePinned(file, digest, found);
          else signatures.push(...(await requireSigned(signature, locate, found)));
        };
        const { checksums, ...read } = await loadChecksums(file, check, await engine());
        const listing = this.#located(file, read);
        this.#found.set(leaf, { checksums, files: [...listing, ...this.#locate(signatures)] });
      }
      if (!isSignature(leaf) || this.#isStored(leaf)) return [];
      if (this.#isInArtifact(leaf, path)) return [];
      if (leaf.kind === 'attestation' && leaf.files.length === 0 && isFolder(path)) {
        const names = this.#attestations.get(path) ?? attestationFiles(path);
        this.#attestations.set(path, names);
        await this.#loadModels(leaf, path, locate);
        return this.#prove(leaf, this.#keep(await readSignatureFiles(names, locate, true)), undefined);
      }
      if (leaf.kind === 'attestation' && isFolder(path)) await this.#loadModels(leaf, path, locate);
      const names = leaf.files.length > 0 ? leaf.files : [defaultSignature(path)];
      return this.#prove(leaf, this.#keep(await readSignatureFiles(names, locate)), undefined);
    });
  }

  /**
   * A list of the folder's files that is signed by those who attest: where nobody else's signature
   * is asked for.
   */
  async #loadModels(leaf: SignatureRequirement, path: string, locate: (name: string) => string): Promise<void> {
    if (this.#signatures.some(({ kind }) => kind === 'signature') || !existsSync(join(path, MODEL_SIGNATURE))) return;
    const { files } = this.#keep(await readSignatureFiles([MODEL_SIGNATURE], locate, true));
    const { proofs, rejected, closed } = await proveFiles(files, leaf.attestors, undefined, 'signature');
    const models = proofs.filter(({ binding }) => binding.kind === 'model');
    if (models.length === 0) return;
    this.#models.set(leaf, { models, files: this.#locate(countedFiles(closed, { proofs: models, rejected })) });
  }

  /** Large signatures stay open until they are needed no more. */
  close(): void {
    for (const { close } of this.#open.splice(0)) close?.();
  }

  #keep(read: ReadSignatures): ReadSignatures {
    this.#open.push(...read.files);
    return read;
  }

  /** What the folder is without the attestations in it. */
  attestedTrees(measured: Measured, engine: () => Promise<Engine>): Promise<Pick<Measured, 'attested'>> {
    return attestedTrees(this.leaves, measured, this.#found, engine);
  }

  /**
   * Asks the registry for signatures of what was resolved, before the artifact is fetched.
   *
   * @param digest - that the reference was resolved to
   * @param path - where the artifact will lie
   */
  loadStored(store: SignatureStore, digest: Digest, path: string): Promise<Failure[]> {
    return this.#each(async (leaf) => {
      if (!isSignature(leaf)) return [];
      const isInside = this.#isInArtifact(leaf, path);
      if (!this.#isStored(leaf) && !isInside) return [];
      const unread: UnreadPlace[] = [];
      const layers = await store.signatureLayers(isInside ? leaf.files : [MODEL_SIGNATURE]).catch((error) => {
        if (isInside) throw error;
        unread.push(unreadPlace(`a layer ${MODEL_SIGNATURE}`, error));
        return [];
      });
      const own = await proveFiles(layers, leaf.attestors, undefined, purposeOf(leaf), acceptedBy(leaf));
      const names = new Set(layers.map((layer) => layer.path));
      const inArtifact = countedFiles(own.closed, own).map(memberFile);
      if (isInside) {
        const missing = leaf.files.filter((file) => !names.has(file));
        const nowhere = missing.map((file) => ({
          where: file,
          code: 'SIGNATURE_MISSING' as const,
          why: 'no such layer',
        }));
        return this.#settle(leaf, { ...own, rejected: [...own.rejected, ...nowhere] }, true, inArtifact);
      }
      const { stored, unread: unreadInRegistry } = await store.signatures(leaf.repository);
      unread.push(...unreadInRegistry);
      const purpose = purposeOf(leaf);
      const found = await proveStored(stored, leaf.attestors, hexOf(digest), purpose, acceptedBy(leaf));
      const proofs = [...found.proofs, ...own.proofs];
      const rejected = [...found.rejected, ...own.rejected];
      const failures = await this.#settle(leaf, { proofs, rejected }, true, inArtifact);
      return failures.map((failure) => perhapsElsewhere(failure, unread));
    });
  }

  /**
   * Verifies signatures that lie among the files of a store, before the others are fetched.
   *
   * @param fetch - brings those of these files that there are
   */
  loadMembers(fetch: (names: readonly string[]) => Promise<SignatureFile[]>): Promise<Failure[]> {
    return this.#each(async (leaf) => {
      if (!isSignature(leaf) || !this.#isMember(leaf)) return [];
      const names = leaf.files.length > 0 ? leaf.files : [MODEL_SIGNATURE];
      const files = await fetch(names);
      const rejected = names
        .filter((name) => !files.some(({ path }) => path === name))
        .map((where) => ({ where, code: 'SIGNATURE_MISSING' as const, why: 'the store has no such file' }));
      return this.#prove(leaf, { files, rejected, unread: [], isMember: true }, undefined);
    });
  }

  /** True for a signature that comes with the files of a store. */
  #isMember(leaf: Leaf): boolean {
    if (this.#artifact.source.kind !== 'store' || !isSignature(leaf)) return false;
    return leaf.files.every((file) => !isAbsolute(file));
  }

  /** Verifies what could only be verified with the digest of the artifact. */
  loadWithDigest({ kind, digest, second }: Omit<Measured, 'files' | 'unknown'>): Promise<Failure[]> {
    const digests = new Map<HashName, string>(digest === undefined ? [] : [['sha256', digest]]);
    const hash = this.secondHash;
    const [whole] = kind === 'file' && hash?.shardBytes === undefined ? ([...(second?.values() ?? [])][0] ?? []) : [];
    if (whole !== undefined && (hash?.name === 'sha384' || hash?.name === 'sha512')) digests.set(hash.name, whole);
    return this.#each(async (leaf) => {
      const waiting = isSignature(leaf) ? this.#waiting.get(leaf) : undefined;
      if (!isSignature(leaf) || waiting === undefined) return [];
      return this.#prove(leaf, waiting.read, digests);
    });
  }

  /** @param digests - of the artifact, once they are known: what needs them waits for them */
  async #prove(leaf: SignatureRequirement, read: ReadSignatures, digests: Digests | undefined): Promise<Failure[]> {
    const { files, unread } = read;
    const proofs = await proveFiles(files, leaf.attestors, digests, purposeOf(leaf), acceptedBy(leaf));
    if (proofs.needsDigest) this.#waiting.set(leaf, { read, hashes: proofs.needsHashes });
    const rejected = [...proofs.rejected, ...read.rejected];
    const failures = await this.#settle(
      leaf,
      { ...proofs, rejected },
      !proofs.needsDigest,
      read.isMember === true
        ? countedFiles(proofs.closed, proofs).map(memberFile)
        : this.#locate(countedFiles(proofs.closed, proofs)),
    );
    return failures.map((failure) => perhapsElsewhere(failure, unread));
  }

  /**
   * Does something for every requirement and alternative; an alternative that fails leaves the
   * others.
   */
  async #each(action: (leaf: Leaf) => Promise<readonly Failure[]>): Promise<Failure[]> {
    const all: Failure[] = [];
    for (const requirement of this.#artifact.requirements) {
      for (const leaf of leavesOf(requirement)) {
        if (this.#refused.has(leaf)) continue;
        try {
          all.push(...this.refuse(leaf, await action(leaf)));
        } catch (error) {
          const failure = failureOf(error);
          if (requirement.kind !== 'anyOf' || !EVITABLE.has(EXIT_CODE_OF[failure.code])) throw error;
          all.push(...this.refuse(leaf, [failure]));
        }
      }
    }
    return all;
  }

  /** The files of the manifest that was signed. */
  promise(checksums: SignatureEvidence['promised'] & object): void {
    for (const requirement of this.#signatures) {
      const found = this.#found.get(requirement);
      if (found !== undefined && 'proofs' in found) this.#found.set(requirement, { ...found, promised: checksums });
    }
  }

  /**
   * The other hash that signatures were made over, if any.
   *
   * @throws WeighlockError when there are two: nobody needs that, and it would cost a third hash of
   * everything
   */
  get secondHash(): AdditionalHash | undefined {
    const wanted = new Map<string, AdditionalHash>();
    for (const evidence of this.#found.values()) {
      for (const { binding } of 'proofs' in evidence ? [...evidence.proofs, ...(evidence.models ?? [])] : []) {
        const hash = secondHashOf(binding);
        if (hash !== undefined) wanted.set(JSON.stringify(hash), hash);
      }
    }
    // A signature that does not say what it was made over takes what is computed for the others.
    const [name] = [...this.#waiting.values()].flatMap(({ hashes }) => hashes);
    if (wanted.size === 0 && name !== undefined) return { name };
    if (wanted.size <= 1) return [...wanted.values()][0];
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'the signatures of this artifact were made over several kinds of hashes',
      found: [...wanted.keys()].join(', '),
      remedy: 'sign it once, or verify the signatures in runs of their own',
    });
  }

  /**
   * Bytes of the shards that all signatures were made over, where nothing else is asked for: then
   * no file has to be hashed as a whole, which is one stream, and the shards of one file are hashed
   * by all threads at once.
   */
  get shardBytes(): number | undefined {
    const leaves = this.leaves.filter((leaf) => !this.#refused.has(leaf));
    return onlyOne(leaves.map((leaf) => this.#shardBytesOf(leaf)));
  }

  #shardBytesOf(leaf: Leaf): number | undefined {
    const evidence = this.#found.get(leaf);
    if (evidence === undefined || !('proofs' in evidence) || !isSignature(leaf)) return undefined;
    if (this.#waiting.has(leaf)) return undefined;
    const hashes = evidence.proofs.map(({ binding }) => secondHashOf(binding));
    const bytes = onlyOne(hashes.map((hash) => (hash?.name === 'sha256' ? hash.shardBytes : undefined)));
    // Of a signature that lies in the artifact the digest of the whole is needed.
    return evidence.files.some(({ size }) => size > (bytes ?? 0)) ? undefined : bytes;
  }

  get #signatures(): SignatureRequirement[] {
    return this.leaves.filter(isSignature);
  }

  #isStored({ files }: SignatureRequirement): boolean {
    return this.#artifact.source.kind === 'oci' && files.length === 0;
  }

  /** True for a signature that is to be found in an artifact of a registry that is not here yet. */
  #isInArtifact({ files }: SignatureRequirement, path: string): boolean {
    const isRelative = files.length > 0 && files.every((file) => !isAbsolute(file));
    return this.#artifact.source.kind === 'oci' && isRelative && !existsSync(path);
  }

  /** Which of these files lie in the artifact, or will. */
  #locate(files: readonly SignatureFile[]): EvidenceFile[] {
    return files.flatMap((file) => this.#located(file.path, readFrom(file)));
  }

  #located(path: string, read: Omit<EvidenceFile, 'name'>): EvidenceFile[] {
    const { source, destination } = this.#artifact;
    const roots = [source.kind === 'volume' ? source.path : undefined, destination].filter(
      (root) => root !== undefined,
    );
    return roots.flatMap((root) => nameWithin(root, path) ?? []).map((name) => ({ name, ...read }));
  }

  async #settle(
    requirement: SignatureRequirement,
    all: Proofs,
    isAll: boolean,
    files: readonly EvidenceFile[],
  ): Promise<Failure[]> {
    const { models = [], files: listed = [] } = this.#models.get(requirement) ?? {};
    const proofs = { ...(await fitting(requirement, all)), files: [...files, ...listed], models };
    this.#found.set(requirement, proofs);
    const failure = isAll ? tooFewSigners(requirement, proofs) : undefined;
    return failure === undefined ? [] : [failure];
  }
}
