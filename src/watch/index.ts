export { Changes } from './changes.ts';
export { Metrics } from './metrics.ts';
export { type Round, runRound } from './round.ts';
export { serve } from './server.ts';
