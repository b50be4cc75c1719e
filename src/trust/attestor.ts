import { sha256 } from '../library/index.ts';
import { countDistinct, nameLabel } from './distinct.ts';
import { patternText, type TextPattern } from './pattern.ts';

/** Whom somebody is, by the certificate that an identity provider vouched for. */
export interface Identity {
  readonly issuer: TextPattern;
  readonly subject: TextPattern;
  /** Further extensions of a Fulcio certificate, by OID, each compared as it stands. */
  readonly extensions?: ReadonlyMap<string, string>;
}

/**
 * What beside the signature must be there. Several logs or authorities are different ones (S13).
 */
export interface LogRequirements {
  /** Transparency logs that must have an entry; 0 when entries are not looked at. */
  readonly transparencyLogs: number;
  /**
   * True when somebody gave that number: then it is held against signatures, too, that usually are
   * in no log.
   */
  readonly isLogRequired?: boolean;
  /**
   * Certificate transparency logs that must have seen a keyless certificate; 0 when nobody asks.
   */
  readonly certificateLogs: number;
  /** RFC 3161 authorities that must have confirmed the time; above 0, no other time counts. */
  readonly timestampAuthorities: number;
}

/** Time in which a key counts; a signature without a verified time is taken to be made now. */
export interface ValidityWindow {
  readonly start?: Date;
  readonly end?: Date;
}

/** Somebody whose word counts: plain data, from flags or a policy, checked when it is read. */
export type Attestor = {
  readonly name: string;
  readonly logs: LogRequirements;
  /** Keys of the logs and authorities that are asked about. */
  readonly trustedRoot: TrustedRootSource;
  /** What a signature must say beside what it is of (cosign's `-a`). */
  readonly annotations?: ReadonlyMap<string, string>;
  /**
   * PEM of a time-stamp authority beside those of the trusted root: its own certificate first, or
   * only CAs.
   */
  readonly timestampChain?: string;
  /** PEM of the one certificate that signatures are by: those that carry none have this one. */
  readonly leaf?: string;
} & (
  | { readonly kind: 'key'; readonly pem: string; readonly fingerprint: string; readonly validFor?: ValidityWindow }
  | { readonly kind: 'keyless'; readonly identities: readonly Identity[] }
  | {
      readonly kind: 'certificate';
      /** PEM of the CAs that may vouch; nothing else is an anchor. */
      readonly roots: string;
      /** Subject alternative name that the leaf must have, if that matters. */
      readonly subject?: TextPattern;
      /** PEM of CAs that help to find a path, and are no anchors. */
      readonly intermediates?: string;
      /** Revocation lists (PEM), one of every CA in a path; without any, none is asked for. */
      readonly crls?: string;
    }
);

/**
 * JSON of a trusted root, the public-good instance's that is built in, or what a TUF repository
 * publishes.
 */
export type TrustedRootSource = { readonly json: string } | TufSource | 'public-good';

/** Where the keys of a Sigstore instance are published, and who may publish them. */
export interface TufSource {
  /** Base URL of the repository. */
  readonly mirror: string;
  /**
   * A `root.json` that is trusted; the public-good instance's that is built in when it is left out.
   */
  readonly root?: string;
}

/**
 * How many different ones could sign at most: two attestors with one key, one name, or one set of
 * identities, are one.
 */
export function mostSigners(attestors: readonly Attestor[]): number {
  return countDistinct(attestors.map((attestor) => [soleLabel(attestor)]));
}

/**
 * Whoever signs for this one has this label; a name that an authority vouches for is one person's,
 * whoever that is.
 */
function soleLabel(attestor: Attestor): string {
  if (attestor.kind === 'key') return `key ${attestor.fingerprint}`;
  const subjects = attestor.kind === 'keyless' ? attestor.identities.map(({ subject }) => subject) : [attestor.subject];
  const names = new Set(
    subjects.map((one) => (one !== undefined && 'exact' in one ? nameLabel(one.exact) : undefined)),
  );
  const [only] = names;
  if (only !== undefined && names.size === 1) return only;
  if (attestor.kind === 'certificate') return JSON.stringify([attestor.roots, attestor.subject]);
  return JSON.stringify(attestor.identities.map(({ issuer, subject }) => [issuer, subject]).sort());
}

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
