// Hubs and buckets: whose names become paths, who gets the token, what is said of content.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const of =
  (file: string, tests: readonly string[]) =>
  (id: string, from: string, to: string, hangs = false): Mutation => ({
    id: `18-${id}`,
    file: `src/${file}`,
    from,
    to,
    tests,
    ...(hangs ? { hangs } : {}),
  });
const LISTING = ['test/unit/hub.test.ts'];
const WHOLE = ['test/integration/hub.test.ts'];
const collect = of('store/collect.ts', LISTING);
const hub = of('store/hub.ts', LISTING);
const hubWhole = of('store/hub.ts', WHOLE);
const S3 = ['test/unit/s3.test.ts'];
const s3 = of('store/s3.ts', S3);
const bucket = of('store/list-bucket.ts', S3);
const listing = of('store/s3-listing.ts', S3);
const xml = of('store/xml.ts', S3);
const place = of('store/s3-settings.ts', S3);
const location = of('store/s3-location.ts', S3);
const pull = of('pull/pull-stored.ts', WHOLE);
const stored = of('run/stored-files.ts', WHOLE);

const clouds = (file: string) => of(file, ['test/unit/clouds.test.ts']);
const credentials = of('store/s3-credentials.ts', ['test/unit/store.test.ts']);

export default [
  listing('folders', 'if (hasFolders) throw', 'if (false) throw'),
  clouds('store/azure-listing.ts')('azure-folders', 'if (hasFolders) throw', 'if (false) throw'),
  clouds('store/gcs-listing.ts')('gcs-folders', 'if (prefixes !== undefined) throw', 'if (false) throw'),
  {
    ...credentials(
      'half-pair',
      'if (accessKeyId !== undefined || secretAccessKey !== undefined) throw',
      'if (false) throw',
    ),
    name: 'one half',
  },
  {
    id: '18-names-ignored',
    file: 'src/archive/entry-path.ts',
    from: ".replace(IGNORED, '')",
    to: '',
    tests: ['test/unit/collisions.test.ts'],
  },
  collect('twice', 'if (this.#keys.has(file.key))', 'if (false)'),
  collect('most', 'if (this.#keys.size > this.#most) throw tooMany(this.#most);', '', true),
  {
    ...collect('listing-memory', 'if (this.#bytes > this.#mostBytes) throw', 'if (this.#bytes < 0) throw'),
    tests: ['test/unit/store.test.ts'],
    name: 'fit into memory',
  },
  {
    ...of('store/given-secret.ts', ['test/unit/store.test.ts'])(
      'given-secret',
      '/^[\\x21-\\x7e]{1,65536}$/.test(text)',
      'true',
    ),
    name: 'configuration error that does not show it',
  },
  collect('unicode', 'name.isWellFormed()', 'true'),
  collect('safe', "if (typeof path !== 'string')", 'if (false)'),
  collect('shortest', 'if (path !== fromText(name))', 'if (false)'),
  collect('collision', 'if (this.#collisions.has(collision))', 'if (false)'),
  collect('folder', 'if (this.#collisions.has(collisionKey(folder)))', 'if (false)'),
  hub('repeated', 'if (seen.has(href))', 'if (false)', true),
  hub('empty', 'if (empty > MAX_EMPTY_PAGES)', 'if (false)', true),
  hub('next', 'next?.origin !== this.#endpoint.origin', 'next === undefined'),
  hub('size', ' || !isSize(bytes)', ''),
  hub('identity', 'if (promised === undefined)', 'if (false)'),
  hubWhole('commit', 'if (commit === undefined || commit === sha) return sha;', 'return sha;'),
  hubWhole(
    'token',
    'headers, secretHeaders, signal, asStored',
    'headers: { ...headers, ...secretHeaders }, signal, asStored',
  ),
  bucket('prefix', '${key}/`', '${key}`'),
  bucket('not-asked', 'if (!key.startsWith(prefix))', 'if (false)'),
  bucket('s3-repeated', 'seen.has(next) ||', ''),
  bucket('s3-empty', 'empty > MAX_EMPTY_PAGES', 'false', true),
  s3('if-match', "{ 'if-match': etag }", '{}'),
  s3('etag', 'found === undefined || strongTag(found, answer.url) !== etag', 'false'),
  listing('strong', "throw unavailable(url, 'lists an object without a whole ETag');", 'return quoted;'),
  listing('listing-twice', 'if (twice !== undefined)', 'if (false)'),
  listing('truncated', "if (truncated !== 'true' && truncated !== 'false')", 'if (false)'),
  xml('depth', 'if (open.length === MAX_DEPTH)', 'if (false)'),
  xml('ends', '!isNamed(parent.path, name)', 'false'),
  place('unverified', 'if (isUnverified)', 'if (false)'),
  place('region', 'if (!REGION.test(region))', 'if (false)'),
  location('key', 'if (fault !== undefined) throw', 'if (false) throw'),
  {
    ...of('pull/pull-stored.ts', ['test/integration/buckets.test.ts'])(
      'replaced-by-larger',
      'if (file.size <= listed.size) return file;',
      'if (file.size > 0) return file;',
    ),
    name: 'by a larger one',
  },
  pull('promised', 'found !== promised.digest', 'false'),
  stored('signature-first', 'if (unsigned !== undefined) throw new WeighlockError(unsigned);', ''),
  stored('names-first', 'if (refused !== undefined) throw new WeighlockError(refused);', ''),
] satisfies Mutation[];
