import { withoutSecrets } from '../without-secrets.ts';
import { azureLocationText, isAzureUrl, parseAzureLocation } from './azure-location.ts';
import { gcsLocationText, parseGcsLocation } from './gcs-location.ts';
import { hubLocationText, parseHubLocation } from './hub-location.ts';
import type { Patterns } from './patterns.ts';
import { parseS3Location, s3LocationText } from './s3-location.ts';

/** Schemes of stores. */
export const STORE_SCHEMES = ['hf', 's3', 'gs', 'azure'] as const;
export type StoreScheme = (typeof STORE_SCHEMES)[number];

/** Files of a store: those of what a URL names that are wanted. */
export interface StoreLocation extends Patterns {
  readonly scheme: StoreScheme;
  /** In its one form; it may hold secrets, `text` does not. */
  readonly url: string;
  readonly text: string;
  /** The commit that the URL itself names. */
  readonly revision?: string;
}

/** Parses the URL of one scheme. @throws WeighlockError `CONFIG_INVALID` */
const PARSERS: Readonly<Record<StoreScheme, (url: string) => Omit<StoreLocation, keyof Patterns>>> = {
  hf(url) {
    const location = parseHubLocation(url);
    const text = hubLocationText(location);
    return { scheme: 'hf', url: text, text, ...(location.commit === undefined ? {} : { revision: location.commit }) };
  },
  s3(url) {
    const plain = s3LocationText(parseS3Location(url));
    return { scheme: 's3', url: plain, text: withoutSecrets(plain) };
  },
  gs(url) {
    const plain = gcsLocationText(parseGcsLocation(url));
    return { scheme: 'gs', url: plain, text: withoutSecrets(plain) };
  },
  azure(url) {
    return { scheme: 'azure', url, text: azureLocationText(parseAzureLocation(url)) };
  },
};

/** The store that a URL is of; undefined for everything else. */
export function storeSchemeOf(url: string): StoreScheme | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'https') return isAzureUrl(url) ? 'azure' : undefined;
  return STORE_SCHEMES.find((one) => one === scheme && one !== 'azure');
}

/** @throws WeighlockError `CONFIG_INVALID` for what is no URL of this scheme */
export function parseStoreLocation(scheme: StoreScheme, url: string, { include, exclude }: Patterns): StoreLocation {
  return { ...PARSERS[scheme](url), include, exclude };
}
