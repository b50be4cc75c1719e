import type { X509Certificate } from 'node:crypto';
import { derParser } from '../der.ts';
import { EvidenceError, untrusted } from '../signer.ts';
import { MalformedError } from '../strict-json.ts';
import { type CertificateFields, readCertificateFields } from './certificate-fields.ts';
import { nameOf, type Purpose, requireRules } from './path-rules.ts';

/** Longest chain between a leaf and a root. */
const MAX_BETWEEN = 8;

/** What a signature may bring along, and the platform's beside it; more would only cost time. */
const MAX_CANDIDATES = 200;

/**
 * Signatures of certificates that are verified for one path; crafted sets have exponentially many
 * paths.
 */
const MAX_SIGNATURES = 200;

/** Where to look, and for what. */
export interface PathRequest {
  readonly leaf: X509Certificate;
  /**
   * Certificates that help to find a path, and are never anchors: of the signature, or the
   * platform.
   */
  readonly between: readonly X509Certificate[];
  /** The anchors. */
  readonly roots: readonly X509Certificate[];
  /** At which all certificates must be valid. */
  readonly time: Date;
  readonly purpose: Purpose;
}

/**
 * Finds a path from a leaf to one of the explicit roots that holds against RFC 5280 section 6, over
 * all paths that there are: a certificate of the same name, or one that authorities made for each
 * other, hides no other way.
 *
 * @returns the path, leaf first, root last
 * @throws EvidenceError `SIGNER_UNTRUSTED` with what is wrong with the first path, or that there is
 * none
 */
export async function requirePath(request: PathRequest): Promise<readonly X509Certificate[]> {
  return new PathSearch(request, await derParser()).find();
}

class PathSearch {
  readonly #request: PathRequest;
  readonly #parse: Awaited<ReturnType<typeof derParser>>;
  readonly #fields = new Map<X509Certificate, CertificateFields | MalformedError>();
  readonly #between: readonly X509Certificate[];
  #signatures = 0;
  #failure: EvidenceError | undefined;

  constructor(request: PathRequest, parse: Awaited<ReturnType<typeof derParser>>) {
    this.#request = request;
    this.#parse = parse;
    this.#between = distinct(request.between);
    if (this.#between.length > MAX_CANDIDATES)
      throw untrusted(`there are more than ${MAX_CANDIDATES} certificates to find a path with`);
  }

  find(): readonly X509Certificate[] {
    const path = this.#extend([this.#request.leaf]);
    if (path !== undefined) return path;
    throw this.#failure ?? untrusted('the certificate does not lead to a trusted root');
  }

  #extend(path: readonly X509Certificate[]): readonly X509Certificate[] | undefined {
    const current = path.at(-1);
    if (current === undefined) return undefined;
    for (const root of this.#request.roots)
      if (this.#isIssuer(root, current) && this.#holds([...path, root])) return [...path, root];
    if (path.length > MAX_BETWEEN) return undefined;
    for (const next of this.#between) {
      // The same authority twice is a circle, under whichever certificate.
      if (path.some((one) => isSameSubject(one, next)) || !this.#isIssuer(next, current)) continue;
      const found = this.#extend([...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #holds(path: readonly X509Certificate[]): boolean {
    try {
      requireRules(
        path.map((one) => this.#read(one)),
        this.#request.time,
        this.#request.purpose,
      );
      return true;
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      this.#failure ??= error;
      return false;
    }
  }

  /** By name, key identifiers and usage, as OpenSSL has it, and by the signature. */
  #isIssuer(candidate: X509Certificate, certificate: X509Certificate): boolean {
    if (!candidate.ca || !certificate.checkIssued(candidate)) return false;
    this.#signatures += 1;
    if (this.#signatures > MAX_SIGNATURES) throw untrusted('there are too many ways from the certificate to a root');
    try {
      return certificate.verify(candidate.publicKey);
    } catch {
      // A key of a kind that OpenSSL does not know verifies nothing.
      return false;
    }
  }

  #read(certificate: X509Certificate): CertificateFields {
    const fields = this.#fields.get(certificate) ?? this.#tryToRead(certificate);
    this.#fields.set(certificate, fields);
    if (fields instanceof MalformedError)
      throw untrusted(`the certificate ${nameOf(certificate)} does not count: ${fields.message}`);
    return fields;
  }

  #tryToRead(certificate: X509Certificate): CertificateFields | MalformedError {
    try {
      return readCertificateFields(certificate, this.#parse);
    } catch (error) {
      // Whatever the library throws at bytes that OpenSSL could read: they are not DER.
      return error instanceof MalformedError ? error : new MalformedError((error as Error).message, { cause: error });
    }
  }
}

function distinct(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return [...new Map(certificates.map((one) => [one.fingerprint256, one])).values()];
}

function isSameSubject(a: X509Certificate, b: X509Certificate): boolean {
  return a.subject === b.subject && a.publicKey.equals(b.publicKey);
}
