import { WeighlockError } from '../error/index.ts';
import { nearest } from './nearest.ts';

/** Names that cosign has for predicate types (cosign, options/predicate.go). */
const PREDICATE_TYPES: Readonly<Record<string, string>> = {
  custom: 'https://cosign.sigstore.dev/attestation/v1',
  slsaprovenance: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance02: 'https://slsa.dev/provenance/v0.2',
  slsaprovenance1: 'https://slsa.dev/provenance/v1',
  spdx: 'https://spdx.dev/Document',
  spdxjson: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  link: 'https://in-toto.io/Link/v1',
  vuln: 'https://cosign.sigstore.dev/attestation/vuln/v1',
  openvex: 'https://openvex.dev/ns',
  modelcard: 'https://mlcommons.org/model-card/v1',
};

/** One of cosign's names, or a URI as it is. */
export function predicateTypeOf(text: string): string {
  const known = Object.hasOwn(PREDICATE_TYPES, text) ? PREDICATE_TYPES[text] : undefined;
  if (known !== undefined) return known;
  if (/^[a-z][a-z0-9+.-]*:\/\/\S+$/.test(text)) return text;
  const near = nearest(text, Object.keys(PREDICATE_TYPES));
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `unknown predicate type: ${text}`,
    remedy: `${near === undefined ? '' : `did you mean ${near}? `}give a URI, or one of ${Object.keys(PREDICATE_TYPES).join(', ')}`,
  });
}
