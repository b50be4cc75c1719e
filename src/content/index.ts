export {
  DATA_FORMATS,
  type Facts,
  type FileContent,
  type Finding,
  FORMATS,
  type Format,
  KINDS,
  type Kind,
  packContent,
  TRAITS,
  type Trait,
  unpackContent,
} from './format.ts';
export {
  type ContentFound,
  ContentGatherer,
  type ContentShare,
  type ContentTable,
  createContentTable,
  mergeContent,
} from './found.ts';
export { ContentInspector } from './inspector.ts';
export { TAIL_BYTES } from './tail.ts';
