export { readMarker, removeMarker } from './marker.ts';
export { destinationState, Stage, type StagePlan } from './stage.ts';
