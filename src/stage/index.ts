export { destinationState } from './destination.ts';
export { readMarker, removeMarker } from './marker.ts';
export { freeBytes } from './space.ts';
export { Stage, type StagePlan } from './stage.ts';
