import type { WeighlockError } from '../error/index.ts';
import {
  type Answer,
  contentRangeFault,
  type Download,
  encodingOf,
  parseContentRange,
  unavailable,
  versionOf,
} from '../registry/index.ts';

/**
 * Why a 206 is not the part that was asked for; undefined when it is.
 *
 * @param size - bytes of the whole, if they are known
 * @param end - first byte that was not asked for
 */
export function rangeFault(answer: Answer, from: number, size: number | undefined, end: number): string | undefined {
  const fault = contentRangeFault(answer.headers['content-range'], from, size, end);
  return fault ?? (encodingOf(answer) === undefined ? undefined : 'encodes a range');
}

/**
 * Whether an answer is of another version than those before. What has a digest is the same wherever
 * it comes from; elsewhere every part must say that it is of the same one.
 */
export function hasChanged(
  answer: Answer,
  size: number | undefined,
  version: string | undefined,
  { isAddressed }: Pick<Download, 'isAddressed'>,
): boolean {
  if (isAddressed === true) return false;
  const total = answer.status === 206 ? parseContentRange(answer.headers['content-range'])?.total : undefined;
  const isOther = total !== undefined && total !== size;
  return isOther || versionOf(answer) !== version;
}

export function changesAlways(url: URL): WeighlockError {
  return unavailable(url, 'changed again while it was fetched: its parts are of different versions');
}
