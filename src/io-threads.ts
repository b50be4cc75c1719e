// libuv's threads wait for reads of storage, for names of hosts and for writes. It has four of them
// unless this variable says more before the first is used; so this module is imported before
// everything else. A thread costs 16 KiB and 40 microseconds, once.

/**
 * Most reads of volumes in flight, unless `--io-depth` says more; and threads that are kept for
 * everything else.
 */
const READS = 56;
const OTHERS = 8;

/** libuv has no more threads than so many (`MAX_THREADPOOL_SIZE`). */
const MOST_THREADS = 1024;

/** Before the command line is read: a word that is no number is refused there. */
function readsWanted(words: readonly string[]): number {
  const at = words.findIndex((word) => word === '--io-depth' || word.startsWith('--io-depth='));
  const word =
    at < 0 ? process.env['WEIGHLOCK_IO_DEPTH'] : words[at] === '--io-depth' ? words[at + 1] : words[at]?.slice(11);
  const asked = Number(word);
  return asked > READS ? asked : READS;
}

process.env['UV_THREADPOOL_SIZE'] = `${Math.min(MOST_THREADS, readsWanted(process.argv.slice(2)) + OTHERS)}`;
