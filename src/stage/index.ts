export { destinationState } from './destination.ts';
export { readMarker, removeMarker } from './marker.ts';
export { freeBytes, Stage, type StagePlan } from './stage.ts';
