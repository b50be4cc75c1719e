export { Changes } from './changes.ts';
export { Metrics } from './metrics.ts';
export { type Round, type RoundObserver, runRound } from './round.ts';
export { ROUND_COMMAND } from './round-command.ts';
export { serve } from './server.ts';
