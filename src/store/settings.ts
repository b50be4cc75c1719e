import { type AzureSettings, azureSettings } from './azure-settings.ts';
import { type GcsSettings, gcsSettings } from './gcs-settings.ts';
import type { HubSettings } from './hub.ts';
import { CREDENTIAL_VARIABLES, PLACE_VARIABLES, type S3Settings, s3Settings } from './s3-settings.ts';

/** How stores are reached; plain data, for threads. It may hold secrets. */
export interface StoreSettings {
  readonly hub: HubSettings;
  readonly s3: S3Settings;
  readonly gcs: GcsSettings;
  readonly azure: AzureSettings;
}

/** The address of the hub that everybody means. */
const HUB = 'https://huggingface.co';

/** Variables that say how stores are reached, and with which credentials. */
export const STORE_VARIABLES: readonly string[] = [
  ...['HF_ENDPOINT', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'],
  ...PLACE_VARIABLES,
  ...CREDENTIAL_VARIABLES,
];

/** What the environment says of stores, by the names that their own tools read. */
export function storeSettings(environment: Readonly<Record<string, string | undefined>>): StoreSettings {
  const token = (environment['HF_TOKEN'] || environment['HUGGING_FACE_HUB_TOKEN'])?.trim();
  return {
    hub: { endpoint: environment['HF_ENDPOINT']?.trim() || HUB, ...(token ? { token } : {}) },
    s3: s3Settings(environment),
    gcs: gcsSettings(environment),
    azure: azureSettings(environment),
  };
}
