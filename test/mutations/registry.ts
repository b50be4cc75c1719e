// Registries and servers: who gets a credential, what is tried again, how much is fetched, what an
// unread place means.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const SCOPE = ['test/unit/credential-scope.test.ts'];
const QUIRKS = ['test/integration/registry-quirks.test.ts'];
const LIMITS = ['test/integration/remote-limits.test.ts'];

const scope = (id: string, from: string, to: string): Mutation => ({
  id: `15.12-${id}`,
  file: 'src/registry/credential-scope.ts',
  from,
  to,
  tests: SCOPE,
});
const quirk = (row: string, id: string, file: string, from: string, to: string): Mutation => ({
  id: `${row}-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: QUIRKS,
  name: row.replace('.', '\\.'),
});
const limit = (row: string, id: string, file: string, from: string, to: string): Mutation => ({
  id: `${row}-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: LIMITS,
  name: row.replace('.', '\\.'),
});

const slow = (id: string, file: string, from: string, to: string, hangs = false): Mutation => ({
  id: `15.28-${id}`,
  file: `src/registry/${file}`,
  from,
  to,
  tests: ['test/integration/slow-documents.test.ts'],
  ...(hangs ? { hangs } : {}),
});

const given = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.12-given-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: ['test/unit/given-credential.test.ts'],
});

const helper = (id: string, from: string, to: string): Mutation => ({
  id: `15.5-helper-${id}`,
  file: 'src/registry/credential-helper.ts',
  from,
  to,
  tests: ['test/unit/credential-helper.test.ts'],
});

const address = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.12-address-${id}`,
  file: `src/registry/${file}`,
  from,
  to,
  tests: ['test/unit/destination.test.ts'],
});

const hostile = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15.27-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: ['test/unit/hostile-text.test.ts'],
  // Without the table, which would wait for its time-out.
  name: '15\\.27: (a reference|a certificate|what is)',
});

const proxy = (id: string, from: string, to: string): Mutation => ({
  id: `15.21-proxy-${id}`,
  file: 'src/registry/proxy.ts',
  from,
  to,
  tests: ['test/unit/registry.test.ts'],
  name: '15\\.21',
});

const secret = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `15-secret-${id}`,
  file: `src/${file}`,
  from,
  to,
  tests: ['test/unit/without-secrets.test.ts'],
});

const twoReaders = (id: string, from: string): Mutation => ({
  id: `15.2-manifest-${id}`,
  file: 'src/registry/manifest.ts',
  from,
  to: '',
  tests: ['test/unit/registry.test.ts'],
  name: '15\\.2:',
});

export default [
  twoReaders('twice', 'if (fault !== undefined) throw unsafe(`it ${fault}`);'),
  twoReaders('letters', "requireExactNames(json, 'the manifest');"),
  twoReaders('letters-below', 'requireExactNames(value, where);'),
  twoReaders('utf-8', "if (!isUtf8(bytes)) throw unsafe('it is not UTF-8');"),
  secret('reference', 'registry/reference.ts', 'found: shownReference(text)', 'found: text'),
  secret('layout', 'image-layout/reference.ts', 'found: shownReference(text)', 'found: text'),
  secret('mirror', 'plan/registry-settings.ts', 'cannot be "${shownReference(text)}"', 'cannot be "${text}"'),
  secret('cut-short', 'without-secrets.ts', "isCutShort ? url.lastIndexOf('@') : ", ''),
  secret('before-digest', 'without-secrets.ts', "text.slice(0, end).lastIndexOf('@')", "text.lastIndexOf('@')"),
  proxy('cut-short', ' && !isCutShort(proxy)', ''),
  proxy('percent', 'encodeURIComponent(decodedUser(proxy.password))', 'proxy.password'),
  {
    id: '15.27-link-length',
    file: 'src/registry/link.ts',
    from: 'if (header.length > MAX_LINK)',
    to: 'if (false)',
    tests: ['test/integration/referrers.test.ts'],
    name: '15\\.27',
  },
  hostile('cut-end', 'without-end.ts', 'return text.slice(0, end);', "return text.replace(new RegExp('/+$'), '');"),
  hostile('names', 'evidence/certificate.ts', ' || names.length === MAX_NAMES', ''),
  hostile('reference-length', 'registry/reference.ts', 'if (text.length > MAX_TEXT)', 'if (false)'),
  helper('path', 'if (!isExecutable) return', 'if (true) return'),
  helper('environment', '.filter(([variable]) => VARIABLES.test(variable))', ''),
  helper('home', ", HOME: '/nonexistent'", ''),
  {
    id: '15.5-foreign-descriptor',
    file: 'src/foreign-settings.ts',
    from: "'NODE_CHANNEL_FD', ",
    to: '',
    tests: ['test/unit/sea-config.test.ts'],
  },
  {
    id: '15.5-foreign-tunables',
    file: 'src/foreign-settings.ts',
    from: "'GLIBC_TUNABLES', ",
    to: '',
    tests: ['test/unit/sea-config.test.ts'],
  },
  given('written', 'plan/given-credential.ts', 'if (written.includes(registry)) return registry;', 'return registry;'),
  given('one', 'plan/given-credential.ts', ' || more.length > 0', ''),
  given('server-of-others', 'plan/given-credential.ts', 'if (!isServerOfOthers) return server;', 'return server;'),
  given('server-pattern', 'plan/given-credential.ts', '([a-zA-Z0-9._-]+|', '([a-zA-Z0-9.*_-]+|'),
  given('substituted', 'commands/remote-settings.ts', '(registry) => !held.some(', '(registry) => true || !held.some('),
  slow(
    'head-deadline',
    'body.ts',
    'const headIsThere = deadline.onEnd(giveUp);',
    'const headIsThere = () => {};',
    true,
  ),
  slow('body-deadline', 'body.ts', 'deadline?.onEnd((error) => this.fail(error))', 'undefined', true),
  slow('informational', 'body.ts', 'if (informational > MAX_INFORMATIONAL)', 'if (false)', true),
  slow(
    'error-deadline',
    'transport.ts',
    'asStored ? new Deadline(this.documentTimeout) : deadline',
    'new Deadline(0)',
    true,
  ),
  slow('together', 'deadline.ts', 'if (this.#spent <= this.#most) return;', 'return;'),
  slow('small-blob', 'hosts.ts', 'return documentTimeout === 0 ? 0 :', 'return true ? 0 :', true),
  slow('two-tries', 'deadline.ts', '{ tries: 2 }', '{}'),

  scope('all-hops', 'hops.every((hop)', 'hops.slice(-1).every((hop)'),
  scope('no-hops', 'hops.length > 0 && ', ''),
  scope(
    'scheme',
    "`${protocol}//${hostname.replace(/\\.$/, '')}:${port}`",
    "`${hostname.replace(/\\.$/, '')}:${port}`",
  ),
  scope('port', ':${port}`', '`'),
  scope('realm-scheme', "if (realm.protocol !== 'https:' && ", 'if (false && '),
  scope('realm-plain', " && registry.url.protocol === 'http:'", ''),
  scope('realm-named', '(isSame || allowsPlainHttp(realm.host))', 'true'),
  scope('realm-address', 'return fault === undefined ? undefined :', 'return true ? undefined :'),
  address('link-local', 'address.ts', "'169.254.0.0/16', ", ''),
  address('nat64', 'address.ts', "  ['64:ff9b::/96', 12],\n", ''),
  address('6to4', 'address.ts', "  ['2002::/16', 2],\n", ''),
  address('compatible', 'address.ts', "  ['::/96', 12],\n", ''),
  address('teredo', 'address.ts', "TEREDO.check(address, 'ipv6')", 'false'),
  address('special', 'destination.ts', "reach === 'special' ||", ''),
  address('loopback', 'destination.ts', "(reach === 'loopback' && from !== 'loopback')", 'false'),
  address('private', 'destination.ts', "from === 'public' && !isMeant", 'false'),
  address('https-only', 'destination.ts', " && target.url.protocol === 'https:'", ''),
  address('localhost', 'destination.ts', "host === 'localhost' || ", ''),
  address('at-connection', 'connections.ts', 'this.#direct : this.#agentFor(url, from)', 'this.#direct : this.#direct'),
  address('by-sender', 'connections.ts', '${protocol} ${reach} ${hostOf(from.url)}', 'all'),
  address(
    'written',
    'transport.ts',
    'if (fault !== undefined) throw unavailable(sender',
    'if (false) throw unavailable(sender',
  ),
  address('named-by', 'transport.ts', 'ask.namedBy !== undefined || ', ''),
  quirk('15.12', 'challenge', 'registry/auth.ts', 'if (!mayReceive(this.#registry, refusal.hops)) return false;', ''),
  quirk('15.12', 'secret-headers', 'registry/transport.ts', 'mayReceive(first, hops), from', 'true, from'),
  quirk('15.12', 'refresh-token', 'registry/auth.ts', 'if (!mayReceive(realm, [hop]))', 'if (false)'),
  {
    id: '15.12-next-page',
    file: 'src/registry/referrers.ts',
    from: 'mayReceive(host.base, [...answer.hops, url]) && ',
    to: '',
    tests: ['test/integration/referrers.test.ts'],
  },
  quirk(
    '15.12',
    'given-elsewhere',
    'registry/keychain.ts',
    'const first = matchAuths(own, registry, repository);',
    'const first = own.auths.map(({ credential }) => credential);',
  ),
  quirk('15.19', 'beginnings', 'transfer/download.ts', 'if (state.beginnings === MAX_BEGINNINGS)', 'if (false)'),
  quirk('15.19', 'closed-form', 'transfer/download.ts', '[`bytes=${offset}-${size - 1}`]', '[]'),
  quirk('15.19', 'open-form', 'transfer/download.ts', ', `bytes=${offset}-`];', '];'),
  quirk('15.19', 'content-range', 'registry/range.ts', 'if (range.first !== offset)', 'if (false)'),
  quirk('15.19', 'changed', 'transfer/download.ts', 'now !== undefined && now !== version', 'false'),
  quirk(
    '15.12',
    'downgrade',
    'registry/transport.ts',
    "if (from.protocol === 'https:' && url.protocol === 'http:')",
    'if (false)',
  ),
  {
    ...quirk('15.21', 'proxy-answer', 'registry/connections.ts', '{ ...options, ...this.#limits }', '{ ...options }'),
    hangs: true,
  },
  quirk(
    '15.20',
    'place',
    'pull/signatures.ts',
    'if (!OF_A_PLACE.has(EXIT_CODE_OF[error.code])) throw error;',
    'throw error;',
  ),
  quirk(
    '15.20',
    'faults-kept',
    'pull/signatures.ts',
    'for (const fault of faults) found.unread.push(',
    'for (const fault of []) found.unread.push(',
  ),
  quirk('15.20', 'tampered-is-65', 'run/unread-places.ts', 'if (isTampered) return', 'if (false) return'),
  quirk('15.20', 'unread-is-75', 'run/unread-places.ts', 'if (first === undefined) return tooFew;', 'return tooFew;'),
  quirk('15.20', 'missing-is-65', 'pull/signatures.ts', "MAX_SIGNATURE_BYTES, 'FILE_MISSING')", 'MAX_SIGNATURE_BYTES)'),
  quirk('15.20', 'unanswered-limit', 'pull/signatures.ts', 'if (unanswered.length >= MAX_UNANSWERED) return;', ''),
  quirk('15.20', 'null-list', 'registry/manifest.ts', "json['manifests'] ?? []", "json['manifests']"),
  quirk(
    '15.20',
    'second-page',
    'registry/referrers.ts',
    'if (found.length === 0 || signal.aborted',
    'if (true || signal.aborted',
  ),
  quirk(
    '15.21',
    'small-broke-off',
    'registry/transport.ts',
    'throw new Retryable(unavailable(url, `broke off:',
    'throw (unavailable(url, `broke off:',
  ),
  quirk(
    '15.21',
    'reset',
    'registry/faults.ts',
    "fault === 'UND_ERR_CONNECT_TIMEOUT') return new Retryable(failure);",
    "fault === 'UND_ERR_CONNECT_TIMEOUT') return failure;",
  ),
  quirk('15.21', 'blob-404', 'registry/refusal.ts', 'return isExpected && status === 404 ?', 'return false ?'),
  quirk('15.21', 'waits', 'registry/hosts.ts', 'this.#waitsLeft -= 1;', 'this.#waitsLeft -= 0;'),
  quirk('15.21', 'rate-limit', 'registry/retry.ts', 'if (after > LONGEST_RETRY_AFTER)', 'if (false)'),
  quirk('15.21', 'empty-token', 'registry/auth.ts', "typeof one === 'string' && one !== ''", "typeof one === 'string'"),
  quirk(
    '15.21',
    'stored-only',
    'registry/transport.ts',
    'if (asStored || encodingOf(answer) === undefined)',
    'if (true)',
  ),
  quirk(
    '15.22',
    'lazy',
    'registry/keychain.ts',
    'for (const file of this.#sources.named) readConfig(file);',
    'for (const file of [...this.#sources.named, ...this.#sources.usual]) readConfig(file);',
  ),
  quirk('15.22', 'named', 'registry/keychain.ts', 'for (const file of this.#sources.named) readConfig(file);', ''),
  quirk('15.22', 'malformed', 'registry/keychain.ts', "if (code !== 'EACCES' && code !== 'EPERM') throw error;", ''),
  limit(
    '15.28',
    'body',
    'transfer/download.ts',
    'if (task.room !== undefined && whole > task.room.bytes) throw tooMuch(url, task.room, undefined);',
    '',
  ),
  // What was announced and never comes is waited for.
  {
    ...limit(
      '15.28',
      'announced',
      'transfer/download.ts',
      'if (task.room !== undefined && whole > task.room.bytes) throw tooMuch(answer.url, task.room, whole);',
      '',
    ),
    hangs: true,
  },
  {
    ...limit('15.28', 'room', 'run/room.ts', 'Math.max(0, Math.floor(free - reserveOf(free)))', 'Infinity'),
    name: 'has the room that the volume has',
  },
  limit('15.28', 'archive', 'pull/archive-stream.ts', 'this.#allowance.spend(chunk.length);', ''),
  limit(
    '15.28',
    'archive-names-shared',
    'pull/budget.ts',
    'Atomics.sub(this.#budget, at, BigInt(bytes))',
    'BigInt(1e9)',
  ),
  {
    ...limit('15.28', 'archive-names', 'pull/archive-stream.ts', 'this.#allowance.spendName(entry.name.length);', ''),
    tests: ['test/unit/archive-names.test.ts'],
  },
  limit(
    '15.28',
    'declared',
    'run/room.ts',
    'if (most === undefined || bytes <= most) return;',
    'if (most === undefined || bytes >= 0) return;',
  ),
  limit(
    '15.25',
    'one-registry',
    'plan/given-credential.ts',
    'if (registry === undefined || more.length > 0)',
    'if (registry === undefined)',
  ),
  limit('15.25', 'pointer', 'run/lfs-pointer.ts', 'if (oid !== undefined) pointers.set', 'if (false) pointers.set'),
] satisfies Mutation[];
