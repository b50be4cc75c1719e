export { destinationState, Stage, type StagePlan } from './stage.ts';
