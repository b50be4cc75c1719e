import { readFileSync } from 'node:fs';
import { WeighlockError } from '../error/index.ts';
import { IN_TOTO_TYPE } from '../evidence/index.ts';
import { library } from '../library/index.ts';

/** Milliseconds for one request to a Sigstore service, and times one is tried. */
const TIMEOUT = 30_000;
const RETRIES = 2;

/** Who is asked to vouch. */
export interface KeylessSettings {
  /** OIDC token, or undefined for that of the CI that this runs in. */
  readonly token: string | undefined;
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  /** RFC 3161 authority, if a timestamp is wanted. */
  readonly timestampUrl?: string;
}

/**
 * Signs a payload with a key that exists for this one signature, and a certificate for the identity
 * in an OIDC token.
 *
 * @returns a bundle as JSON text
 * @throws WeighlockError `SOURCE_UNAVAILABLE` when a service refuses or does not answer
 */
export async function signKeyless(payload: Buffer, settings: KeylessSettings): Promise<string> {
  const { bundleToJSON, CIContextProvider, DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } =
    await library('signing');
  const { token, fulcioUrl, rekorUrl, timestampUrl } = settings;
  const patience = { timeout: TIMEOUT, retry: RETRIES };
  const identityProvider = token === undefined ? new CIContextProvider('sigstore') : { getToken: async () => token };
  const builder = new DSSEBundleBuilder({
    signer: new FulcioSigner({ fulcioBaseURL: fulcioUrl, identityProvider, ...patience }),
    witnesses: [
      new RekorWitness({ rekorBaseURL: rekorUrl, entryType: 'dsse', ...patience }),
      ...(timestampUrl === undefined ? [] : [new TSAWitness({ tsaBaseURL: timestampUrl, ...patience })]),
    ],
  });
  try {
    const bundle = await builder.create({ data: payload, type: IN_TOTO_TYPE });
    return `${JSON.stringify(bundleToJSON(bundle))}\n`;
  } catch (error) {
    // The library's messages have the address and the status; a token is in none of them, nor may
    // it be.
    const message = error instanceof Error ? error.message : 'unknown error';
    throw new WeighlockError(
      {
        code: 'SOURCE_UNAVAILABLE',
        message: `a Sigstore service did not sign: ${token === undefined ? message : message.replaceAll(token, '...')}`,
        remedy: 'check the OIDC token (it lives for minutes), and that Fulcio and Rekor can be reached',
      },
      { cause: error },
    );
  }
}

/** A token as cosign takes it: a file that has it, or itself. */
export function readToken(value: string): string {
  // Three parts of base64url with dots between (RFC 7519 section 3.1).
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return value;
  try {
    return readFileSync(value, 'utf8').trim();
  } catch (error) {
    throw new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        message: 'the identity token is neither an OIDC token nor a file that can be read',
        remedy: 'give --identity-token FILE, or set SIGSTORE_ID_TOKEN',
      },
      { cause: error },
    );
  }
}
