import type { Descriptor, Digest } from '../registry/index.ts';
import type { LayoutFaults } from './faults.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
/** What cosign writes into `index.json` to say what an entry is (cosign, pkg/oci/layout). */
const KIND = 'dev.cosignproject.cosign/';
const ATTACHED_KINDS = new Set([`${KIND}sigs`, `${KIND}atts`]);
/**
 * Tags of what is attached to something else: cosign's, and those of registries without referrers.
 */
const ATTACHED_NAME = /^sha256-[0-9a-f]{64}(\.[a-z]+)?$/;
/** Entries that an error lists. */
const MOST_LISTED = 20;

/** The tag of an entry; some tools write the whole reference (`host/repository:tag`). */
export function tagOf({ annotations }: Descriptor): string | undefined {
  const name = annotations[REF_NAME]?.replace(/@.*$/s, '');
  return name?.slice(name.lastIndexOf('/') + 1).replace(/^[^:]*:/, '');
}

/** True for an entry that cosign marks as signatures or attestations. */
export function isCosignAttachment({ annotations }: Descriptor): boolean {
  return ATTACHED_KINDS.has(annotations['kind'] ?? '');
}

/**
 * Picks the artifact out of the entries of an `index.json`.
 *
 * @param tag - without one it is the only entry that is attached to nothing
 * @param isReferrer - true for what refers to something else; asked only where there are several
 * @throws WeighlockError `FILE_MISSING` for none, `UNSAFE_ENTRY` for several, with what there is
 */
export async function chooseEntry(
  entries: readonly Descriptor[],
  tag: string | undefined,
  isReferrer: (digest: Digest) => Promise<boolean>,
  faults: LayoutFaults,
): Promise<Digest> {
  const wanted = tag === undefined ? await unattached(entries, isReferrer) : withTag(entries, tag);
  const [only, ...more] = wanted;
  if (only !== undefined && more.length === 0) return only;
  const what = tag === undefined ? 'artifact' : `artifact with the tag ${tag}`;
  if (only === undefined) throw faults.none('FILE_MISSING', `it has no ${what}`, listOf(entries));
  throw faults.none(
    'UNSAFE_ENTRY',
    `it has more than one ${what}`,
    listOf(entries.filter(({ digest }) => wanted.has(digest))),
  );
}

/** Entries with exactly this name come before those that end with it. */
function withTag(entries: readonly Descriptor[], tag: string): Set<Digest> {
  const exact = entries.filter(({ annotations }) => annotations[REF_NAME] === tag);
  const named = exact.length > 0 ? exact : entries.filter((entry) => tagOf(entry) === tag);
  return new Set(named.map(({ digest }) => digest));
}

async function unattached(
  entries: readonly Descriptor[],
  isReferrer: (digest: Digest) => Promise<boolean>,
): Promise<Set<Digest>> {
  const own = entries.filter((entry) => !isCosignAttachment(entry) && !ATTACHED_NAME.test(tagOf(entry) ?? ''));
  const digests = new Set(own.map(({ digest }) => digest));
  if (digests.size < 2) return digests;
  const kept = new Set<Digest>();
  for (const digest of digests) if (!(await isReferrer(digest))) kept.add(digest);
  return kept;
}

function listOf(entries: readonly Descriptor[]): string {
  const shown = entries.slice(0, MOST_LISTED).map(({ digest, annotations }) => {
    const name = annotations[REF_NAME] ?? annotations['kind'];
    return name === undefined ? digest : `${name.slice(0, 128)} (${digest})`;
  });
  if (entries.length > MOST_LISTED) shown.push(`and ${entries.length - MOST_LISTED} more`);
  return shown.join(', ') || 'nothing';
}
