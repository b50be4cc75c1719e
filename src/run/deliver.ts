import { destinationState } from '../stage/index.ts';
import { Copied } from './copied.ts';
import type { Delivery, RunContext, Subject } from './delivery.ts';
import { FetchedDelivery } from './fetched.ts';
import { InPlace } from './in-place.ts';
import { remoteSource, requireFetchable } from './remote-sources.ts';

/**
 * The way that an artifact goes: what lies at its destination already is verified there, and
 * nothing is fetched.
 *
 * @param replaces - what lies at the destination is to be replaced
 * @throws WeighlockError for what can go no way at all
 */
export function deliver(subject: Subject, run: RunContext, replaces: boolean): Delivery {
  const { source, destination } = subject.artifact;
  const remote = remoteSource(subject, run);
  if (destination !== undefined && !replaces && destinationState(destination) === 'present')
    return new InPlace(subject, run, destination, remote);
  if (source.kind === 'volume') {
    const { path } = source;
    return destination === undefined ? new InPlace(subject, run, path) : new Copied(subject, run, path, destination);
  }
  const fetchable = requireFetchable(source, remote, destination);
  return new FetchedDelivery(subject, run, fetchable.source, fetchable.destination);
}
