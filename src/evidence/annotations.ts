import { EvidenceError } from './signer.ts';
import type { Subject } from './statement.ts';
import type { Json } from './strict-json.ts';

/** What a signature must say beside what it is of: cosign's `-a`. */
export type WantedAnnotations = ReadonlyMap<string, string> | undefined;

/**
 * The subjects that say what is asked for.
 *
 * @throws EvidenceError when none does
 */
export function annotatedSubjects(subjects: readonly Subject[], wanted: WantedAnnotations): readonly Subject[] {
  const fitting = subjects.filter(({ annotations }) => faultIn(annotations, wanted) === undefined);
  if (fitting.length > 0) return fitting;
  throw new EvidenceError('CONDITION_FAILED', faultIn(subjects[0]?.annotations ?? {}, wanted) ?? 'it is about nothing');
}

/** @throws EvidenceError unless the signature says what is asked for */
export function requireAnnotations(found: Readonly<Record<string, Json>>, wanted: WantedAnnotations): void {
  const fault = faultIn(found, wanted);
  if (fault !== undefined) throw new EvidenceError('CONDITION_FAILED', fault);
}

/**
 * S26: a signature that has no place for annotations does not satisfy anybody who asks for some.
 *
 * @throws EvidenceError
 */
export function refuseAnnotations(wanted: WantedAnnotations): void {
  if (wanted !== undefined) throw new EvidenceError('CONDITION_FAILED', 'a signature of its kind has no annotations');
}

function faultIn(found: Readonly<Record<string, Json>>, wanted: WantedAnnotations): string | undefined {
  for (const [key, value] of wanted ?? []) {
    const text = Object.hasOwn(found, key) ? found[key] : undefined;
    if (text !== value)
      return `it says ${String(text ?? 'nothing').slice(0, 100)} as ${key}, not ${value.slice(0, 100)}`;
  }
  return undefined;
}
