// Issue 16: SIGTERM while something is fetched, in each phase: the program ends at once, nothing is
// published, and the next run comes to the right end with whatever was left.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeRegistry } from '../registry/fake.ts';
import { titled } from '../registry/push.ts';
import { FakeHub } from '../store/hub.ts';
import { passed, recipe, run, runProcess, workFolder, write } from './cli.ts';

const FILES: Readonly<Record<string, string | Buffer>> = {
  'config.json': '{}',
  'model.bin': Buffer.alloc(40 << 20, 'model'),
};

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** A server, what is fetched from it, and how its answers are held up. */
interface Fetched {
  readonly words: readonly string[];
  readonly environment: Record<string, string>;
  hold(handler: Handler): void;
}

async function hub(): Promise<Fetched> {
  const fake = await FakeHub.start();
  after(() => fake.close());
  fake.add('acme/model', FILES);
  const folder = workFolder();
  write(folder, FILES);
  const hold = (handler: Handler) => {
    fake.handler = handler;
    fake.storageHandler = handler;
  };
  const words = ['hf://acme/model', '--plain-http', fake.host, '--sha256', recipe(folder)];
  return { words, environment: fake.environment, hold };
}

async function registry(): Promise<Fetched> {
  const fake = await FakeRegistry.start();
  const digest = fake.add(Object.entries(FILES).map(([name, bytes]) => titled(name, bytes)));
  const hold = (handler: Handler) => {
    fake.handler = handler;
  };
  const words = [`oci://${fake.host}/models/m@${digest}`, '--plain-http', fake.host];
  return { words, environment: {}, hold };
}

interface Phase {
  readonly name: string;
  readonly start: () => Promise<Fetched>;
  /** Which requests count, and after how many of them nothing more comes. */
  readonly of: RegExp;
  readonly after?: number;
  /** The head and half of the body come. */
  readonly isHalf?: boolean;
}

const PHASES: readonly Phase[] = [
  { name: 'a hub is asked for its revision', start: hub, of: /\/revision\// },
  { name: 'its files are listed', start: hub, of: /\/tree\// },
  { name: 'half of the list is there', start: hub, of: /\/tree\//, isHalf: true },
  { name: 'a small file is asked for', start: hub, of: /config\.json/ },
  { name: 'the first range of a large one is asked for', start: hub, of: /model\.bin/ },
  { name: 'its storage has sent half of the first range', start: hub, of: /^(?!.*resolve)(?!.*api)/, isHalf: true },
  { name: 'half of its third range is there', start: hub, of: /^(?!.*resolve)(?!.*api)/, after: 2, isHalf: true },
  { name: 'a registry is asked for a manifest', start: registry, of: /manifests/ },
  { name: 'half of a blob is there', start: registry, of: /blobs/, after: 1, isHalf: true },
];

/** Holds up what a phase says. */
function holding({ of, after: before = 0, isHalf = false }: Phase, isHeld: () => void): Handler {
  let count = 0;
  return (request, response, next) => {
    if (!of.test(request.url ?? '') || count++ < before) return next();
    if (!isHalf) return isHeld();
    const { end } = response;
    response.end = ((bytes: Buffer | string | undefined) => {
      response.end = end;
      if (bytes !== undefined) response.write(Buffer.from(bytes as string).subarray(0, bytes.length >> 1), isHeld);
      return response;
    }) as typeof response.end;
    next();
  };
}

describe('16: SIGTERM while', () => {
  for (const phase of PHASES) {
    it(phase.name, async () => {
      const { words, environment, hold } = await phase.start();
      const [source = '', ...flags] = words;
      const path = join(workFolder(), 'model');
      const verify = ['verify', source, path, ...flags, '--response-timeout', '0'];
      let child: ChildProcess | undefined;
      let isHeld = false;
      hold(
        holding(phase, () => {
          isHeld = true;
          child?.kill('SIGTERM');
        }),
      );
      const during = (started: ChildProcess) => {
        child = started;
      };
      const result = await runProcess(verify, { environment, during });
      assert.ok(isHeld, result.stdout);
      assert.equal(result.status, 143, result.stdout + result.stderr);
      assert.ok(!existsSync(path));
      hold((_request, _response, next) => next());
      passed(await run(verify, { environment }));
      for (const [name, content] of Object.entries(FILES))
        assert.ok(readFileSync(join(path, name)).equals(Buffer.from(content)), name);
    });
  }
});
