import { Azure } from './azure.ts';
import { parseAzureLocation } from './azure-location.ts';
import { Gcs } from './gcs.ts';
import { parseGcsLocation } from './gcs-location.ts';
import { Hub } from './hub.ts';
import { parseHubLocation } from './hub-location.ts';
import type { StoreLocation, StoreScheme } from './location.ts';
import { S3 } from './s3.ts';
import { parseS3Location } from './s3-location.ts';
import type { StoreSettings } from './settings.ts';
import type { Store, StoreTools } from './store.ts';

/** Opens a location of one scheme. `revision` is what the inventory said, for who only fetches. */
type Open = (location: StoreLocation, settings: StoreSettings, tools: StoreTools, revision?: string) => Store;

const OPEN: Readonly<Record<StoreScheme, Open>> = {
  hf: (location, settings, tools, revision) =>
    new Hub(parseHubLocation(location.url), settings.hub, location, tools, revision),
  s3: (location, settings, tools) => new S3(parseS3Location(location.url), settings.s3, location, tools),
  gs: (location, settings, tools) => new Gcs(parseGcsLocation(location.url), settings.gcs, location, tools),
  azure: (location, settings, tools) => new Azure(parseAzureLocation(location.url), settings.azure, location, tools),
};

/** Asks nobody. */
export function openStore(
  location: StoreLocation,
  settings: StoreSettings,
  tools: StoreTools,
  revision?: string,
): Store {
  return OPEN[location.scheme](location, settings, tools, revision);
}
