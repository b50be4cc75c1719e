import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errno, failureOf } from '../error/index.ts';
import { MalformedError, proveFiles, STATEMENT_TYPE } from '../evidence/index.ts';
import { DIGEST_BYTES, digestAt, entryText, type FileTable, type Listing, nameAt } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import type { ArtifactPlan, ReceiptSettings } from '../plan/index.ts';
import { signModel } from '../sign/index.ts';
import type { Evidence, ReceiptOutcome } from '../verdict/index.ts';
import {
  decodeTable,
  encodeTable,
  firstDifference,
  latestChange,
  type StoredTable,
  tableBytes,
  unchangedFiles,
} from './attribute-table.ts';
import { openReceipt, writeReceipt } from './receipt-file.ts';
import { parseReceipt, RECEIPT_TYPE, type Receipt, receiptPredicate } from './receipt-statement.ts';
import { requirementsDigest } from './requirements-digest.ts';
import { chooseFiles } from './spot-check.ts';

/**
 * By how much a file must have been left alone before a verification begins: two changes within one
 * tick of a file system's clock have one ctime. FAT counts in 2 s, some servers in 1 s, Linux' own
 * file systems in ticks of at most 10 ms.
 */
const GRAIN_NANOSECONDS = 2_000_000_000n;

/** What is asked about. */
export interface ReceiptQuestion {
  readonly artifact: ArtifactPlan;
  readonly path: string;
  readonly listing: Pick<Listing, 'kind' | 'files'>;
  readonly evidence: Evidence;
  readonly allowSymlinks: boolean;
}

/** Why there is no receipt that counts. */
class NoReceipt extends Error {}

/**
 * Receipts of one run. A receipt only ever brings digests of files that were hashed before and have
 * not changed since; what they are held against is loaded and judged anew.
 */
export class ReceiptBook {
  readonly #settings: ReceiptSettings;
  readonly #now: () => number;
  /** Digests that a spot check has to come to, by table. */
  readonly #promised = new Map<FileTable, ReadonlyMap<number, Buffer>>();

  /** @param now - milliseconds since 1970 */
  constructor(settings: ReceiptSettings, now: () => number = Date.now) {
    this.#settings = settings;
    this.#now = now;
  }

  /**
   * Looks for a receipt of what was listed. Where one counts, the files in its table are taken for
   * hashed, all but those of a spot check; where none does, nothing is.
   *
   * @param isPartial - takes what is unchanged when something else is not: between rounds of one
   * verifier
   */
  async use(question: ReceiptQuestion, isPartial = false): Promise<ReceiptOutcome> {
    try {
      return await this.#use(question, isPartial);
    } catch (error) {
      question.listing.files.hashed.fill(0);
      if (error instanceof NoReceipt) return { isUsed: false, why: error.message };
      if (error instanceof MalformedError)
        return { isUsed: false, why: `the receipt does not count: ${error.message}` };
      throw error;
    }
  }

  async #use(question: ReceiptQuestion, isPartial: boolean): Promise<ReceiptOutcome> {
    const { files } = question.listing;
    this.#requireOtherVolume(files);
    const found = openReceipt(this.#pathOf(question));
    if (found === undefined) throw new NoReceipt('there is no receipt of it');
    if (typeof found === 'string') throw new NoReceipt(`the receipt does not count: ${found}`);
    try {
      const receipt = await this.#believed(found.statement, question);
      if (!isPartial) requireCount(receipt, files);
      const bytes = found.table(receipt.table.bytes, receipt.table.sha256);
      const stored = bytes && decodeTable(bytes, receipt.files);
      if (stored === undefined)
        throw new NoReceipt('the receipt does not count: its table is not the one that was signed');
      const taken = this.#take(files, stored, isPartial);
      requireLeftAlone(files, receipt);
      this.#spotCheck(files);
      return { isUsed: true, startedAt: new Date(receipt.startedAt), files: taken };
    } finally {
      found.close();
    }
  }

  /**
   * What the platform signed, about this content, this policy and this evidence, not too long ago.
   */
  async #believed(bytes: Buffer, question: ReceiptQuestion): Promise<Receipt> {
    const { attestor, maxAge } = this.#settings;
    const file = { path: 'the receipt', bytes, links: 1 };
    const { proofs, rejected } = await proveFiles([file], [attestor], undefined, { predicateType: RECEIPT_TYPE });
    const [proof] = proofs;
    if (proof?.statement === undefined)
      throw new NoReceipt(`the receipt does not count: ${rejected[0]?.why ?? 'it is signed by nobody'}`);
    const receipt = parseReceipt(proof.statement.predicate);
    const now = this.#now();
    if (receipt.startedAt > now) throw new NoReceipt('the receipt is of the future: was the clock set back?');
    if (now - receipt.startedAt > maxAge) throw new NoReceipt('the receipt is too old');
    if (receipt.requirements !== termsOf(question)) throw new NoReceipt('the receipt is of another policy');
    if (receipt.evidence !== evidenceDigest(question.evidence)) throw new NoReceipt('the evidence is not the same');
    return receipt;
  }

  /** Takes the digests of files that are as they were. @returns how many */
  #take(files: FileTable, stored: StoredTable, isPartial: boolean): number {
    const different = firstDifference(files, stored);
    if (different === undefined) {
      files.digests.set(stored.digests);
      files.hashed.fill(1);
      return files.count;
    }
    if (!isPartial) {
      const name = entryText(nameAt(files, different.index));
      throw new NoReceipt(`the ${different.what} of ${name} is not what it was`);
    }
    let taken = 0;
    for (const [index, at] of unchangedFiles(files, stored).entries()) {
      if (at < 0) continue;
      digestAt(files, index).set(stored.digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES));
      files.hashed[index] = 1;
      taken++;
    }
    return taken;
  }

  #spotCheck(files: FileTable): void {
    const { spotCheck } = this.#settings;
    if (spotCheck === undefined) return;
    const random = () => nodeCrypto().randomInt(2 ** 47) / 2 ** 47;
    const promised = new Map<number, Buffer>();
    for (const index of chooseFiles(files, spotCheck, random)) {
      if (files.hashed[index] !== 1) continue;
      promised.set(index, Buffer.from(digestAt(files, index)));
      files.hashed[index] = 0;
    }
    this.#promised.set(files, promised);
  }

  /**
   * Holds what a spot check hashed against what the receipt says.
   *
   * @returns why nothing of the receipt counts; undefined when all is well
   */
  confirm(files: FileTable): string | undefined {
    for (const [index, digest] of this.#promised.get(files) ?? []) {
      // What could not be read has its failure.
      if (files.hashed[index] !== 1 || digest.equals(digestAt(files, index))) continue;
      const name = entryText(nameAt(files, index));
      return `${name} has other bytes than the receipt says, and every attribute that it had: something forges attributes`;
    }
    return undefined;
  }

  /**
   * Leaves a receipt of what passed.
   *
   * @param startedAt - when that verification began, milliseconds since 1970
   * @returns why there is none, for people; undefined when there is
   */
  leave(question: ReceiptQuestion, digest: string, startedAt: number): string | undefined {
    const { signer } = this.#settings;
    if (signer === undefined) return undefined;
    const { files } = question.listing;
    const latest = latestChange(files);
    if (latest === undefined || !isLeftAlone(latest, startedAt))
      return 'no receipt: some file was changed when the verification began, or not long before';
    try {
      this.#requireOtherVolume(files);
      const hash = nodeCrypto().createHash('sha256');
      for (const piece of encodeTable(files)) hash.update(piece);
      const receipt: Receipt = {
        startedAt,
        requirements: termsOf(question),
        evidence: evidenceDigest(question.evidence),
        files: files.count,
        table: { bytes: tableBytes(files), sha256: hash.digest('hex') },
      };
      const statement = {
        _type: STATEMENT_TYPE,
        subject: [{ name: question.artifact.name, digest: { sha256: digest } }],
        predicateType: RECEIPT_TYPE,
        predicate: receiptPredicate(receipt),
      };
      const bundle = signModel(Buffer.from(JSON.stringify(statement)), signer);
      writeReceipt(this.#pathOf(question), bundle, encodeTable(files));
      return undefined;
    } catch (error) {
      const why = error instanceof NoReceipt ? error.message : (errno(error) ?? failureOf(error).message);
      return `no receipt: ${why}`;
    }
  }

  /** Whoever writes to what is verified must not be able to write receipts, old ones included. */
  #requireOtherVolume(files: FileTable): void {
    const { folder, areVolumesReadOnly } = this.#settings;
    if (areVolumesReadOnly) return;
    let device: bigint;
    try {
      device = BigInt.asUintN(64, statSync(folder, { bigint: true }).dev);
    } catch (error) {
      throw new NoReceipt(`the folder of receipts cannot be read: ${errno(error) ?? 'unknown error'}`);
    }
    if (files.device.includes(device ^ files.deviceBase))
      throw new NoReceipt('receipts lie on the volume that they are about (the policy may say volumes: ReadOnly)');
  }

  #pathOf(question: ReceiptQuestion): string {
    const name = nodeCrypto().createHash('sha256');
    name.update(JSON.stringify([realpathSync(question.path), termsOf(question)]));
    return join(this.#settings.folder, `${name.digest('hex').slice(0, 40)}.receipt`);
  }
}

function requireCount(receipt: Receipt, files: FileTable): void {
  if (receipt.files !== files.count)
    throw new NoReceipt(`there are ${files.count} files, and the receipt has ${receipt.files}`);
  if (receipt.table.bytes !== tableBytes(files)) throw new NoReceipt('files have other names than in the receipt');
}

/**
 * The rule that was kept when the receipt was made, once more: it may have been made by a clock
 * that was wrong.
 */
function requireLeftAlone(files: FileTable, receipt: Receipt): void {
  for (let i = 0; i < files.count; i++) {
    if (files.hashed[i] !== 1) continue;
    const time = files.ctime[i] ?? 0n;
    if (files.ctimeHigh[i] === 0 && isLeftAlone(time, receipt.startedAt)) continue;
    throw new NoReceipt(`${entryText(nameAt(files, i))} was changed when that verification began, or not long before`);
  }
}

function isLeftAlone(ctime: bigint, startedAt: number): boolean {
  return ctime < BigInt(startedAt) * 1_000_000n - GRAIN_NANOSECONDS;
}

function termsOf({ artifact, allowSymlinks, listing }: ReceiptQuestion): string {
  return requirementsDigest(artifact.requirements, {
    allowSymlinks,
    kind: listing.kind,
    storage: artifact.storage,
  });
}

/** Of every signature that counts: one more or less is another verification. */
export function evidenceDigest(evidence: Evidence): string {
  const found = [...evidence].flatMap(([requirement, one]) => {
    const proofs = 'proofs' in one ? one.proofs.map(({ sha256, signer }) => `${sha256} ${signer.fingerprint}`) : [];
    return [requirement.kind, ...proofs.sort(), ...one.files.map(({ sha256 }) => sha256).sort()];
  });
  return nodeCrypto().createHash('sha256').update(JSON.stringify(found)).digest('hex');
}
