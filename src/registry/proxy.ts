import { WeighlockError } from '../error/index.ts';
import { decodedUser } from './faults.ts';

/** The proxy variables of a process; lower-case names win, as curl has it. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  readonly noProxy: string;
}

export function proxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const value = (name: string) => (environment[name] || environment[name.toUpperCase()])?.trim() || undefined;
  const http = value('http_proxy');
  const https = value('https_proxy');
  return {
    ...(http === undefined ? {} : { http }),
    ...(https === undefined ? {} : { https }),
    noProxy: value('no_proxy') ?? '',
  };
}

/** Schemes of proxies that undici speaks. */
const SCHEMES = new Set(['http:', 'https:', 'socks5:', 'socks:']);

/**
 * The proxy for a URL, or undefined for a direct connection. As curl and Go have it, `host:port`
 * without a scheme is meant as `http://host:port`.
 *
 * @throws WeighlockError `CONFIG_INVALID` when the variable is no address; its value, which may
 * hold a password, is not shown
 */
export function proxyFor(url: URL, { http, https, noProxy }: ProxySettings): URL | undefined {
  const isSecure = url.protocol === 'https:';
  const text = isSecure ? https : http;
  if (text === undefined || bypasses(url, noProxy)) return undefined;
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy !== undefined && proxy.hostname !== '' && SCHEMES.has(proxy.protocol) && !isCutShort(proxy)) {
    proxy.username = encodeURIComponent(decodedUser(proxy.username));
    proxy.password = encodeURIComponent(decodedUser(proxy.password));
    return proxy;
  }
  throw new WeighlockError({
    code: 'CONFIG_INVALID',
    message: `${isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY'} is not the address of a proxy`,
    remedy:
      'write it as http://[user:password@]host:port, with /, #, ? of a password as %2F, %23, %3F; ' +
      'or name the host that is asked in NO_PROXY',
  });
}

/**
 * `user:pass#word@host` is the host `user` to a URL, and its port would be half a password in every
 * message about it.
 */
function isCutShort({ pathname, search, hash }: URL): boolean {
  return `${pathname}${search}${hash}`.includes('@');
}

/**
 * `NO_PROXY`: `*`, host names (and everything below them, with or without a leading dot), IP
 * addresses, each with an optional port, and CIDR ranges, which is what clusters put there and many
 * clients ignore.
 */
export function bypasses(url: URL, noProxy: string): boolean {
  const host = bareHost(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(/[\s,;]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entryMatches(entry.toLowerCase().replace(/^[a-z]+:\/\//, ''), host, port));
}

function entryMatches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, base = '', prefix = ''] = /^\[?([0-9a-f:.]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  if (prefix !== '') return inRange(host, base, Number(prefix));
  const [, name = entry, entryPort] = /^(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== port) return false;
  const bare = bareHost(name).replace(/^\*?\./, '');
  if (net().isIP(host) !== 0) return net().isIP(bare) !== 0 && inRange(host, bare, net().isIP(bare) === 4 ? 32 : 128);
  return bare !== '' && (host === bare || host.endsWith(`.${bare}`));
}

function bareHost(host: string): string {
  return host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function inRange(host: string, base: string, prefix: number): boolean {
  const family = net().isIP(host);
  if (family === 0 || net().isIP(base) !== family) return false;
  const list = new (net().BlockList)();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  try {
    list.addSubnet(base, prefix, kind);
  } catch {
    return false;
  }
  return list.check(host, kind);
}

/** Loaded where it is needed: every start would pay for it. */
function net(): typeof import('node:net') {
  return process.getBuiltinModule('node:net');
}
