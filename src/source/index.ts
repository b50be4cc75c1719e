export {
  isUrl,
  type Location,
  locationText,
  parseLocation,
  refuseBareReference,
  registriesOf,
  withoutSecrets,
} from './location.ts';
export { signatureRepository } from './signature-repository.ts';
