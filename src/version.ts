import metadata from '../package.json' with { type: 'json' };

/** Version of this program, as in package.json. */
export const VERSION: string = metadata.version;

/** Who verified, in the terms of SLSA's Verification Summary Attestation. */
export const VERIFIER_ID = 'https://weighlock.dev/verifier';
