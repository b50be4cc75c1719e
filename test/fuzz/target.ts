import type { Arbitrary } from 'fast-check';
import { WeighlockError } from '../../src/error/index.ts';
import { EvidenceError } from '../../src/evidence/signer.ts';
import { MalformedError } from '../../src/evidence/strict-json.ts';

/** A parser of bytes that somebody hostile may have written. */
export interface Target {
  readonly name: string;
  /** What it is fed: structured, and valid ones that were damaged. */
  readonly input: Arbitrary<Uint8Array>;
  /** Parses. May end with a value, or throw a refusal. Anything else that it throws is a defect. */
  readonly parse: (bytes: Buffer) => unknown;
}

/** Milliseconds of processor time that one input may take: an attacker sends thousands. */
export const MAX_MILLISECONDS = 1000;

/** Feeds a parser. @throws what the parser throws, unless it is a refusal */
export async function feed({ parse }: Target, input: Uint8Array): Promise<void> {
  const before = process.threadCpuUsage();
  try {
    await parse(Buffer.from(input));
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  const { user, system } = process.threadCpuUsage(before);
  const milliseconds = (user + system) / 1000;
  if (milliseconds > MAX_MILLISECONDS) throw new Error(`it took ${Math.round(milliseconds)} ms`);
}

/** Errors that say what is wrong with the input. An internal one is none of them. */
function isRefusal(error: unknown): boolean {
  if (error instanceof WeighlockError) return error.code !== 'INTERNAL' && error.code !== 'ENGINE_FAULT';
  return error instanceof EvidenceError || error instanceof MalformedError;
}
