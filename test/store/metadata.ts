// What answers at a cloud's link-local address: the metadata of EC2 (version 2 alone), Compute
// Engine and Azure, and the agents of ECS and EKS. It may lie.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Handler } from './hub.ts';

/** What it gives; all of it is secret. */
export const GIVEN = {
  aws: {
    AccessKeyId: 'AKIDMACHINE',
    SecretAccessKey: 'hunter2-secret',
    Token: 'hunter2-session',
    Expiration: '2099-01-01T00:00:00Z',
  },
  token: 'hunter2.token',
  session: 'hunter2-imds-session==',
};

const ROLE = 'weighlock-nodes';
const ROLES = '/latest/meta-data/iam/security-credentials/';

export class FakeMetadata {
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  handler: Handler = (_request, _response, next) => next();
  /** Whose machine it is. */
  cloud: 'aws' | 'gce' | 'azure' = 'aws';
  aws: Record<string, unknown> = GIVEN.aws;
  /** What the agents of ECS and EKS want to see. */
  authorization: string | undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port = 0, host = '127.0.0.1'): Promise<FakeMetadata> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    const fake = new FakeMetadata(server);
    server.on('request', (request, response) => {
      fake.requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
      response.on('error', () => {});
      fake.handler(request, response, () => fake.#honest(request, response));
    });
    return fake;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  #honest({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const path = url.replace(/\?.*$/, '');
    const answer = (status: number, body: unknown = '', more: Record<string, string> = {}) => {
      response.writeHead(status, more).end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (path.startsWith('/credentials/')) {
      if (this.authorization !== headers.authorization) answer(401);
      else answer(200, this.aws);
    } else if (this.cloud === 'gce') {
      const flavor = { 'metadata-flavor': 'Google' };
      if (headers['metadata-flavor'] !== 'Google') answer(403, '', flavor);
      else answer(200, { access_token: GIVEN.token, expires_in: 3599, token_type: 'Bearer' }, flavor);
    } else if (this.cloud === 'azure') {
      if (headers['metadata'] !== 'true') answer(400, { error: 'invalid_request' });
      else if (path !== '/metadata/identity/oauth2/token') answer(404);
      else answer(200, { access_token: GIVEN.token, expires_in: '86399', token_type: 'Bearer' });
    } else if (method === 'PUT' && path === '/latest/api/token') {
      answer(headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined ? 400 : 200, GIVEN.session);
    } else if (headers['x-aws-ec2-metadata-token'] !== GIVEN.session) answer(401);
    else if (path === ROLES) answer(200, `${ROLE}\n`);
    else if (path === ROLES + ROLE) answer(200, { Code: 'Success', ...this.aws });
    else answer(404);
  }
}
