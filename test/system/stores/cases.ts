// What holds of each store, against servers that others wrote: all of these run against each of
// them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Finished, passed, refused, run, write } from '../../integration/cli.ts';
import { type Asked, Relay } from './relay.ts';

type Files = Readonly<Record<string, string | Buffer>>;

/** A server that runs, as the tests reach it. */
export interface Running {
  readonly port: number;
  /** Writes objects into the bucket `models`, replacing what has their names. */
  put(files: Files): Promise<void>;
  /** How the program reaches it, at this `HOST:PORT`. */
  environment(host: string): Record<string, string>;
  /** The same with credentials that are not its; undefined where it asks for none. */
  wrong?(host: string): Record<string, string>;
  stop(): void;
}

export interface RealServer {
  readonly name: string;
  /** Why it is not here. */
  readonly skip: string | false;
  start(): Promise<Running>;
  /** URL of a bucket and a key. */
  url(bucket: string, key: string): string;
  /** What the report has of a file's version. */
  readonly reported: Readonly<Record<string, RegExp>>;
  /** True for a request of a range of an object that names the version. */
  ofVersion(asked: Asked): boolean;
  /** What it is called where credentials are wrong, and where there is no such bucket. */
  readonly says: { readonly wrong?: RegExp; readonly noBucket: RegExp };
}

const FILES: Files = { 'config.json': '{}', 'w/a b+c%25(1).bin': 'b'.repeat(70_000), 'ü.txt': 'u' };

export function treeOf(files: Files): string {
  const sums = Object.entries(files).map(([name, content]) => ({ name: Buffer.from(name), sum: sha256(content) }));
  const lines = sums.sort((a, b) => Buffer.compare(a.name, b.name)).map(({ name, sum }) => `${sum}  ${name}\n`);
  return sha256(lines.join(''));
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

const below = (prefix: string, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([name, content]) => [prefix + name, content]));

export function describeServer(real: RealServer): void {
  const { name, skip, url, says } = real;
  describe(name, { skip }, () => {
    const work = mkdtempSync(join(tmpdir(), 'weighlock-stores-'));
    let running: Running;
    let relay: Relay;
    before(async () => {
      running = await real.start();
      relay = await Relay.start(running.port);
      await running.put({ ...below('llama/', FILES), 'llama-2/x': 'x' });
    });
    afterEach(() => relay.reset());
    after(() => {
      relay?.close();
      running?.stop();
      rmSync(work, { recursive: true, force: true });
    });

    const ask = (words: readonly string[], environment?: Record<string, string>): Promise<Finished> =>
      run([...words, '--plain-http', relay.host], {
        environment: { NO_GCE_CHECK: 'true', ...(environment ?? running.environment(relay.host)) },
      });
    let made = 0;
    const destination = () => join(work, `model-${made++}`);
    const parts = () => relay.asked.filter(({ headers }) => /^bytes=\d+-\d{2,}$/.test(`${headers.range}`));

    it('18: gives a prefix, and not its neighbour, and the report says each version', async () => {
      const path = destination();
      const report = join(work, 'report.json');
      const words = ['verify', url('models', 'llama/'), path, '--sha256', treeOf(FILES), '--report', report];
      passed(await ask(words));
      for (const [file, content] of Object.entries(FILES))
        assert.ok(readFileSync(join(path, file)).equals(Buffer.from(content)), file);
      const files: Record<string, string>[] = JSON.parse(readFileSync(report, 'utf8')).artifacts[0].files;
      assert.equal(files.length, 3);
      for (const file of files)
        for (const [field, form] of Object.entries(real.reported)) assert.match(`${file[field]}`, form, field);
    });

    it('18: gives one object by ranges, each of the version that was listed', async () => {
      const bytes = randomBytes(20 << 20);
      await running.put({ 'one/model.gguf': bytes });
      const path = destination();
      passed(await ask(['verify', url('models', 'one/model.gguf'), path, '--sha256', sha256(bytes)]));
      assert.ok(readFileSync(path).equals(bytes));
      assert.ok(parts().length >= 4, `${parts().length} ranges`);
      for (const part of parts()) assert.ok(real.ofVersion(part), part.url);
    });

    it('18: lists in pages, and digest says what to pin, for a prefix with and without its slash and for an object', async () => {
      const many = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`${i}`.padStart(4, '0'), `${i}`]));
      await running.put(below('many/', many));
      assert.equal((await ask(['digest', url('models', 'many/')])).stdout, `${treeOf(many)}\n`);
      assert.equal((await ask(['digest', url('models', 'llama')])).stdout, `${treeOf(FILES)}\n`);
      assert.equal((await ask(['digest', url('models', 'llama/ü.txt')])).stdout, `${sha256('u')}\n`);
      passed(await ask(['verify', url('models', 'many/'), destination(), '--sha256', treeOf(many)]));
    });

    it('18: refuses wrong credentials, a bucket and an object that are not there', async (t) => {
      const none = await ask(['digest', url('nothing', 'llama/')]);
      assert.equal(none.status, 75, none.stderr);
      assert.match(none.stderr, says.noBucket);
      const missing = await ask(['digest', url('models', 'llama/none')]);
      assert.notEqual(missing.status, 0);
      const other = running.wrong?.(relay.host);
      if (other === undefined || says.wrong === undefined) {
        t.diagnostic('this server asks for no credentials');
        return;
      }
      const path = destination();
      const wrong = await ask(['verify', url('models', 'llama/'), path, '--sha256', treeOf(FILES)], other);
      assert.equal(wrong.status, 75, wrong.stdout);
      assert.match(wrong.stdout, says.wrong);
      assert.equal(existsSync(path), false);
      for (const secret of Object.values(other).flatMap((text) => text.match(/[A-Za-z0-9+/=]{20,}/g) ?? []))
        assert.ok(!wrong.stdout.includes(secret) && !wrong.stderr.includes(secret), secret);
    });

    it('18: an object that is replaced between its ranges is never made of both', async () => {
      const [old, next] = [randomBytes(20 << 20), randomBytes(20 << 20)];
      await running.put({ 'moved/a.bin': old });
      let reads = 0;
      relay.before = async (asked) => {
        if (real.ofVersion(asked) && ++reads === 3) await running.put({ 'moved/a.bin': next });
      };
      const path = destination();
      passed(await ask(['verify', url('models', 'moved/'), path, '--sha256', treeOf({ 'a.bin': next })]));
      assert.ok(readFileSync(join(path, 'a.bin')).equals(next));
    });

    it('18: a prefix with model.sig is verified by it, and refused with a file that it does not sign', async () => {
      const folder = join(work, 'signed');
      const key = join(work, 'signer');
      const files = { 'config.json': '{"a":1}', 'w/model.bin': randomBytes(30_000) };
      write(folder, files);
      passed(await run(['keygen', '--output', key]));
      passed(await run(['sign', folder, '--key', `${key}.key`]));
      const signature = readFileSync(join(folder, 'model.sig'));
      await running.put(below('signed/', { ...files, 'model.sig': signature }));
      const path = destination();
      passed(await ask(['verify', url('models', 'signed/'), path, '--key', `${key}.pub`]));
      assert.ok(readFileSync(join(path, 'w/model.bin')).equals(files['w/model.bin']));
      await running.put({ 'signed/w/model.bin': randomBytes(30_000) });
      const bad = destination();
      refused(await ask(['verify', url('models', 'signed/'), bad, '--key', `${key}.pub`]), 'DIGEST_MISMATCH');
      assert.equal(existsSync(bad), false);
    });
  });
}
