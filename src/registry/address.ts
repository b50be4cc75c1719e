import { BlockList, isIP } from 'node:net';

/**
 * How near an address is: `public`, `private` (a network of the company), `loopback` (this pod), or
 * `special`, where no server of content is: metadata of clouds and whatever else is on this link,
 * and addresses that are none of a host.
 */
export type Reach = 'public' | 'private' | 'loopback' | 'special';

/**
 * RFC 6890 and the registries of IANA that follow it; beside them what clouds answer metadata at.
 */
const IPV4: Readonly<Record<Exclude<Reach, 'public'>, readonly string[]>> = {
  loopback: ['127.0.0.0/8'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'],
  special: [
    ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.88.99.0/24', '224.0.0.0/4', '240.0.0.0/4'],
    // Alibaba Cloud's metadata; Azure's agent.
    ...['100.100.100.200/32', '168.63.129.16/32'],
  ],
};
const IPV6: typeof IPV4 = {
  loopback: ['::1/128'],
  private: ['fc00::/7', 'fec0::/10'],
  special: [
    ...['::/128', 'fe80::/10', 'ff00::/8', '100::/64'],
    // Amazon's and Google's metadata.
    ...['fd00:ec2::/32', 'fd20:ce::254/128'],
  ],
};

/** IPv6 addresses that have an IPv4 address in them, and at which of their 16 bytes it begins. */
const EMBEDDED: readonly (readonly [network: string, at: number])[] = [
  // Mapped (RFC 4291, 2.5.5.2), translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), compatible (RFC
  // 4291, 2.5.5.1).
  ['::ffff:0:0/96', 12],
  ['::ffff:0:0:0/96', 12],
  ['64:ff9b::/96', 12],
  ['64:ff9b:1::/48', 12],
  ['::/96', 12],
  // 6to4 (RFC 3056).
  ['2002::/16', 2],
];

/** Teredo (RFC 4380): the address of the client, inverted, in its last 32 bits. */
const TEREDO = listOf(['2001::/32'], 'ipv6');

const LISTS = { ipv4: lists(IPV4, 'ipv4'), ipv6: lists(IPV6, 'ipv6') };
const EMBEDDED_LISTS = EMBEDDED.map(([network, at]) => ({ list: listOf([network], 'ipv6'), at }));

/** Whichever of these an address is, the nearer one counts. */
const ORDER = ['special', 'loopback', 'private'] as const;

/**
 * How near an address is; that of an IPv4 address inside of one of IPv6 counts as itself.
 *
 * @returns undefined for what is no address, such as a name
 */
export function reachOf(text: string): Reach | undefined {
  const address = text.replace(/^\[|\]$/g, '').replace(/%.*$/s, '');
  const family = isIP(address);
  if (family === 0) return undefined;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const own = ORDER.find((reach) => LISTS[kind][reach].check(address, kind)) ?? 'public';
  if (family === 4 || own === 'loopback' || address === '::') return own;
  const bytes = bytesOf(address);
  const inside = TEREDO.check(address, 'ipv6')
    ? bytes.subarray(12).map((byte) => byte ^ 0xff)
    : EMBEDDED_LISTS.filter(({ list }) => list.check(address, 'ipv6')).map(({ at }) => bytes.subarray(at, at + 4))[0];
  return inside === undefined ? own : (reachOf(inside.join('.')) ?? own);
}

function lists(ranges: typeof IPV4, kind: 'ipv4' | 'ipv6') {
  const { loopback, private: inside, special } = ranges;
  return { loopback: listOf(loopback, kind), private: listOf(inside, kind), special: listOf(special, kind) };
}

function listOf(networks: readonly string[], kind: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', prefix] = network.split('/');
    list.addSubnet(base, Number(prefix), kind);
  }
  return list;
}

/** The 16 bytes of an IPv6 address. */
function bytesOf(address: string): Buffer {
  // `URL` writes every form with hexadecimal groups only.
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = '', right] = plain.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(left), groups(right ?? '')];
  const middle = right === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  return Buffer.from([...before, ...middle, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
