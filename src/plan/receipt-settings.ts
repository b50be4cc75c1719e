import type { KeyObject } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { type Attestor, fingerprintOf } from '../trust/index.ts';
import { type ArtifactPlan, leavesOf } from './plan.ts';
import type { Policy } from './policy/index.ts';

/** Where and under which terms receipts count: the platform's policy says it. */
export interface ReceiptSettings {
  /** Milliseconds that a receipt counts for. */
  readonly maxAge: number;
  /** Whose receipts count. */
  readonly attestor: Attestor;
  /** Share of the bytes that is hashed all the same, above 0 and at most 1. */
  readonly spotCheck?: number;
  /**
   * The platform mounts what is verified read-only for workloads: receipts may lie on the same
   * volume.
   */
  readonly areVolumesReadOnly: boolean;
  /** Folder with the receipts, absolute. */
  readonly folder: string;
  /** What signs new ones, where there is one. */
  readonly signer?: KeyObject;
}

/** What a policy says of receipts. */
export type ReceiptTerms = Pick<ReceiptSettings, 'maxAge' | 'attestor' | 'spotCheck' | 'areVolumesReadOnly'>;

/** What the command line says of them. */
export interface ReceiptFlags {
  /** `--receipts` */
  readonly folder?: string;
  /** `--receipt-key`, read. */
  readonly signer?: KeyObject;
}

/**
 * Receipts count where every policy of the run lets them, under the strictest of what they say.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function receiptSettings(
  policies: readonly Policy[],
  { folder, signer }: ReceiptFlags,
): ReceiptSettings | undefined {
  if (folder === undefined) {
    if (signer === undefined) return undefined;
    throw invalid('--receipt-key was given without --receipts', 'name the folder: --receipts DIR');
  }
  const terms = policies.flatMap(({ receipts }) => receipts ?? []);
  const [first, ...more] = terms;
  if (first === undefined || terms.length < policies.length)
    throw invalid(
      'receipts are to be used, and the policy of the platform does not allow them',
      'leave out --receipts, or have the platform add spec.receipts to every policy',
    );
  const { attestor } = first;
  const fingerprint = keyOf(attestor);
  if (more.some((one) => keyOf(one.attestor) !== fingerprint))
    throw invalid('two policies name different keys of receipts', 'name the same one in each');
  if (signer !== undefined && fingerprintOf(nodeCrypto().createPublicKey(signer)) !== fingerprint)
    throw invalid(
      'receipts signed by --receipt-key would not count',
      'give the private key of the one in spec.receipts',
    );
  const shares = terms.flatMap(({ spotCheck }) => spotCheck ?? []);
  return {
    maxAge: Math.min(...terms.map(({ maxAge }) => maxAge)),
    attestor,
    ...(shares.length === 0 ? {} : { spotCheck: Math.max(...shares) }),
    areVolumesReadOnly: terms.every(({ areVolumesReadOnly }) => areVolumesReadOnly),
    folder,
    ...(signer === undefined ? {} : { signer }),
  };
}

/**
 * Whoever signs what is verified must not be who says that it was: with that key, changed files
 * would pass unread. A verdict may be signed by the same verifier.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function requireOwnKey(
  { attestor }: Pick<ReceiptSettings, 'attestor'>,
  artifacts: readonly Pick<ArtifactPlan, 'requirements'>[],
): void {
  const leaves = artifacts.flatMap(({ requirements }) => requirements.flatMap(leavesOf));
  const signers = leaves.flatMap((leaf) => {
    if (leaf.kind === 'checksums') return leaf.signature?.attestors ?? [];
    return leaf.kind === 'signature' ? leaf.attestors : [];
  });
  const same = signers.find((one) => one.kind === 'key' && one.fingerprint === keyOf(attestor));
  if (same !== undefined)
    throw invalid(
      `the key in spec.receipts is that of ${same.name}, who signs what is verified`,
      'give the verifier a key pair of its own: weighlock keygen',
    );
}

function keyOf(attestor: Attestor): string {
  return attestor.kind === 'key' ? attestor.fingerprint : '';
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
