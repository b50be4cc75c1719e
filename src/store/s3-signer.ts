import type { Hash, Hmac } from 'node:crypto';
import { library, nodeCrypto } from '../library/index.ts';
import type { Transport } from '../registry/index.ts';
import type { AwsKeys } from './aws-metadata.ts';
import { S3Credentials } from './s3-credentials.ts';
import type { S3Settings } from './s3-settings.ts';

/** SHA-256 of a request without a body. */
const NO_BODY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export interface SignedHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** For the origin of the request alone. */
  readonly secretHeaders: Readonly<Record<string, string>>;
}

type Signer = InstanceType<Awaited<ReturnType<typeof library<'aws'>>>['SignatureV4']>;

/**
 * Signs requests with the keys of this pod (AWS Signature Version 4), or leaves them as they are.
 */
export class S3Signer {
  readonly #settings: S3Settings;
  readonly #region: string;
  readonly #credentials: S3Credentials;
  #signer: { readonly keys: AwsKeys; readonly made: Signer } | undefined;

  constructor(settings: S3Settings, region: string, transport: Transport) {
    this.#settings = settings;
    this.#region = region;
    this.#credentials = new S3Credentials(settings, region, transport);
  }

  /** @param query - of the URL, not encoded */
  async sign(url: URL, query: Readonly<Record<string, string>>): Promise<SignedHeaders> {
    if (this.#settings.isAnonymous) return { headers: {}, secretHeaders: {} };
    const signer = await this.#current();
    const { protocol, hostname, host, pathname: path } = url;
    const given = { host, 'x-amz-content-sha256': NO_BODY };
    const request = { method: 'GET', protocol, hostname, path, query: { ...query }, headers: given };
    const { headers } = await signer.sign(request);
    const secret = ['authorization', 'x-amz-security-token'];
    const of = (isSecret: boolean) =>
      Object.fromEntries(
        Object.entries(headers).filter(([name]) => name !== 'host' && secret.includes(name) === isSecret),
      );
    return { headers: of(false), secretHeaders: of(true) };
  }

  /** The server says that the keys are over. */
  forget(): void {
    this.#credentials.forget();
  }

  async #current(): Promise<Signer> {
    const keys = await this.#credentials.keys();
    if (this.#signer?.keys === keys) return this.#signer.made;
    const { SignatureV4 } = await library('aws');
    const made = new SignatureV4({
      service: 's3',
      region: this.#region,
      credentials: keys,
      sha256: Sha256,
      uriEscapePath: false,
    });
    this.#signer = { keys, made };
    return made;
  }
}

/** SHA-256, or HMAC with it where there is a secret, as the library wants it. */
class Sha256 {
  readonly #secret: string | Uint8Array | undefined;
  #state: Hash | Hmac;

  constructor(secret?: unknown) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
    this.#state = this.#begin();
  }

  update(data: unknown): void {
    this.#state.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#state.digest();
  }

  reset(): void {
    this.#state = this.#begin();
  }

  #begin(): Hash | Hmac {
    const { createHash, createHmac } = nodeCrypto();
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function bytesOf(data: unknown): string | Uint8Array {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data as ArrayBuffer);
}
