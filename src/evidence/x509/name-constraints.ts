import type { CertificateFields } from './certificate-fields.ts';
import type { GeneralName, NameConstraints } from './general-name.ts';
import { attributesOf, isBelow } from './x500-name.ts';

/** A host, in the form that RFC 5280 wants: no dot at its end, no empty label. */
const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;

/** Scheme, host, port; nothing in which somebody else might see another host. */
const URI = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9_.-]+)(?::\d{1,5})?(?:\/[^:]*)?$/i;

/**
 * Holds the names of a certificate against the constraints of an authority above it (RFC 5280
 * section 6.1.4 (b), (c)). Whoever is permitted must be so beyond doubt, and whoever might be
 * excluded is; a name that cannot be read is refused as soon as there is a constraint on names of
 * its form.
 *
 * @param isLeaf - a host may be the common name of a leaf only
 * @returns what is wrong, if anything
 */
export function violationOf(
  fields: CertificateFields,
  { permitted, excluded }: NameConstraints,
  isLeaf: boolean,
): string | undefined {
  for (const name of namesOf(fields, isLeaf)) {
    const allowed = permitted.filter((base) => isSameForm(base, name));
    const forbidden = excluded.filter((base) => isSameForm(base, name));
    if (allowed.length + forbidden.length === 0) continue;
    const text = textOf(name);
    if (!isReadable(name)) return `${text} cannot be held against the constraints on names`;
    if (forbidden.some((base) => isWithin(name, base, 'excluded'))) return `${text} is excluded`;
    if (allowed.length > 0 && !allowed.some((base) => isWithin(name, base, 'permitted')))
      return `${text} is not permitted`;
  }
  return undefined;
}

/**
 * Every name that a certificate may be known by, and old forms of mail addresses and hosts in its
 * subject.
 */
function namesOf({ subject, alternativeNames }: CertificateFields, isLeaf: boolean): readonly GeneralName[] {
  const names: GeneralName[] = [...alternativeNames];
  if (subject.length > 0) names.push({ kind: 'directory', name: subject });
  names.push(...attributesOf(subject, 'email').map((text) => ({ kind: 'email', text }) as const));
  const hosts = attributesOf(subject, 'commonName').filter((text) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(text));
  if (isLeaf && !alternativeNames.some(({ kind }) => kind === 'dns'))
    names.push(...hosts.map((text) => ({ kind: 'dns', text }) as const));
  return names;
}

function isSameForm(base: GeneralName, name: GeneralName): boolean {
  if (name.kind !== 'other') return base.kind === name.kind;
  return (base.kind === 'other' && base.tag === name.tag) || (name.isMailbox && base.kind === 'email');
}

function isReadable(name: GeneralName): boolean {
  if (name.kind === 'directory') return true;
  if (name.kind === 'ip') return name.bytes.length === 4 || name.bytes.length === 16;
  if (name.kind === 'other') return false;
  if (name.kind === 'uri') return hostOf(name.text) !== undefined;
  if (name.kind === 'dns') return HOST.test(name.text);
  const [local = '', host = '', ...more] = name.text.split('@');
  return local !== '' && more.length === 0 && HOST.test(host) && !/["\\\s]/.test(local);
}

function hostOf(uri: string): string | undefined {
  const host = URI.exec(uri)?.[1];
  // An address is no host, and nothing is below it.
  return host !== undefined && HOST.test(host) && !/\.\d+$|^\d+$/.test(host) ? host.toLowerCase() : undefined;
}

type Side = 'permitted' | 'excluded';

function isWithin(name: GeneralName, base: GeneralName, side: Side): boolean {
  if (name.kind === 'directory' && base.kind === 'directory')
    return isBelow(name.name, base.name, side === 'permitted' ? 'key' : 'loose');
  if (name.kind === 'ip' && base.kind === 'ip') return isAddressWithin(name.bytes, base.bytes, side);
  if (!('text' in name) || !('text' in base)) return side === 'excluded';
  if (name.kind === 'dns') return isHostWithin(name.text.toLowerCase(), base.text.toLowerCase(), side);
  if (name.kind === 'uri') return isHostOf(hostOf(name.text) ?? '', base.text.toLowerCase(), side);
  return isMailWithin(name.text, base.text, side);
}

/** `acme.example` is itself and all below it, `.acme.example` what is below. */
function isHostWithin(host: string, base: string, side: Side): boolean {
  if (base === '') return true;
  const bare = base.startsWith('.') ? base.slice(1) : base;
  if (host.endsWith(`.${bare}`)) return true;
  if (side === 'permitted') return host === base;
  // A wildcard stands for the name that is excluded, too.
  return host === bare || (host.startsWith('*.') && bare.endsWith(host.slice(1)));
}

/** Of URIs and mail: `acme.example` is that host alone. */
function isHostOf(host: string, base: string, side: Side): boolean {
  if (base === '') return side === 'excluded';
  return base.startsWith('.') ? host.endsWith(base) && host.length > base.length : host === base;
}

function isMailWithin(mail: string, base: string, side: Side): boolean {
  const [local = '', host = ''] = mail.split('@');
  const at = base.lastIndexOf('@');
  if (at < 0) return isHostOf(host.toLowerCase(), base.toLowerCase(), side);
  if (host.toLowerCase() !== base.slice(at + 1).toLowerCase()) return false;
  const box = base.slice(0, at);
  return side === 'permitted' ? local === box : local.toLowerCase() === box.toLowerCase();
}

function isAddressWithin(address: Buffer, base: Buffer, side: Side): boolean {
  if (base.length !== 8 && base.length !== 32) return side === 'excluded';
  if (base.length !== 2 * address.length) return false;
  return address.every((byte, i) => {
    const mask = base[address.length + i] ?? 0;
    return (byte & mask) === ((base[i] ?? 0) & mask);
  });
}

function textOf(name: GeneralName): string {
  if ('text' in name) return JSON.stringify(name.text.slice(0, 200));
  return name.kind === 'directory' ? 'its subject' : name.kind === 'ip' ? 'its address' : 'a name';
}
