import { WeighlockError } from '../error/index.ts';

/** How Google Cloud Storage is reached; plain data, for threads. */
export interface GcsSettings {
  /** `STORAGE_EMULATOR_HOST`, as it was written. */
  readonly emulator?: string;
  /**
   * `GOOGLE_APPLICATION_CREDENTIALS`: path of a file with a key, or that says how an identity is
   * exchanged.
   */
  readonly credentialsFile?: string;
  /** `NO_GCE_CHECK`: there is no metadata server. */
  readonly isOutside: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function gcsSettings(environment: Environment): GcsSettings {
  const value = (name: string) => environment[name]?.trim() || undefined;
  const emulator = value('STORAGE_EMULATOR_HOST');
  const credentialsFile = value('GOOGLE_APPLICATION_CREDENTIALS');
  return {
    ...(emulator === undefined ? {} : { emulator }),
    ...(credentialsFile === undefined ? {} : { credentialsFile }),
    isOutside: /^(1|true)$/i.test(value('NO_GCE_CHECK') ?? ''),
  };
}

/**
 * Where the JSON interface is asked, with a slash at the end of its path.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function gcsEndpoint({ emulator }: GcsSettings): URL {
  if (emulator === undefined) return new URL('https://storage.googleapis.com/');
  const text = emulator.includes('://') ? emulator : `http://${emulator}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: 'STORAGE_EMULATOR_HOST is not the address of a server',
      remedy: 'set it to HOST:PORT or http://HOST:PORT, or leave it out',
    });
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
