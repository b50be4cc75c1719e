export {
  isStoreUrl,
  isUrl,
  type Location,
  locationText,
  parseLocation,
  refuseBareReference,
  registriesOf,
} from './location.ts';
export { signatureRepository } from './signature-repository.ts';
