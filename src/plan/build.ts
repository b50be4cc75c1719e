import { contentFromFlags } from './content.ts';
import {
  draft,
  draftArguments,
  draftEnvironment,
  nothingToVerify,
  ownedPins,
  requireDifferentPaths,
  requireNoDestination,
  type VerifyRequest,
} from './draft.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { requireApart } from './places.ts';
import type { Plan } from './plan.ts';
import { applyPolicies } from './policy/index.ts';
import { receiptSettings, requireOwnKey } from './receipt-settings.ts';
import {
  addChecksums,
  addPins,
  addSignature,
  onStorage,
  pinArchives,
  placesOf,
  requirePinned,
  requireRequirement,
  requireStore,
  requireTrustOutside,
  signedBy,
  trustFiles,
} from './require-artifact.ts';
import { verdictRequirement } from './verdict-settings.ts';

/**
 * Puts together what must be true of which artifact: the arguments, then what `MODEL_*` and
 * `DATASET_*` add. Nothing that was asked for is ever dropped: a pin that belongs to no artifact,
 * and an artifact that nothing is required of, are errors.
 *
 * @throws WeighlockError `USAGE` for what is wrong on the command line, `CONFIG_INVALID` for
 * everything else
 */
export function buildPlan(request: VerifyRequest, environment: Environment): Plan {
  const {
    sources,
    files,
    sha256,
    checksums,
    checksumsSha256,
    checksumsSignature,
    trust,
    verdicts,
    receipts: receiptFlags = {},
    policies,
    targets,
    storage,
    formats = [],
    formatsIn = [],
    ...settings
  } = request;
  const fromArguments = draftArguments(sources, files);
  const isBound = policies.length > 0 || targets.length > 0;
  const fromEnvironment = draftEnvironment(readEnvironment(environment), fromArguments, isBound, files);
  const brought = [...fromArguments, ...fromEnvironment.drafts];
  for (const [i, path] of targets.entries())
    brought.push(draft({ kind: 'volume', path }, undefined, brought, `target-${i}`));
  addPins(fromArguments.length > 0 ? fromArguments : brought, sha256);
  const drafts = [...brought];
  const used = applyPolicies(policies, brought, environment, (name, source, destination) => {
    const made = draft(source, destination, drafts, name);
    drafts.push(made);
    return made;
  });
  if (drafts.length === 0) throw nothingToVerify(isBound);
  requireDifferentPaths(drafts);
  requireApart(drafts.map(placesOf));
  const pins = ownedPins(
    drafts,
    fromEnvironment.pins.filter(({ origin }) => !used.has(origin)),
  );
  requirePinned(drafts.slice(brought.length - targets.length, brought.length), pins);
  requireNoDestination(drafts, pins);
  const listed = fromArguments.length > 0 ? fromArguments : drafts;
  const signed = checksumsSignature === undefined ? undefined : signedBy(checksumsSignature, trust);
  addChecksums(listed, checksums, checksumsSha256, signed);
  pinArchives(drafts, settings.remote.unpack);
  requireStore(drafts, files);
  // Who is named signs the listing, and with it the artifact.
  if (signed === undefined) addSignature(drafts, trust);
  const verdict = verdicts && verdictRequirement(verdicts);
  if (verdict !== undefined) for (const { requirements } of drafts) requirements.push(verdict);
  for (const one of drafts)
    requireTrustOutside(one, [
      ...(signed === undefined ? [] : trustFiles(trust)),
      ...(verdicts?.keys ?? []),
      ...policies.flatMap(({ files }) => files),
    ]);
  const receipts = receiptSettings(policies, receiptFlags);
  const more = receipts === undefined ? {} : { receipts };
  const content = contentFromFlags(formats, formatsIn);
  // What a pod says of formats is no word on whose bytes a target of the platform holds.
  if (content !== undefined && !isBound) for (const { requirements } of drafts) requirements.push(content);
  const artifacts = drafts.map((one) => onStorage(requireRequirement(one), one, storage));
  if (content !== undefined && isBound) for (const { requirements } of drafts) requirements.push(content);
  if (receipts !== undefined) requireOwnKey(receipts, artifacts);
  return { ...settings, artifacts, pins, ...more };
}
