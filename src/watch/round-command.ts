/**
 * Not a command for people: `verify` as one round of `watch`, beside a workload that may be running
 * already.
 */
export const ROUND_COMMAND = '__round';
