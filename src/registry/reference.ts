import { WeighlockError } from '../error/index.ts';
import { shownReference } from '../without-secrets.ts';
import { type Digest, parseDigest } from './digest.ts';

/** An artifact in a registry. A digest wins over a tag; the tag is then only shown. */
export interface Reference {
  /** Host and port as written, `docker.io` where none was. */
  readonly registry: string;
  /** Repository, with `library/` for Docker Hub's one-component names. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** distribution-spec, "Pulling manifests". */
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** DNS labels, IPv4 or a bracketed IPv6 address, and a port (distribution/reference, regexp.go). */
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);

/** Host, slash and repository together; many clients and registries take no more. */
const MAX_NAME = 255;

/** `oci://`, a name, a tag of 128 and a digest of 71 characters, and what stands between them. */
const MAX_TEXT = 512;

/**
 * Parses `[oci://][registry/]repository[:tag][@digest]` by Docker's rules: the first component is a
 * registry only when it has a dot or a colon, or is `localhost`; otherwise the registry is
 * docker.io. Without tag and digest the tag is `latest`.
 *
 * @throws WeighlockError `CONFIG_INVALID`
 */
export function parseReference(text: string): Reference {
  // First: a pattern must not be given megabytes.
  if (text.length > MAX_TEXT) throw invalid(text, `it is longer than ${MAX_TEXT} characters`);
  const bare = text.replace(/^oci:\/\//, '');
  const at = bare.indexOf('@');
  const digest = at < 0 ? undefined : parseDigest(bare.slice(at + 1));
  if (at >= 0 && digest === undefined)
    throw invalid(text, 'the digest after @ is not sha256: and 64 lower-case hex digits');
  const named = at < 0 ? bare : bare.slice(0, at);
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const hasRegistry = first === 'localhost' || /[.:]/.test(first);
  const registry = hasRegistry ? first : 'docker.io';
  const rest = hasRegistry ? named.slice(slash + 1) : named;
  const colon = rest.indexOf(':');
  const name = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (!HOST.test(registry)) throw invalid(text, `"${registry}" is not a host name`);
  if (!REPOSITORY.test(name)) throw invalid(text, `"${name}" is not a repository name`);
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `"${tag}" is not a tag`);
  if (registry.length + 1 + name.length > MAX_NAME) throw invalid(text, `it is longer than ${MAX_NAME} characters`);
  const repository = isDockerHub(registry) && !name.includes('/') ? `library/${name}` : name;
  const shownTag = tag ?? (digest === undefined ? 'latest' : undefined);
  return {
    registry,
    repository,
    ...(shownTag === undefined ? {} : { tag: shownTag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** All names of the one registry. */
const DOCKER_HUB: readonly string[] = [
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
];

export function isDockerHub(host: string): boolean {
  return DOCKER_HUB.includes(host.toLowerCase());
}

/** The host that serves a registry's API. */
export function apiHost(registry: string): string {
  return isDockerHub(registry) ? 'registry-1.docker.io' : registry;
}

/** The key that credential stores know a registry by. */
export function credentialKey(registry: string): string {
  return isDockerHub(registry) ? 'https://index.docker.io/v1/' : registry;
}

/** `registry/repository[:tag][@digest]`, for people. */
export function referenceText({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function invalid(text: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `not an OCI reference: ${why}`,
    found: shownReference(text),
    remedy: 'write it as oci://registry/repository:tag@sha256:digest',
  });
}
