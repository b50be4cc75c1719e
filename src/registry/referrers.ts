import { WeighlockError } from '../error/index.ts';
import type { Referrers } from './artifact-source.ts';
import { mayReceive } from './credential-scope.ts';
import { type Digest, hexOf } from './digest.ts';
import { unavailable } from './faults.ts';
import type { Host, Hosts } from './hosts.ts';
import { MAX_ERROR_BYTES, MAX_MANIFEST_BYTES, MAX_REFERRER_PAGES, MAX_REFERRERS } from './limits.ts';
import { nextLink } from './link.ts';
import { type Descriptor, MEDIA, parseReferrers } from './manifest.ts';
import { referenceText } from './reference.ts';
import { type Answer, headerOf, readBody } from './transport.ts';

/**
 * How registries without the referrers API answer (501: some that know of it and have it switched
 * off).
 */
const NO_REFERRERS_API = new Set([400, 404, 405, 406, 501]);

/**
 * Everything that says it refers to a digest: the referrers API page by page, and where that has
 * none the tag `sha256-<hex>` of registries without it (distribution-spec, "Listing Referrers"). An
 * error of one of the two hides nothing that the other has, and is told beside.
 */
export async function listReferrers(hosts: Hosts, subject: Digest, signal: AbortSignal): Promise<Referrers> {
  const faults: WeighlockError[] = [];
  for (const list of [referrerPages, referrerTag]) {
    const descriptors = await hosts.each(signal, (host) => list(hosts, host, subject, signal, faults), faults);
    if (descriptors.length > 0) return { descriptors, faults };
  }
  return { descriptors: [], faults };
}

/**
 * The pages of the referrers API; none where there is no such thing. A page that fails takes none
 * of the others along.
 */
async function referrerPages(
  hosts: Hosts,
  host: Host,
  subject: Digest,
  signal: AbortSignal,
  faults: WeighlockError[],
): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  const seen = new Set<string>();
  let path: string | undefined = `referrers/${subject}`;
  const readPage = async (page: string): Promise<string | undefined> => {
    const answer = await hosts.get(host, page, { accept: MEDIA.ociIndex }, signal);
    const isIndex = headerOf(answer.headers, 'content-type')?.split(';')[0]?.trim() === MEDIA.ociIndex;
    if (seen.size === 1 && (NO_REFERRERS_API.has(answer.status) || (answer.status === 200 && !isIndex))) {
      await answer.body.dump(MAX_ERROR_BYTES);
      return undefined;
    }
    if (answer.status !== 200) throw await hosts.refusal(answer, `referrers of ${subject}`);
    found.push(...(await referrersIn(answer, faults)));
    return nextPage(hosts, host, answer);
  };
  try {
    while (path !== undefined) {
      // Links in a circle, or a list without an end (ghsa-298f-872v-2rcx, S10).
      if (seen.has(path) || seen.size >= MAX_REFERRER_PAGES) throw endless(hosts, subject);
      seen.add(path);
      const page: string = path;
      path = await hosts.any(signal, () => readPage(page), [host]);
      if (found.length > MAX_REFERRERS) throw endless(hosts, subject);
    }
  } catch (error) {
    if (found.length === 0 || signal.aborted || !(error instanceof WeighlockError)) throw error;
    faults.push(error);
  }
  return found.slice(0, MAX_REFERRERS);
}

async function referrerTag(
  hosts: Hosts,
  host: Host,
  subject: Digest,
  signal: AbortSignal,
  faults: WeighlockError[],
): Promise<Descriptor[]> {
  const readTag = async () => {
    const answer = await hosts.get(host, `manifests/sha256-${hexOf(subject)}`, { accept: MEDIA.ociIndex }, signal);
    if (answer.status === 200) return referrersIn(answer, faults);
    if (answer.status !== 404) throw await hosts.refusal(answer, `referrers of ${subject}`);
    await answer.body.dump();
    return [];
  };
  return hosts.any(signal, readTag, [host]);
}

async function referrersIn(answer: Answer, faults: WeighlockError[]): Promise<Descriptor[]> {
  const { descriptors, fault } = parseReferrers(await readBody(answer, MAX_MANIFEST_BYTES));
  if (fault !== undefined) faults.push(fault);
  return descriptors;
}

/**
 * The next page of a `Link` header (RFC 8288), which must stay in this repository
 * (ghsa-h7vf-4x9w-h99v).
 */
function nextPage(hosts: Hosts, host: Host, answer: Answer): string | undefined {
  const target = nextLink(answer.headers['link']);
  if (target === undefined) return undefined;
  if (target === '') throw unavailable(answer.url, 'names a next page at too great a length');
  const prefix = `/v2/${hosts.reference.repository}/`;
  const url = URL.canParse(target, answer.url) ? new URL(target, answer.url) : undefined;
  if (url !== undefined && mayReceive(host.base, [...answer.hops, url]) && url.pathname.startsWith(prefix))
    return url.pathname.slice(prefix.length) + url.search;
  throw unavailable(answer.url, 'names a next page that is not its own');
}

function endless(hosts: Hosts, subject: Digest): WeighlockError {
  return new WeighlockError({
    code: 'LIMIT_EXCEEDED',
    message: `${referenceText(hosts.reference)}: more referrers of ${subject} than anybody needs`,
    expected: `at most ${MAX_REFERRERS} on ${MAX_REFERRER_PAGES} pages`,
    found: 'more',
    remedy: 'remove what was attached to the artifact, or move it to a repository of its own',
  });
}
