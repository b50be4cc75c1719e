import type { WeighlockError } from '../error/index.ts';
import { type Answer, MAX_ERROR_BYTES, readBody, refusalOf } from '../registry/index.ts';

/** What the codes of S3 mean for who runs a pod (S3 API reference, "Error responses"). */
const REMEDIES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'check the name of the bucket, and AWS_ENDPOINT_URL if it is not a bucket of AWS',
  NoSuchKey: 'check the name of the object; a prefix ends with a slash',
  AccessDenied:
    'the identity of the pod needs s3:GetObject, and s3:ListBucket for a prefix; for a public bucket set awsAnonymousCredential=true',
  InvalidAccessKeyId: 'check AWS_ACCESS_KEY_ID, and that it is of this server (AWS_ENDPOINT_URL)',
  SignatureDoesNotMatch: 'check AWS_SECRET_ACCESS_KEY and AWS_REGION',
  RequestTimeTooSkewed: 'the clock of this node is wrong: set it right',
  ExpiredToken: 'the credentials have ended: renew the secret, or give the pod a service account with a role',
  InvalidObjectState: 'the object is archived: restore it, or copy it to another storage class',
};

/** What a server of S3 says instead of what it was asked for. */
export class S3Errors {
  /** A body can be read once. */
  readonly #codes = new WeakMap<Answer['body'], Promise<string | undefined>>();

  /** The code in an error's body; undefined where there is none. */
  codeOf(answer: Answer): Promise<string | undefined> {
    const known = this.#codes.get(answer.body) ?? readCode(answer);
    this.#codes.set(answer.body, known);
    return known;
  }

  async refusal(answer: Answer, what: string): Promise<WeighlockError> {
    const code = await this.codeOf(answer);
    const remedy = REMEDIES[code ?? ''] ?? (answer.status === 403 ? REMEDIES['AccessDenied'] : REMEDIES['NoSuchKey']);
    const remedies = remedy === undefined ? {} : { [answer.status]: remedy };
    return refusalOf(answer, { what: code === undefined ? what : `${what} (${code})`, remedies });
  }
}

async function readCode(answer: Answer): Promise<string | undefined> {
  try {
    const body = (await readBody(answer, MAX_ERROR_BYTES)).toString('utf8');
    return /<Code>([A-Za-z]{1,40})<\/Code>/.exec(body)?.[1];
  } catch {
    return undefined;
  }
}
