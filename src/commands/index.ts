export type { Context, Finished } from './context.ts';
export { digest } from './digest.ts';
export { INJECT_OPTIONS, inject } from './inject.ts';
export { addEnvironment, HASH_OPTIONS, REMOTE_OPTIONS, usage, VERIFY_OPTIONS } from './options.ts';
export { policy } from './policy.ts';
export { REPORT_OPTIONS, report } from './report.ts';
export { keygen, sign } from './sign.ts';
export { verify } from './verify.ts';
export { WATCH_OPTIONS, watch } from './watch.ts';
