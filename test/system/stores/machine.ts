// Runs where test/system/stores/machine.test.ts put it: alone in a network in which the clouds' own
// addresses are this machine. Prints what came of each run as JSON.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../integration/cli.ts';
import { FakeAzure } from '../../store/azure.ts';
import { FakeGcs } from '../../store/gcs.ts';
import { FakeMetadata, GIVEN } from '../../store/metadata.ts';
import { FakeS3 } from '../../store/s3.ts';
import { treeOf } from './cases.ts';

const [folder = ''] = process.argv.slice(2);
const files = { 'config.json': '{}' };
const below = { 'llama/config.json': '{}' };

const [s3, gcs, azure] = [await FakeS3.start(), await FakeGcs.start(), await FakeAzure.start()];
const metadata = await FakeMetadata.start(80, '0.0.0.0');
s3.add('acme.models', below);
gcs.add('acme-models', below);
gcs.tokens = new Set([GIVEN.token]);
azure.add('models', below);
azure.access = { tokens: new Set([GIVEN.token]) };
const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = s3.environment;
metadata.aws = {
  AccessKeyId: AWS_ACCESS_KEY_ID,
  SecretAccessKey: AWS_SECRET_ACCESS_KEY,
  Token: AWS_SESSION_TOKEN,
  Expiration: '2099-01-01T00:00:00Z',
};

/**
 * Hands requests to the clouds' names on to where they are; what Azure has in its host stands in a
 * path there.
 */
const front = createServer(
  { cert: readFileSync(join(folder, 'cert.pem')), key: readFileSync(join(folder, 'key.pem')) },
  (from, answer) => {
    const { method, url = '', headers } = from;
    const host = headers.host ?? '';
    const to = host.includes('windows.net') ? azure : host.includes('googleapis') ? gcs : s3;
    const path = to === azure ? `/acmemodels${url}` : url;
    const [hostname = '', port = ''] = to.host.split(':');
    const on = request({ host: hostname, port, method, path, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 500, given.rawHeaders);
      given.pipe(answer);
    });
    on.on('error', () => answer.destroy());
    from.pipe(on);
  },
);
await new Promise<void>((resolve) => front.listen(443, '127.0.0.1', resolve));

const work = mkdtempSync(join(tmpdir(), 'weighlock-machine-'));
const token = join(work, 'token');
writeFileSync(token, 'jwt-hunter2');
const results: Record<string, object> = {};

async function fetchModel(
  name: string,
  source: string,
  cloud: FakeMetadata['cloud'],
  environment: Record<string, string> = {},
): Promise<void> {
  metadata.cloud = cloud;
  metadata.requests.length = 0;
  const words = ['verify', source, join(work, name.replaceAll(' ', '-')), '--sha256', treeOf(files)];
  // Nobody is there: what went through it would fail.
  const proxies = { http_proxy: 'http://127.0.0.1:1', no_proxy: '127.0.0.1' };
  const { status, stdout, stderr } = await run([...words, '--registry-cacert', join(folder, 'ca.pem')], {
    environment: { ...proxies, ...environment },
  });
  results[name] = { status, output: stdout + stderr, asked: metadata.lines };
}

const region = { AWS_REGION: 'eu-central-1' };
const gone = { ...region, AWS_EC2_METADATA_DISABLED: 'true' };
const agent = { ...region, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token };
await fetchModel('EC2', 's3://acme.models/llama/', 'aws', region);
await fetchModel('EC2 without its metadata', 's3://acme.models/llama/', 'aws', gone);
metadata.authorization = 'jwt-hunter2';
const relative = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/credentials/task' };
await fetchModel('ECS', 's3://acme.models/llama/', 'aws', { ...agent, ...relative });
const full = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/credentials/pod' };
await fetchModel('EKS', 's3://acme.models/llama/', 'aws', { ...agent, ...full });
await fetchModel('GCE', 'gs://acme-models/llama/', 'gce');
await fetchModel('GCE without its metadata', 'gs://acme-models/llama/', 'gce', { NO_GCE_CHECK: 'true' });
const container = 'https://acmemodels.blob.core.windows.net/models/llama/';
await fetchModel('Azure', container, 'azure');
const other = `AccountName=acmemodels;BlobEndpoint=https://storage.googleapis.com/acmemodels`;
await fetchModel('Azure elsewhere', container, 'azure', { AZURE_STORAGE_CONNECTION_STRING: other });
const signature = 'sv=2022-11-02&sr=c&sp=rl&sig=hunter2%2Fhunter2%3D';
azure.access = { sas: signature };
await fetchModel('Azure by a signature', `${container}?${signature}`, 'azure');
azure.access = 'public';
await fetchModel('Azure in public', container, 'azure');

process.stdout.write(JSON.stringify(results));
for (const one of [s3, gcs, azure, metadata, front]) one.close();
front.closeAllConnections();
rmSync(work, { recursive: true });
