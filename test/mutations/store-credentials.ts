// Credentials of machines and pods: what may be asked for them, how much may come, where they go.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const of = (file: string, id: string, from: string, to: string, name: string): Mutation => ({
  id: `18-credentials-${id}`,
  file: `src/store/${file}.ts`,
  from,
  to,
  tests: ['test/unit/store-metadata.test.ts'],
  name,
});

export default [
  of('metadata', 'size', 'readBody(answer, MAX_BYTES)', 'readBody(answer, MAX_BYTES * 1e6)', 'sends without end'),
  {
    ...of('metadata', 'time', 'documentTimeout: this.#timeout', 'documentTimeout: 0', 'sends a byte at a time'),
    hangs: true,
  },
  of('metadata', 'redirect', 'if (to !== url) throw', 'if (false) throw', 'sends us elsewhere'),
  of('metadata', 'header', '/^[\\x21-\\x7e]{1,32768}$/.test(value)', 'true', 'line break'),
  of('aws-metadata', 'role', '/^[\\w+=,.@-]{1,64}$/.test(role)', 'true', 'a role named'),
  of('aws-metadata', 'near', '&& isNear(url.hostname)', '', 'no provider of a container'),
  of('aws-metadata', 'relative', "relative.startsWith('/')", 'true', 'a relative address'),
  of('aws-metadata', 'user', "url.username === '' &&", '', 'no provider of a container'),
  of(
    'token-file',
    'kind',
    'const bytes = readFileWhole(file, MAX_BYTES)',
    'const bytes = readFileWhole(file, MAX_BYTES * 4)',
    'a token file',
  ),
  of('s3-credentials', 'seldom', 'Math.max(end, Date.now() + EARLY + SELDOM)', 'end', 'not for each request'),
  of('gcs-machine', 'flavor', "headerOf(answer.headers, 'metadata-flavor') !== 'Google' || ", '', 'another cloud'),
  of('azure-token', 'named', 'if (this.#isNamed) return false', 'if (false) return false', 'never replaced'),
  {
    ...of(
      'azure',
      'elsewhere',
      'this.#account.base.href === `https://${this.#location.host}/` && ',
      '',
      'Azure elsewhere',
    ),
    tests: ['test/system/stores/machine.test.ts'],
  },
] satisfies Mutation[];
