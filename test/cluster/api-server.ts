// Requests to the API server, as one of the users of the test's cluster.
import { Agent, request } from 'undici';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes, as a cluster has them
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly message: string;
  readonly warnings: string;
}

/** Members of system:masters, weighlock-admins, and of a team without any rights over policies. */
export const TOKENS = {
  admin: 'token-of-admin',
  bob: 'token-of-bob',
  alice: 'token-of-alice',
  kubelet: 'token-of-kubelet',
} as const;
export type User = keyof typeof TOKENS;

export class ApiServer {
  readonly url: string;
  readonly #agent: Agent;

  constructor(url: string, authority: string) {
    this.url = url;
    this.#agent = new Agent({ connect: { ca: authority } });
  }

  /** @param patch - of which kind a PATCH is: `merge-patch+json`, `apply-patch+yaml`, ... */
  async ask(user: User, method: string, path: string, body?: Json, patch = 'merge-patch+json'): Promise<Answer> {
    const type = method === 'PATCH' ? `application/${patch}` : 'application/json';
    const response = await request(`${this.url}${path}`, {
      method: method as 'GET',
      headers: { authorization: `Bearer ${TOKENS[user]}`, 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher: this.#agent,
    });
    const text = await response.body.text();
    let json: Json;
    try {
      json = JSON.parse(text);
    } catch {
      json = { message: text };
    }
    const { statusCode: status, headers } = response;
    return { status, body: json, message: json.message ?? '', warnings: String(headers['warning'] ?? '') };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
