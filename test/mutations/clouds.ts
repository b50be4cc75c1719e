// gs:// and Azure: which version comes, who gets the credentials.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const WHOLE = ['test/integration/buckets.test.ts', 'test/integration/cloud-credentials.test.ts'];
const of = (file: string, id: string, from: string, to: string, name: string): Mutation => ({
  id: `18-${id}`,
  file: `src/store/${file}.ts`,
  from,
  to,
  tests: WHOLE,
  name,
});

const ofUnit = (...words: Parameters<typeof of>): Mutation => ({
  ...of(...words),
  tests: ['test/unit/clouds.test.ts'],
});

export default [
  of('gcs', 'gcs-as-stored', "'accept-encoding': 'gzip'", "'accept-encoding': 'identity'", 'stored as gzip'),
  of(
    'gcs',
    'gcs-generation',
    "headerOf(answer.headers, 'x-goog-generation') !== generation",
    'false',
    'another version',
  ),
  of(
    'gcs',
    'gcs-generation-asked',
    "alt: 'media', generation, ifGenerationMatch: generation",
    "alt: 'media'",
    'by several ranges',
  ),
  of('gcs-credentials', 'gcs-programs', "if ('executable' in source) throw", 'if (false) throw', 'configuration error'),
  of('gcs-credentials', 'gcs-kinds', "|| !KINDS.has(fields['type'])) throw", ') throw', 'configuration error'),
  of('azure', 'azure-version', 'answer.status !== 412 && !isOther', 'answer.status !== 412', 'another version'),
  of(
    'azure',
    'azure-version-asked',
    "...others, ...(etag === undefined ? {} : { 'if-match': etag })",
    '...others',
    'by several ranges',
  ),
  of(
    'azure-settings',
    'azure-signature-to-its-host',
    'if (sas !== undefined && base.href !== `https://${host}/`)',
    'if (false)',
    'goes to its host',
  ),
  of('same-origin', 'credential-stays', 'if (to.origin !== first.origin)', 'if (false)', 'does not get'),
  ofUnit('azure-settings', 'azure-key-of-its-account', 'if (name !== account) return {};', '', 'no other'),
  of(
    'location',
    'azure-signature-unseen',
    'text: azureLocationText(parseAzureLocation(url)) }',
    'text: url }',
    'goes to its host',
  ),
] satisfies Mutation[];
