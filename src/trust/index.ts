export {
  type Attestor,
  attestorText,
  type Identity,
  type LogRequirements,
  mostSigners,
  type TrustedRootSource,
  type TufSource,
  type ValidityWindow,
} from './attestor.ts';
export { countDistinct, nameLabel } from './distinct.ts';
export { fingerprintOf } from './fingerprint.ts';
export { checkPattern, matchesPattern, NO_ISSUER, patternText, type TextPattern } from './pattern.ts';
export {
  type Curves,
  type HashName,
  hashesFor,
  kindOfKey,
  loadCurves,
  type PublicKey,
  type PublicKeyKind,
  parsePublicKey,
  pemHint,
  verifyBytes,
  verifyDigest,
  weaknessOf,
} from './public-key.ts';
export { checkTrustedRoot, provideTrustedRoot, trustedRootOf, trustMaterial } from './trusted-root.ts';
