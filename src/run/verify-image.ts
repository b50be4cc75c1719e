import type { Failure } from '../error/index.ts';
import type { Proofs } from '../evidence/index.ts';
import { type ArtifactPlan, type Leaf, leavesOf, type RemoteSettings, type Requirement } from '../plan/index.ts';
import { type Digest, hexOf, type Reference, referenceText } from '../registry/index.ts';
import type { HashPool } from '../transfer/index.ts';
import { isSignature, signerText, tooFewSigners } from '../verdict/index.ts';
import { ArtifactEvidence } from './evidence.ts';
import { Hashing } from './hashing.ts';
import { stopWithin, unlessAborted } from './interruption.ts';
import { RegistrySignatures } from './registry-signatures.ts';
import { Remote } from './remote.ts';

/** An image that somebody is about to pull, and what must be true of it. */
export interface ImageQuestion {
  readonly reference: Reference;
  /** Of the manifest or index that would be pulled. */
  readonly digest: Digest;
  /** Signatures and attestations that are stored in a registry, and groups of them. */
  readonly requirements: readonly Requirement[];
}

export interface ImageVerdict {
  /** Why it must not be pulled; empty when everything is met. */
  readonly failures: readonly Failure[];
  /** Who signed it, in words. */
  readonly signers: readonly string[];
}

/**
 * Judges an image by what is signed of its digest. Nothing of the image is fetched: who pulls by
 * the digest gets what the digest names.
 *
 * @throws WeighlockError what keeps the question from being answered, or the reason for which
 * `signal` aborted
 */
export async function verifyImage(
  { reference: named, digest, requirements }: ImageQuestion,
  settings: RemoteSettings,
  pool: HashPool,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<ImageVerdict> {
  const { registry, repository } = named;
  const reference = referenceText({ registry, repository, digest });
  const source = { kind: 'oci', reference, digest: hexOf(digest) } as const;
  const artifact: ArtifactPlan = { name: reference, source, requirements };
  // The engine tests itself; nothing large is hashed here.
  const hashing = await Hashing.start(pool, 'wasm', 1, { ioRate: 0, ioDepth: 0 });
  const remote = new Remote(settings, hashing, notice);
  try {
    return await unlessAborted(judge(artifact, reference, digest, remote), signal);
  } finally {
    await stopWithin(() => remote.stop());
  }
}

async function judge(artifact: ArtifactPlan, reference: string, digest: Digest, remote: Remote): Promise<ImageVerdict> {
  await remote.refreshTrustedRoots([artifact]);
  const evidence = new ArtifactEvidence(artifact);
  const failures = await evidence.loadStored(new RegistrySignatures(remote, reference, digest), digest, '');
  if (failures.length > 0) return { failures, signers: [] };
  const signers: string[] = [];
  for (const requirement of artifact.requirements) {
    const judged = leavesOf(requirement).map((leaf) => judgeLeaf(leaf, evidence));
    const met = judged.find(({ failure }) => failure === undefined);
    if (met === undefined) return { failures: judged.flatMap(({ failure }) => failure ?? []), signers: [] };
    signers.push(...met.signers);
  }
  return { failures: [], signers: [...new Set(signers)] };
}

/**
 * What counts is over the digest of the manifest; a model signature is over files, which nobody has
 * compared here.
 */
function judgeLeaf(leaf: Leaf, evidence: ArtifactEvidence): { failure?: Failure; signers: readonly string[] } {
  const [refused] = evidence.refused.get(leaf) ?? [];
  if (refused !== undefined) return { failure: refused, signers: [] };
  const found = evidence.found.get(leaf);
  const all: Proofs = found !== undefined && 'proofs' in found ? found : { proofs: [], rejected: [] };
  const proofs = all.proofs.filter(({ binding }) => binding.kind === 'manifest');
  const others = all.proofs.filter((proof) => !proofs.includes(proof));
  const why = 'it is of the files, which a node does not see: sign the image itself';
  const rejected = [
    ...all.rejected,
    ...others.map(({ where }) => ({ where, code: 'SIGNATURE_INVALID' as const, why })),
  ];
  const failure = isSignature(leaf) ? tooFewSigners(leaf, { proofs, rejected }) : notJudged(leaf);
  if (failure !== undefined) return { failure, signers: [] };
  return { signers: proofs.map(({ signer }) => signerText(signer)) };
}

function notJudged({ origin }: Leaf): Failure {
  return {
    code: 'INTERNAL',
    message: `a requirement was not judged: ${origin}`,
    remedy: 'please report this as a defect',
  };
}
