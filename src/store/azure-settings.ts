import { WeighlockError } from '../error/index.ts';
import type { AzureLocation } from './azure-location.ts';
import { givenSecret } from './given-secret.ts';

/**
 * How blobs of Azure are reached; plain data, for threads. It may hold secrets. Values are as they
 * were written.
 */
export interface AzureSettings {
  /** The variables in `AZURE_VARIABLES` that are set. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What Azure's own tools, the webhook of workload identity and KServe set. */
export const AZURE_VARIABLES: readonly string[] = [
  'AZURE_STORAGE_CONNECTION_STRING',
  'AZURE_STORAGE_ACCOUNT',
  'AZURE_STORAGE_KEY',
  'AZURE_STORAGE_ACCESS_KEY',
  'AZURE_STORAGE_SAS_TOKEN',
  'AZURE_TENANT_ID',
  'AZURE_CLIENT_ID',
  'AZURE_CLIENT_SECRET',
  'AZURE_FEDERATED_TOKEN_FILE',
  'AZURE_AUTHORITY_HOST',
];

export function azureSettings(environment: Readonly<Record<string, string | undefined>>): AzureSettings {
  const set = AZURE_VARIABLES.flatMap((name) => {
    const text = environment[name]?.trim();
    return text ? [[name, text] as const] : [];
  });
  return { variables: Object.fromEntries(set) };
}

/** How one account is spoken to. */
export interface AzureAccount {
  readonly name: string;
  /** Address of its blobs, with a slash at the end of its path. */
  readonly base: URL;
  /** Of the account; a secret. */
  readonly key?: Buffer;
  /** Shared access signature; a secret. */
  readonly sas?: string;
}

/**
 * What there is for an account: the signature of the URL itself first. A connection string, a key
 * and a token count for the account that they are of, and for no other.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function accountOf({ account, host, sas }: AzureLocation, { variables }: AzureSettings): AzureAccount {
  const given = parseConnection(variables['AZURE_STORAGE_CONNECTION_STRING'], account);
  const isNamed = variables['AZURE_STORAGE_ACCOUNT'] === undefined || variables['AZURE_STORAGE_ACCOUNT'] === account;
  const ofVariables = (...names: string[]) => names.map((name) => variables[name]).find((text) => isNamed && text);
  const key = given.AccountKey ?? ofVariables('AZURE_STORAGE_KEY', 'AZURE_STORAGE_ACCESS_KEY');
  const signature = sas ?? given.SharedAccessSignature ?? ofVariables('AZURE_STORAGE_SAS_TOKEN')?.replace(/^\?/, '');
  const base = endpointOf(given.BlobEndpoint ?? `https://${host}`);
  // Whoever wrote the URL gave its signature to that host, and not to one that an environment
  // names.
  if (sas !== undefined && base.href !== `https://${host}/`)
    throw invalid(
      `the signature in the URL is for ${host}, and BlobEndpoint of AZURE_STORAGE_CONNECTION_STRING is another address`,
      'leave BlobEndpoint out, or the signature, and give one as SharedAccessSignature of the connection string',
    );
  return {
    name: account,
    base,
    ...(signature === undefined
      ? key === undefined
        ? {}
        : { key: keyOf(key) }
      : { sas: givenSecret('the shared access signature', signature) }),
  };
}

type Connection = Partial<Record<'AccountKey' | 'SharedAccessSignature' | 'BlobEndpoint', string>>;

/**
 * "Configure Azure Storage connection strings": `NAME=VALUE` with semicolons between; nothing where
 * it is of another account.
 */
function parseConnection(text: string | undefined, account: string): Connection {
  if (text === undefined) return {};
  const pairs = text.split(';').filter((pair) => pair.trim() !== '');
  const fields = new Map(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1)]),
  );
  const endpoint = fields.get('BlobEndpoint');
  const name = fields.get('AccountName') ?? /^https?:\/\/([a-z0-9]+)\.blob\./.exec(endpoint ?? '')?.[1];
  if (name === undefined || pairs.some((pair) => !pair.includes('=')))
    throw invalid(
      'AZURE_STORAGE_CONNECTION_STRING is no connection string',
      'copy it from the access keys of the account',
    );
  if (name !== account) return {};
  const known = ['AccountKey', 'SharedAccessSignature', 'BlobEndpoint'] as const;
  return Object.fromEntries(known.flatMap((one) => (fields.has(one) ? [[one, fields.get(one)]] : [])));
}

function endpointOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw invalid('BlobEndpoint of AZURE_STORAGE_CONNECTION_STRING is no address', 'set it to https://HOST');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function keyOf(text: string): Buffer {
  if (/^[A-Za-z0-9+/]{16,200}={0,2}$/.test(text)) return Buffer.from(text, 'base64');
  throw invalid('the key of the storage account is not in base64', 'copy it from the access keys of the account');
}

function invalid(message: string, remedy: string): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy });
}
