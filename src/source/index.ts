export { isUrl, type Location, locationText, parseLocation, withoutSecrets } from './location.ts';
