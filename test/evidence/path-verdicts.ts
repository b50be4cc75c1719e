// Our answer to a case, beside OpenSSL's.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { EvidenceError } from '../../src/evidence/signer.ts';
import { requirePath } from '../../src/evidence/x509/certificate-path.ts';
import type { PathCase } from './certificate-paths.ts';
import type { Verdict } from './openssl.ts';

/**
 * What `-x509_strict` wants of those who issue, and RFC 5280 section 6 does not want of those who
 * verify: a key usage (92), key identifiers (85, 86) and critical basic constraints (89) that are
 * there. Roots as `openssl req -x509` makes them lack the first.
 */
const TOLERATED = /^(85|86|89|92) /;

/** Undefined when we take it, otherwise why not. */
export async function answer({ leaf, between, roots, time, purpose }: PathCase): Promise<string | undefined> {
  const read = (der: Buffer) => new X509Certificate(der);
  try {
    const all = { leaf: read(leaf), between: between.map(read), roots: roots.map(read) };
    await requirePath({ ...all, time, purpose });
    return undefined;
  } catch (error) {
    // What OpenSSL cannot parse ends here too; anything else would be a defect.
    if (error instanceof EvidenceError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_OSSL') === true)
      return (error as Error).message;
    throw error;
  }
}

/** Nothing that OpenSSL refuses is taken, and what we alone refuse is what the case says. */
export async function requireAgreement(question: PathCase, { plain, strict }: Verdict): Promise<void> {
  const { name, stricter } = question;
  const refused = await answer(question);
  const says = `${name}: OpenSSL says ${plain}, and strictly ${strict}; we say ${refused ?? 'OK'}`;
  const isRefused = plain !== 'OK' || (strict !== 'OK' && !TOLERATED.test(strict));
  assert.equal(refused !== undefined, isRefused || stricter !== undefined, `${says}; stricter: ${stricter}`);
  assert.ok(stricter === undefined || plain === 'OK', `${name} is not where we alone are strict`);
}
