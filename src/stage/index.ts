export { destinationState, Stage } from './stage.ts';
