import { Fields, type Json, type JsonObject, MalformedError, parseStrictJson } from './strict-json.ts';

/** in-toto Statement v1, and the v0.1 that cosign still writes. */
const STATEMENT_TYPES = new Set(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']);

/** Limits of sigstore-go (S12). */
const MAX_SUBJECTS = 1024;
const MAX_DIGESTS = 32;

/** What an attestation says: of which subjects, of which type, what. */
export interface Statement {
  readonly subjects: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: JsonObject;
}

export interface Subject {
  readonly name?: string;
  /** Algorithm -> lower-case hex. */
  readonly digest: ReadonlyMap<string, string>;
  readonly annotations: Readonly<Record<string, Json>>;
}

/**
 * Parses the payload of an envelope whose signature was verified.
 *
 * @param mostSubjects - for statements that list files as subjects
 * @throws MalformedError (S5, S28)
 */
export function parseStatement(payload: Uint8Array, mostSubjects = MAX_SUBJECTS): Statement {
  const fields = new Fields(parseStrictJson(payload, 'the statement'), 'the statement');
  const type = fields.text('_type');
  if (!STATEMENT_TYPES.has(type)) throw new MalformedError(`${JSON.stringify(type)} is no in-toto statement`);
  const subjects = fields.objects('subject', mostSubjects).map(readSubject);
  if (subjects.length === 0) throw new MalformedError('the statement is about nothing');
  const predicateType = fields.text('predicateType');
  if (predicateType === '') throw new MalformedError('the statement has no predicate type');
  return { subjects, predicateType, predicate: fields.has('predicate') ? fields.object('predicate').value : {} };
}

function readSubject(fields: Fields): Subject {
  const digests = fields.object('digest');
  const { keys } = digests;
  if (keys.length === 0 || keys.length > MAX_DIGESTS)
    throw new MalformedError(`a subject has ${keys.length} digests, not 1 to ${MAX_DIGESTS}`);
  const name = fields.optionalText('name');
  return {
    ...(name === undefined ? {} : { name }),
    digest: new Map(keys.map((key) => [key, digests.text(key)])),
    annotations: fields.has('annotations') ? fields.object('annotations').value : {},
  };
}

/** True when one of the subjects has exactly this SHA-256. */
export function isAbout(subjects: readonly Subject[], sha256: string): boolean {
  // S29: an empty or malformed digest equals nothing.
  return /^[0-9a-f]{64}$/.test(sha256) && subjects.some(({ digest }) => digest.get('sha256') === sha256);
}
