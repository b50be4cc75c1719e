/**
 * Files of src/ that no test of `npm test` can reach as far as the limit, and why; what does reach
 * them.
 */
export const REASONS: Readonly<Record<string, string>> = {};
