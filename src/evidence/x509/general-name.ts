import type { ASN1Obj } from '@sigstore/core';
import { child } from '../der.ts';
import { MalformedError } from '../strict-json.ts';
import { readName, type X500Name } from './x500-name.ts';

/** One name of a subject, or the base of a constraint (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  | { readonly kind: 'ip'; readonly bytes: Buffer }
  | { readonly kind: 'directory'; readonly name: X500Name }
  /** A form that no constraint can be held against here. */
  | { readonly kind: 'other'; readonly tag: number; readonly isMailbox: boolean };

/** RFC 5280 section 4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** A mail address in UTF-8 (RFC 9598), which constraints on mail addresses are about as well. */
const SMTP_UTF8_MAILBOX = '1.3.6.1.5.5.7.8.9';

const TEXT_KINDS = { 1: 'email', 2: 'dns', 6: 'uri' } as const;

/** Constraints on a few names; each is held against every name of every certificate. */
const MAX_SUBTREES = 256;

/** @throws MalformedError */
export function readGeneralName(value: ASN1Obj): GeneralName {
  const { number } = value.tag;
  if (!value.tag.isContextSpecific()) throw new MalformedError('a name is none');
  const kind = TEXT_KINDS[number as keyof typeof TEXT_KINDS];
  if (kind !== undefined) return { kind, text: value.value.toString('latin1') };
  if (number === 7) return { kind: 'ip', bytes: value.value };
  if (number === 4) return { kind: 'directory', name: readName(child(value, 0)) };
  const isMailbox = number === 0 && child(value, 0).toOID() === SMTP_UTF8_MAILBOX;
  return { kind: 'other', tag: number, isMailbox };
}

/** @throws MalformedError */
export function readNameConstraints(value: ASN1Obj): NameConstraints {
  const at = (tag: number) => value.subs.filter((one) => one.tag.isContextSpecific(tag)).flatMap(({ subs }) => subs);
  const [permitted, excluded] = [at(0), at(1)];
  const total = permitted.length + excluded.length;
  if (total === 0 || value.subs.length > 2 || value.subs.some(({ tag }) => !tag.isContextSpecific() || tag.number > 1))
    throw new MalformedError('its name constraints are none');
  if (total > MAX_SUBTREES) throw new MalformedError('it has too many name constraints');
  return { permitted: permitted.map(readSubtree), excluded: excluded.map(readSubtree) };
}

function readSubtree(subtree: ASN1Obj): GeneralName {
  // RFC 5280 has neither a minimum nor a maximum.
  if (subtree.subs.length !== 1) throw new MalformedError('a name constraint has a minimum or maximum');
  return readGeneralName(child(subtree, 0));
}
