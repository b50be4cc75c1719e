import { WeighlockError } from '../error/index.ts';
import { withoutEnd } from '../without-end.ts';
import { isDockerHub } from './reference.ts';

/** What to say to a registry that asks who we are. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** OAuth2 refresh token (`identitytoken`, or a helper's user name `<token>`). */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Sent as it is (`registrytoken`). */
  | { readonly kind: 'registry-token'; readonly token: string };

/** One entry of `auths`. */
export interface AuthEntry {
  /**
   * Host, optional port, optional path, each DNS label possibly a glob; scheme and `/v1/`, `/v2/`
   * taken off.
   */
  readonly pattern: string;
  readonly credential: Credential;
}

/**
 * Credentials of one or several Docker configuration files and pull secrets, in the order they were
 * given.
 */
export interface DockerConfig {
  readonly auths: readonly AuthEntry[];
  /** Host -> suffix of `docker-credential-<suffix>`. */
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore?: string;
}

/** A pull secret is a few hundred bytes; a megabyte holds thousands. */
export const MAX_CONFIG_BYTES = 1 << 20;

/**
 * Parses a Docker `config.json`, a `kubernetes.io/dockerconfigjson` secret (the same) or a legacy
 * `kubernetes.io/dockercfg` secret (only the entries, no `auths` around them).
 *
 * @throws WeighlockError `CONFIG_INVALID` for anything malformed; the message never holds a value
 * of the file
 */
export function parseDockerConfig(text: string, file: string): DockerConfig {
  const json = parseObject(text, file);
  const legacy =
    file.endsWith('.dockercfg') || (!('auths' in json) && !('credHelpers' in json) && !('credsStore' in json));
  const entries = legacy ? json : (json['auths'] ?? {});
  if (!isObject(entries)) throw invalid(file, '"auths" is not an object');
  const auths = Object.entries(entries).flatMap(([key, value]) => parseEntry(key, value, file));
  const helpers = legacy ? {} : (json['credHelpers'] ?? {});
  if (!isObject(helpers)) throw invalid(file, '"credHelpers" is not an object');
  const credHelpers = new Map(Object.entries(helpers).map(([host, helper]) => [host, helperName(helper, file)]));
  const store = legacy ? undefined : json['credsStore'];
  return {
    auths,
    credHelpers,
    ...(store === undefined || store === '' ? {} : { credsStore: helperName(store, file) }),
  };
}

/** Puts several configurations together; for the same key the earlier one is asked first. */
export function mergeDockerConfigs(configs: readonly DockerConfig[]): DockerConfig {
  const credHelpers = new Map<string, string>();
  for (const config of [...configs].reverse())
    for (const [host, helper] of config.credHelpers) credHelpers.set(host, helper);
  const credsStore = configs.find((config) => config.credsStore !== undefined)?.credsStore;
  return {
    auths: configs.flatMap(({ auths }) => auths),
    credHelpers,
    ...(credsStore === undefined ? {} : { credsStore }),
  };
}

/**
 * The credentials that fit a repository, best first, by the kubelet's rules: as many DNS labels,
 * each equal or a glob; the same port; a path that is a prefix by whole components; the longest
 * pattern first.
 *
 * @param host - `credentialKey` of the registry
 */
export function matchAuths(config: DockerConfig, host: string, repository: string): Credential[] {
  const wanted = split(normalise(host));
  return config.auths
    .filter(({ pattern }) => matches(split(pattern), wanted, repository))
    .sort((a, b) => b.pattern.length - a.pattern.length || stars(a.pattern) - stars(b.pattern))
    .map(({ credential }) => credential);
}

function matches(pattern: Pattern, wanted: Pattern, repository: string): boolean {
  if (pattern.port !== wanted.port || pattern.labels.length !== wanted.labels.length) return false;
  if (!pattern.labels.every((label, i) => globMatches(label, wanted.labels[i] ?? ''))) return false;
  return pattern.path === '' || `${repository}/`.startsWith(`${pattern.path}/`);
}

/**
 * `*` and `?` inside one DNS label, case-insensitive. Linear: a star is only ever tried at its next
 * place.
 */
function globMatches(glob: string, label: string): boolean {
  let g = 0;
  let l = 0;
  let star = -1;
  let mark = 0;
  const pattern = glob.toLowerCase();
  const text = label.toLowerCase();
  while (l < text.length) {
    if (pattern[g] === '*') {
      star = g++;
      mark = l;
    } else if (pattern[g] === '?' || pattern[g] === text[l]) {
      g++;
      l++;
    } else if (star >= 0) {
      g = star + 1;
      l = ++mark;
    } else return false;
  }
  while (pattern[g] === '*') g++;
  return g === pattern.length;
}

interface Pattern {
  readonly labels: readonly string[];
  readonly port: string;
  readonly path: string;
}

function split(pattern: string): Pattern {
  const slash = pattern.indexOf('/');
  const hostPort = slash < 0 ? pattern : pattern.slice(0, slash);
  const path = slash < 0 ? '' : withoutEnd(pattern.slice(slash + 1), '/');
  const [, host = hostPort, port = ''] = /^(.*?)(?::(\d+))?$/.exec(hostPort) ?? [];
  return { labels: host.startsWith('[') ? [host] : host.split('.'), port, path };
}

/**
 * A key of a configuration, or a registry, in one form: without scheme, `/v1/` and what DNS and TLS
 * do not see (case, the dot at the end, the port of https). Docker Hub has several names, and
 * configurations have each of them.
 */
export function normalise(key: string): string {
  const text = withoutEnd(key.replace(/^https?:\/\//i, '').replace(/\/v[12]\/?$/, ''), '/');
  const [, host = text, path = ''] = /^([^/]*)(.*)$/s.exec(text) ?? [];
  const plain = host.toLowerCase().replace(/:443$/, '').replace(/\.$/, '');
  return (isDockerHub(plain) ? 'index.docker.io' : plain) + path;
}

function parseEntry(key: string, value: unknown, file: string): AuthEntry[] {
  if (!isObject(value)) throw invalid(file, 'an entry of "auths" is not an object');
  const credential = parseCredential(value, file);
  return credential === undefined ? [] : [{ pattern: normalise(key), credential }];
}

function parseCredential(entry: Record<string, unknown>, file: string): Credential | undefined {
  const text = (name: string): string => {
    const value = entry[name] ?? '';
    if (typeof value !== 'string') throw invalid(file, `"${name}" of an entry is not a string`);
    return value;
  };
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'registry-token', token: text('registrytoken') };
  if (text('auth') !== '') {
    // Never in a message: a malformed value is still somebody's password.
    const decoded = withoutEnd(Buffer.from(text('auth'), 'base64').toString('utf8'), '\0');
    const colon = decoded.indexOf(':');
    if (colon < 0) throw invalid(file, '"auth" of an entry is not base64 of user:password');
    return { kind: 'basic', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  const username = text('username');
  return username === '' ? undefined : { kind: 'basic', username, password: text('password') };
}

function helperName(value: unknown, file: string): string {
  // It becomes part of a file name that is executed.
  if (typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(value)) return value;
  throw invalid(file, 'the name of a credential helper is not a plain name');
}

function parseObject(text: string, file: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch {
    // JSON.parse quotes the text in its message.
  }
  throw invalid(file, 'it is not a JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function invalid(file: string, why: string): WeighlockError {
  return new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `registry credentials ${file}: ${why}`,
    remedy: 'mount a Docker config.json or a pull secret of type kubernetes.io/dockerconfigjson',
  });
}

/** Wildcards in a pattern: of two as long, the plainer one is the more specific. */
function stars(pattern: string): number {
  return pattern.split(/[*?]/).length;
}
