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
export { countDistinct } from './distinct.ts';
export { checkPattern, matchesPattern, NO_ISSUER, patternText, type TextPattern } from './pattern.ts';
export {
  type Curves,
  fingerprintOf,
  type HashName,
  hashesFor,
  kindOfKey,
  loadCurves,
  type PublicKey,
  parsePublicKey,
  pemHint,
  verifyBytes,
  verifyDigest,
  weaknessOf,
} from './public-key.ts';
export { checkTrustedRoot, provideTrustedRoot, trustedRootOf, trustMaterial } from './trusted-root.ts';
