/**
 * Files of src/ that no test of `npm test` can reach as far as the limit, and why; what does reach
 * them.
 */
export const REASONS: Readonly<Record<string, string>> = {
  'hash/engine.ts': 'a damaged binary or processor: test/unit/hash gives the known-answer test wrong engines',
  'main.ts': 'an older Node, and what follows from a defect of our own',
  'stage/destination.ts': 'mount points: test/system/staging, as root',
  'stage/stage.ts': 'a destination that is a mount point: test/system/staging, as root',
  'transfer/blocked.ts': 'a kernel without /proc',
  'transfer/descriptors.ts': 'a kernel without /proc',
};
