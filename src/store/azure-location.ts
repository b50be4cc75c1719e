import { WeighlockError } from '../error/index.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { keyFault } from './object-key.ts';

/** A blob of a container, or all below a prefix. */
export interface AzureLocation {
  readonly account: string;
  /** Host of the account, as the URL has it. */
  readonly host: string;
  readonly container: string;
  /** Empty for the whole container; a prefix ends with a slash. */
  readonly key: string;
  /** Shared access signature, without the question mark; a secret. */
  readonly sas?: string;
}

/** Azure Storage, "Storage account overview" (service endpoints), in the clouds that there are. */
const HOST =
  /^([a-z0-9]{3,24})\.blob\.(?:core\.windows\.net|core\.chinacloudapi\.cn|core\.usgovcloudapi\.net|storage\.azure\.net)$/;

/** "Naming and referencing containers, blobs, and metadata". */
const CONTAINER = /^(?:[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]|\$root|\$web)$/;

/**
 * Parameters of a shared access signature ("Create a service SAS", "Create an account SAS", "Create
 * a user delegation SAS").
 */
const OF_SAS =
  /^(?:sv|ss|srt|sp|st|se|sip|spr|sig|sr|si|sdd|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|ses|rscc|rscd|rsce|rscl|rsct|sduoid|skdutid)$/;

/** Archives, which are fetched as one file of a server and may be unpacked. */
const ARCHIVE = /\.(?:tar|tgz|tar\.(?:gz|zst|bz2|xz)|zip)$/i;

/** True for a URL of a blob container. */
export function isAzureUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' && HOST.test(url.hostname) && !ARCHIVE.test(url.pathname);
}

/**
 * Parses `https://ACCOUNT.blob.core.windows.net/CONTAINER[/KEY][?SAS]`, as KServe and Azure's own
 * tools write it.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseAzureLocation(text: string): AzureLocation {
  const url = new URL(text);
  const [, account = ''] = HOST.exec(url.hostname) ?? [];
  if (url.username !== '' || url.password !== '')
    throw invalid(text, 'has a user in it', 'give a shared access signature behind a question mark');
  if (url.port !== '' || url.hash !== '') throw invalid(text, 'has a port or a fragment', 'leave it out');
  const [, raw = '', rest = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(url.pathname) ?? [];
  const [container, key] = [decoded(raw), decoded(rest)];
  if (container === undefined || key === undefined || !CONTAINER.test(container))
    throw invalid(text, 'names no container', 'write https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX/');
  // The address as it was written: a URL leaves out what is between dots.
  const written = /^[^?#]*/.exec(text)?.[0] ?? '';
  const fault = /\/\.{1,2}(?:\/|$)/.test(written) ? 'has an empty part, or one of dots' : keyFault(key);
  if (fault !== undefined) throw invalid(text, fault, 'name the blobs by a path in its shortest form');
  const stranger = [...url.searchParams.keys()].find((name) => !OF_SAS.test(name));
  if (stranger !== undefined)
    throw invalid(text, 'has a parameter that is none of a shared access signature', 'leave it out');
  const sas = url.search.replace(/^\?/, '');
  return { account, host: url.hostname, container, key, ...(sas === '' ? {} : { sas }) };
}

/** Without the signature. */
export function azureLocationText({ host, container, key }: AzureLocation): string {
  return `https://${host}/${container}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function invalid(text: string, why: string, remedy: string): WeighlockError {
  const found = withoutSecrets(text).slice(0, 300);
  return new WeighlockError({ code: 'CONFIG_INVALID', message: `the source in Azure ${why}`, found, remedy });
}
