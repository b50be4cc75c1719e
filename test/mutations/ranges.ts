// Several ranges of one blob at a time: order, bounds, versions, who gets a credential, how many
// connections.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const of =
  (file: string, test = 'ranges') =>
  (id: string, from: string, to: string, hangs = false): Mutation => ({
    id: `16-ranges-${id}`,
    file: `src/${file}`,
    from,
    to,
    tests: [`test/unit/${test}.test.ts`],
    ...(hangs ? { hangs } : {}),
  });
const ranges = of('transfer/ranges.ts');
const requests = of('transfer/ranges-requests.ts');
const answer = of('transfer/ranges-answer.ts');
const window = of('transfer/ranges-window.ts');
const connections = of('transfer/ranges-connections.ts');
const address = of('transfer/ranges-address.ts');
const pieces = of('transfer/ranges-pieces.ts', 'ranges-pieces');
const range = of('registry/range.ts');
const rest = of('transfer/download.ts');

export default [
  rest('rest-total', 'const total = answer.status === 206', 'const total = answer.status === 999'),
  rest('rest-encoding', "encodingOf(answer) === encoding ? undefined : 'encodes the rest otherwise'", 'undefined'),
  requests('fault', 'if (fault !== undefined) throw this.unfit(url, fault);', ''),
  ranges('longer-body', 'if (chunk.length > range.end - range.first - range.got)', 'if (false)', true),
  answer('encoding', "encodingOf(answer) === undefined ? undefined : 'encodes a range'", 'undefined'),
  ranges('short', 'if (left > 0)', 'if (false)', true),
  answer('total-version', 'return isOther ||', 'return'),
  answer('validator', ' || versionOf(answer) !== version', ''),
  requests('weak', "version?.startsWith('\"') !== true", 'false'),
  requests('if-range', "isStrong ? { 'if-range': this.version ?? '' } : undefined", 'undefined'),
  requests('pinned', '!isAddressed && !isPinned', 'false'),
  ranges('unsure', 'if (!outcome.isSure) return download({ ...task, offset }, patience);', '', true),
  ranges('versions', 'if (version === MAX_VERSIONS)', 'if (false)', true),
  ranges('restart', '    await task.restart();\n', ''),
  requests('room', 'if (room !== undefined && total > room.bytes)', 'if (false)'),
  requests('alone', 'this.#connections.inUse < 2', 'true'),
  requests('fewer', 'if (isRetryableStatus(answer.status)) this.#connections.fewer(seen);', ''),
  requests('unfit', 'if (this.#unfit >= MAX_UNFIT)', 'if (false)'),
  window('order', 'this.#open.push(range);', 'this.#open.unshift(range);', true),
  window('lent', 'await this.#sink(next', 'this.#sink(next'),
  connections('limit', 'if (used >= this.limit || this.#mine >= this.#share) return false;', ''),
  address('hops', 'this.#hops = answer.hops;', 'this.#hops = answer.hops.slice(-1);'),
  address('again', 'if (!ENDED.has(answer.status)) return answer;', 'return answer;'),
  address('one', 'this.#asking = promise;', ''),
  pieces('places', 'if (Atomics.compareExchange(this.#limits, PLACE_AT + place, 0, 1) !== 0) continue;', ''),
  pieces('place-back', 'if (place !== undefined) Atomics.store(this.#limits, PLACE_AT + place, 0);', ''),
  pieces('kept', '>= (this.#limits[MOST_PIECES] ?? 0)', '> (this.#limits[MOST_PIECES] ?? 0)'),
  range('end', 'if (range.last + 1 !== Math.min(end, range.total))', 'if (false)'),
  range('total', 'if (total !== undefined && range.total !== total)', 'if (false)'),
] satisfies Mutation[];
