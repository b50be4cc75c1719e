import type { ErrorCode, EXIT } from '../../src/error/index.ts';

/** What each exit code means. Complete: the compiler misses one that is not here. */
export const EXITS: Readonly<Record<keyof typeof EXIT, { means: string; restart: string }>> = {
  verified: { means: 'verified; or Audit, or Ignore, with what failed in the report', restart: '' },
  usage: { means: 'usage error', restart: 'does not help' },
  verificationFailed: { means: 'verification failed', restart: 'does not help' },
  internal: { means: 'internal error: please report it', restart: '' },
  notEvaluated: { means: 'could not be evaluated: storage, network, time', restart: 'may help' },
  configuration: { means: 'configuration, policy or key error', restart: 'does not help' },
  sigint: { means: 'stopped by SIGINT', restart: '' },
  sigterm: { means: 'stopped by SIGTERM', restart: '' },
};

interface Meaning {
  readonly means: string;
  readonly next: string;
}

/** What each code means, and what to do next. Complete, as above. */
export const CODES: Readonly<Record<ErrorCode, Meaning>> = {
  USAGE: { means: 'the command line is wrong', next: 'weighlock COMMAND --help' },
  DIGEST_MISMATCH: {
    means: 'the bytes are not those that were pinned, listed or signed',
    next: 'restore the file from a copy that verifies; find out who wrote to the volume',
  },
  SIGNATURE_MISSING: { means: 'no signature was found', next: 'sign it, or name the file with --signature' },
  SIGNATURE_INVALID: {
    means: 'a signature is broken, of something else, or breaks a rule of its form',
    next: 'sign anew; if it was valid before, somebody changed it',
  },
  SIGNER_UNTRUSTED: {
    means: 'the signature is valid, and by somebody who is not named',
    next: 'compare the signer in the message with the keys and identities of the policy',
  },
  ATTESTATION_MISSING: { means: 'no attestation of that type and signer', next: 'attach it, or correct the type' },
  CONDITION_FAILED: { means: 'an attestation says something else', next: 'read the condition and what it found' },
  CONTENT_REFUSED: {
    means: 'a file is of a format that is not allowed, not sound, or two things at once',
    next: 'publish the model without it, or name it in the policy; see weighlock inspect',
  },
  FILE_MISSING: { means: 'a file that was promised is not there', next: 'restore it; check the mount' },
  FILE_UNEXPECTED: { means: 'a file that nobody vouches for', next: 'remove it, or sign it' },
  SOURCE_EMPTY: { means: 'there is not one file', next: 'check the mount and the path' },
  UNSAFE_ENTRY: {
    means: 'a link, device, socket, FIFO, or a name that could be taken for another',
    next: 'replace it by a plain file',
  },
  ACCESS_DENIED: {
    means: 'a file or folder may not be opened',
    next: 'give the UID of the container the right to read',
  },
  LIMIT_EXCEEDED: { means: 'more than a limit allows: files, bytes, depth, time', next: 'raise the limit it names' },
  SOURCE_CHANGED: { means: 'it changed while it was read', next: 'stop what writes there, and start again' },
  CONFIG_INVALID: { means: 'a setting, policy, key or pin is wrong', next: 'correct what the message names' },
  CHECKSUMS_INVALID: { means: 'a checksums file cannot be read as one', next: 'write it by weighlock digest --list' },
  SOURCE_UNAVAILABLE: { means: 'storage, registry or server did not give the bytes', next: 'try again; check it' },
  TIMEOUT: { means: 'a time limit was reached', next: 'look for what is slow, or raise the limit it names' },
  NO_SPACE: { means: 'the volume has too little room', next: 'a larger volume; Ignore does not let this pass' },
  REPORT_UNWRITABLE: { means: 'a report or output could not be written', next: 'check where it goes' },
  INTERRUPTED: { means: 'stopped by SIGINT before the end', next: 'start again' },
  TERMINATED: { means: 'stopped by SIGTERM before the end', next: 'start again' },
  ENGINE_FAULT: { means: 'an engine computed a known answer wrongly', next: 'do not trust this machine; report it' },
  INTERNAL: { means: 'a defect of the program', next: 'report it with the log' },
};
