// Azure against Azurite, Microsoft's own emulator, which holds requests against signatures of both
// kinds and looks into tokens; filled by Azure's own client.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { passed, run } from '../../integration/cli.ts';
import { certificate } from '../registry.ts';
import { describeServer, type RealServer, treeOf } from './cases.ts';
import { Filler } from './filler.ts';
import { freePort, startServer } from './server.ts';

const AZURITE = process.env['AZURITE'] ?? fileURLToPath(new URL('../../../build/azurite', import.meta.url));
const PROGRAM = join(AZURITE, 'node_modules/azurite/dist/src/blob/main.js');
const skip = existsSync(PROGRAM) ? false : 'there is no build/azurite (azurite from npm): see .ci/run';
const ACCOUNT = 'acmemodels';
const KEY = randomBytes(48).toString('base64');

interface Azurite {
  readonly port: number;
  readonly filler: Filler;
  stop(): void;
}

/** @param tls - folder with a certificate: it takes tokens then, too */
async function startAzurite(tls?: string): Promise<Azurite> {
  const port = await freePort();
  const scheme = tls === undefined ? 'http' : 'https';
  const more =
    tls === undefined ? [] : ['--oauth', 'basic', '--cert', join(tls, 'cert.pem'), '--key', join(tls, 'key.pem')];
  const flags = ['--silent', '--inMemoryPersistence', '--disableTelemetry', '--skipApiVersionCheck'];
  const origin = `${scheme}://127.0.0.1:${port}`;
  const command = [process.execPath, PROGRAM, '--blobPort', `${port}`, ...flags, ...more];
  const server = await startServer(command, port, { AZURITE_ACCOUNTS: `${ACCOUNT}:${KEY}` });
  const fill = join(import.meta.dirname, 'fill-azure.cjs');
  const words = [process.execPath, fill, `${origin}/${ACCOUNT}`, ACCOUNT, KEY, 'models'];
  const filler = await Filler.start(
    words,
    AZURITE,
    tls === undefined ? {} : { NODE_EXTRA_CA_CERTS: join(tls, 'ca.pem') },
  );
  return {
    port,
    filler,
    stop() {
      filler.stop();
      server.kill();
    },
  };
}

const connection = (host: string, ...more: string[]) => ({
  AZURE_STORAGE_CONNECTION_STRING: [`AccountName=${ACCOUNT}`, `BlobEndpoint=http://${host}/${ACCOUNT}`, ...more].join(
    ';',
  ),
});

const AZURE: Pick<RealServer, 'skip' | 'url' | 'ofVersion' | 'reported'> = {
  skip,
  url: (bucket, key) =>
    `https://${ACCOUNT}.blob.core.windows.net/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`,
  ofVersion: ({ headers }) => headers['if-match'] !== undefined && headers.range !== undefined,
  // Azurite keeps no versions of a blob.
  reported: { etag: /^"0x[0-9A-F]{10,}"$/ },
};

describeServer({
  ...AZURE,
  name: 'Azurite, by the key of the account',
  says: { wrong: /AuthorizationFailure/, noBucket: /ContainerNotFound/ },
  async start() {
    const { port, filler, stop } = await startAzurite();
    return {
      port,
      put: (files) => filler.put('models', files),
      environment: (host) => connection(host, `AccountKey=${KEY}`),
      wrong: (host) => connection(host, `AccountKey=${randomBytes(48).toString('base64')}`),
      stop,
    };
  },
});

describeServer({
  ...AZURE,
  name: 'Azurite, by a shared access signature',
  says: { wrong: /AuthorizationFailure|AuthenticationFailed/, noBucket: /AuthorizationFailure|ContainerNotFound/ },
  async start() {
    const { port, filler, stop } = await startAzurite();
    const sas = (text: string) => (host: string) => connection(host, `SharedAccessSignature=${text}`);
    return {
      port,
      put: (files) => filler.put('models', files),
      environment: sas(filler.greeting),
      wrong: sas(filler.greeting.replace(/sig=[^&]*/, `sig=${encodeURIComponent(randomBytes(32).toString('base64'))}`)),
      stop,
    };
  },
});

describe('Azurite, by the identity of the pod', { skip }, () => {
  const work = mkdtempSync(join(tmpdir(), 'weighlock-azurite-'));
  const FILES = { 'config.json': '{}' };
  const tokens: string[] = [];
  const exchanged: { url: string; form: URLSearchParams }[] = [];
  /** Microsoft Entra ID, as far as it is asked here: what was exchanged, and what for. */
  const entra = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      exchanged.push({ url: request.url ?? '', form: new URLSearchParams(body) });
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ token_type: 'Bearer', expires_in: 3600, access_token: tokens.shift() ?? 'none' }));
    });
  });
  let azurite: Azurite;

  before(async () => {
    certificate(work, '127.0.0.1');
    await new Promise<void>((resolve) => entra.listen(0, '127.0.0.1', resolve));
    azurite = await startAzurite(work);
    await azurite.filler.put('models', { 'llama/config.json': '{}' });
  });
  after(() => {
    entra.closeAllConnections();
    entra.close();
    azurite?.stop();
    rmSync(work, { recursive: true, force: true });
  });

  /** A token as Azurite wants it: it looks at all of it but the signature. */
  const token = (claims: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const body = {
      iss: 'https://sts.windows.net/t/',
      aud: 'https://storage.azure.com',
      iat: now,
      nbf: now - 9,
      exp: now + 3600,
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return [part({ alg: 'RS256', typ: 'JWT' }), part({ ...body, ...claims }), 'signature'].join('.');
  };

  const fetchModel = (path: string, ...given: string[]) => {
    tokens.push(...given);
    writeFileSync(join(work, 'federated'), 'jwt-of-the-pod');
    const host = `127.0.0.1:${(entra.address() as AddressInfo).port}`;
    const source = AZURE.url('models', 'llama/');
    const trusting = ['--registry-cacert', join(work, 'ca.pem'), '--plain-http', host];
    return run(['verify', source, path, '--sha256', treeOf(FILES), ...trusting], {
      environment: {
        AZURE_STORAGE_CONNECTION_STRING: `AccountName=${ACCOUNT};BlobEndpoint=https://127.0.0.1:${azurite.port}/${ACCOUNT}`,
        AZURE_TENANT_ID: 'tenant',
        AZURE_CLIENT_ID: 'client',
        AZURE_FEDERATED_TOKEN_FILE: join(work, 'federated'),
        AZURE_AUTHORITY_HOST: `http://${host}`,
      },
    });
  };

  it('18: a token for the storage, by the token of the pod (workload identity)', async () => {
    const path = join(work, 'model');
    passed(await fetchModel(path, token(), token()));
    assert.equal(readFileSync(join(path, 'config.json'), 'utf8'), '{}');
    const [{ url, form } = { url: '', form: new URLSearchParams() }] = exchanged;
    assert.equal(url, '/tenant/oauth2/v2.0/token');
    assert.deepEqual(
      ['client_assertion', 'scope'].map((name) => form.get(name)),
      ['jwt-of-the-pod', 'https://storage.azure.com/.default'],
    );
  });

  it('18: a token for something else is refused, and shown nowhere', async () => {
    const other = token({ aud: 'https://graph.microsoft.com' });
    tokens.length = 0;
    const result = await fetchModel(join(work, 'refused'), ...Array.from({ length: 6 }, () => other));
    assert.equal(result.status, 75, result.stdout);
    assert.match(result.stdout, /AuthenticationFailed|InvalidAuthenticationInfo/);
    assert.ok(!(result.stdout + result.stderr).includes(other));
  });
});
