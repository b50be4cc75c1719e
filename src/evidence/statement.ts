import { JsonStream } from './json-stream.ts';
import type { SignedPayload } from './signed-payload.ts';
import { Fields, type Json, type JsonObject, MalformedError } from './strict-json.ts';

/** The statement in force. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** And the one before it, which cosign still writes. */
const STATEMENT_TYPES = new Set([STATEMENT_TYPE, 'https://in-toto.io/Statement/v0.1']);

/**
 * Values in the largest payload that is read, one that lists files by names of one letter: four for
 * every 110 bytes.
 */
const MOST_VALUES = 2_000_000;

const KEYS = new Set(['_type', 'subject', 'predicateType', 'predicate']);

/** Limits of sigstore-go (S12). */
const MAX_SUBJECTS = 1024;
const MAX_DIGESTS = 32;

/** What an attestation says: of which subjects, of which type, what. */
export interface Statement {
  /** `_type`, one of those that are known. */
  readonly type: string;
  /**
   * A field that its format does not have: ignored, except where a signature may be nothing else.
   */
  readonly unknownKey?: string;
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
 * Reads what a payload says. Its signature was verified: there is no other payload.
 *
 * @param mostSubjects - by predicate type: for statements that list files as subjects
 * @throws MalformedError (S5, S28)
 */
export function parseStatement(
  payload: SignedPayload,
  mostSubjects: (predicateType: string) => number | undefined = () => undefined,
): Statement {
  return readStatement(new Fields(payload.json('the statement', MOST_VALUES), 'the statement'), mostSubjects);
}

/**
 * The type of a payload, so that it is known how to read it: found without a look at anything else.
 * Whoever reads it then holds all of it against the same.
 *
 * @returns nothing for what has none, or is not JSON
 */
export async function predicateTypeOf(payload: Pick<SignedPayload, 'pieces'>): Promise<string> {
  let type: Json | undefined;
  const stream = new JsonStream(
    { predicate: 'skip', subject: 'skip' },
    {
      value: (_inside, key, value) => {
        if (key === 'predicateType') type ??= value;
      },
      elements: () => {},
    },
    'the statement',
  );
  try {
    for await (const piece of payload.pieces()) {
      stream.push(piece);
      if (type !== undefined) break;
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
  }
  return typeof type === 'string' ? type : '';
}

/** @throws MalformedError */
export function readStatement(
  fields: Fields,
  mostSubjects: (predicateType: string) => number | undefined = () => undefined,
): Statement {
  const type = fields.text('_type');
  if (!STATEMENT_TYPES.has(type)) throw new MalformedError(`${JSON.stringify(type)} is no in-toto statement`);
  const predicateType = fields.text('predicateType');
  if (predicateType === '') throw new MalformedError('the statement has no predicate type');
  const subjects = fields.objects('subject', mostSubjects(predicateType) ?? MAX_SUBJECTS).map(readSubject);
  if (subjects.length === 0) throw new MalformedError('the statement is about nothing');
  const predicate = fields.has('predicate') ? fields.object('predicate').value : {};
  const unknownKey = fields.keys.find((key) => !KEYS.has(key));
  return { type, ...(unknownKey === undefined ? {} : { unknownKey }), subjects, predicateType, predicate };
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
