import { BlockList, isIP } from 'node:net';

/** The proxy variables of a process; lower-case names win, as curl has it. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  readonly noProxy: string;
}

export function proxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const value = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  const http = value('http_proxy');
  const https = value('https_proxy');
  return {
    ...(http === undefined ? {} : { http }),
    ...(https === undefined ? {} : { https }),
    noProxy: value('no_proxy') ?? '',
  };
}

/** The proxy for a URL, or undefined for a direct connection. */
export function proxyFor(url: URL, { http, https, noProxy }: ProxySettings): string | undefined {
  const proxy = url.protocol === 'https:' ? https : http;
  return proxy === undefined || bypasses(url, noProxy) ? undefined : proxy;
}

/**
 * `NO_PROXY`: `*`, host names (and everything below them, with or without a leading dot), IP addresses, each with an
 * optional port, and CIDR ranges, which is what clusters put there and many clients ignore.
 */
export function bypasses(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entryMatches(entry.toLowerCase(), host, port));
}

function entryMatches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [, base = '', prefix = ''] = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (prefix !== '') return inRange(host, base, Number(prefix));
  const [, name = entry, entryPort] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(entry) ?? [undefined, entry, undefined];
  if (entryPort !== undefined && entryPort !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

function inRange(host: string, base: string, prefix: number): boolean {
  const family = isIP(host);
  if (family === 0 || isIP(base) !== family) return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  try {
    list.addSubnet(base, prefix, kind);
  } catch {
    return false;
  }
  return list.check(host, kind);
}
