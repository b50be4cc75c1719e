import { unavailable } from '../registry/index.ts';

/**
 * For requests that have a credential in their body, or beside it: a redirect would take it along.
 *
 * @returns refuses every other origin, as `check` of a request
 */
export function onlyOriginOf(first: URL): (to: URL) => void {
  return (to) => {
    if (to.origin !== first.origin) throw unavailable(first, 'sends us elsewhere with a credential');
  };
}
