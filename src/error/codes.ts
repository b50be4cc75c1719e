/**
 * Every code a refusal can carry, and the exit code each one leads to: the one table of the whole
 * program.
 *
 * Exit codes are those of sysexits.h, so that none collides with Node's (1-13), a shell's (126-128)
 * or a signal's (128+n), and a Job's `podFailurePolicy` can tell a wrong artifact (65) from a
 * broken network (75).
 */
export const EXIT = {
  verified: 0,
  usage: 64,
  verificationFailed: 65,
  internal: 70,
  notEvaluated: 75,
  configuration: 78,
  sigint: 130,
  sigterm: 143,
} as const;

/** A process exit code that Weighlock can end with. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * What each code means for the process.
 *
 * Anything that a change of the artifact's content can cause is 65 and not 75: with
 * `failurePolicy: Ignore` a 75 lets the pod start, and nobody who can write to the volume may
 * choose that outcome. `NO_SPACE`, which too much content can cause as well as too small a volume,
 * is 75, and `failurePolicy: Ignore` does not let it pass.
 */
export const EXIT_CODE_OF = {
  USAGE: EXIT.usage,

  DIGEST_MISMATCH: EXIT.verificationFailed,
  SIGNATURE_MISSING: EXIT.verificationFailed,
  SIGNATURE_INVALID: EXIT.verificationFailed,
  SIGNER_UNTRUSTED: EXIT.verificationFailed,
  ATTESTATION_MISSING: EXIT.verificationFailed,
  CONDITION_FAILED: EXIT.verificationFailed,
  CONTENT_REFUSED: EXIT.verificationFailed,
  FILE_MISSING: EXIT.verificationFailed,
  FILE_UNEXPECTED: EXIT.verificationFailed,
  SOURCE_EMPTY: EXIT.verificationFailed,
  UNSAFE_ENTRY: EXIT.verificationFailed,
  ACCESS_DENIED: EXIT.verificationFailed,
  LIMIT_EXCEEDED: EXIT.verificationFailed,
  SOURCE_CHANGED: EXIT.verificationFailed,

  CONFIG_INVALID: EXIT.configuration,
  CHECKSUMS_INVALID: EXIT.configuration,

  SOURCE_UNAVAILABLE: EXIT.notEvaluated,
  TIMEOUT: EXIT.notEvaluated,
  NO_SPACE: EXIT.notEvaluated,
  REPORT_UNWRITABLE: EXIT.notEvaluated,

  INTERRUPTED: EXIT.sigint,
  TERMINATED: EXIT.sigterm,

  ENGINE_FAULT: EXIT.internal,
  INTERNAL: EXIT.internal,
} as const satisfies Record<string, ExitCode>;

/** A stable, upper-case name for one kind of refusal. */
export type ErrorCode = keyof typeof EXIT_CODE_OF;
