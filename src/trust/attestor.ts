import { sha256 } from '../library/index.ts';
import { patternText, type TextPattern } from './pattern.ts';

/** Whom somebody is, by the certificate that an identity provider vouched for. */
export interface Identity {
  readonly issuer: TextPattern;
  readonly subject: TextPattern;
}

/** What beside the signature must be there. */
export interface LogRequirements {
  /** Entries in the transparency log, from as many logs. */
  readonly transparencyLog: 'required' | 'ignored';
  /** Signed certificate timestamps in a keyless certificate. */
  readonly certificateLog: 'required' | 'ignored';
  /** Where the time of a keyless signature may come from. */
  readonly time: 'any' | 'timestamp-authority';
}

/** Somebody whose word counts: plain data, from flags or a policy, checked when it is read. */
export type Attestor = {
  readonly name: string;
  readonly logs: LogRequirements;
  /** Keys of the logs and authorities that are asked about. */
  readonly trustedRoot: TrustedRootSource;
} & (
  | { readonly kind: 'key'; readonly pem: string; readonly fingerprint: string }
  | { readonly kind: 'keyless'; readonly identities: readonly Identity[] }
  | {
      readonly kind: 'certificate';
      /** PEM of the CAs that may vouch; nothing else is an anchor. */
      readonly roots: string;
      /** Subject alternative name that the leaf must have, if that matters. */
      readonly subject?: TextPattern;
    }
);

/** JSON of a trusted root, or the public-good instance's that is built in. */
export type TrustedRootSource = { readonly json: string } | 'public-good';

/** An attestor in a report or a message. */
export function attestorText(attestor: Attestor): string {
  if (attestor.kind === 'key') return `${attestor.name} (key ${attestor.fingerprint.slice(0, 16)})`;
  if (attestor.kind === 'certificate') {
    const digest = sha256(attestor.roots).toString('hex').slice(0, 16);
    return `${attestor.name} (certificates of ${digest})`;
  }
  const [first] = attestor.identities;
  const who = first === undefined ? 'nobody' : `${patternText(first.subject)} by ${patternText(first.issuer)}`;
  return `${attestor.name} (${who}${attestor.identities.length > 1 ? ', ...' : ''})`;
}
