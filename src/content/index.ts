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
export { ContentInspector } from './inspector.ts';
