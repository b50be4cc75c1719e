// The trusted root out of a TUF repository, where that is asked for: fetched, believed only as far
// as it is signed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TufRepository } from '../evidence/tuf.ts';
import { ISSUER, SUBJECT, World } from '../evidence/world.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const work = workFolder();
const save = (name: string, content: string | Buffer) => {
  writeFileSync(join(work, name), content);
  return join(work, name);
};

describe('a TUF repository', () => {
  let world: World;
  let signedFile: string;
  let current: TufRepository;
  let host: string;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/tuf/', '');
    asked.push(path);
    const bytes = current.files.get(path);
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    world = await World.create();
    const data = Buffer.from('a dataset');
    signedFile = save('data.bin', data);
    save('data.bin.sigstore.json', JSON.stringify(await world.signBlob(data)));
  });
  after(() => void server.close());

  const identity = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
  /** @param root - what the platform trusts from the beginning */
  function verify(repository: TufRepository, root = repository.root): Promise<Finished> {
    current = repository;
    const tuf = ['--tuf-mirror', `http://${host}/tuf`, '--tuf-root', save('root.json', root), '--plain-http', host];
    return run(['verify', signedFile, ...identity, ...tuf]);
  }

  it('gives the keys of the day', async () => {
    const repository = new TufRepository(world.root);
    passed(await verify(repository));
    assert.ok(asked.includes('2.root.json'), asked.join());
    repository.publish(world.root, { version: 2 });
    passed(await verify(repository));
    const elsewhere = await World.create();
    refused(await verify(new TufRepository(elsewhere.root)), 'SIGNATURE_INVALID');
  });

  it('is followed through a change of its keys, by those before', async () => {
    const repository = new TufRepository(world.root);
    const { root } = repository;
    repository.rotate(2);
    passed(await verify(repository, root));
    const taken = new TufRepository(world.root);
    taken.rotate(2, true);
    refused(await verify(taken, taken.root), 'SIGNATURE_INVALID', /trusted root of/);
    const other = new TufRepository(world.root);
    refused(await verify(other, root), 'SIGNATURE_INVALID', /trusted root of/);
  });

  it('that is out of date, or signed by a stranger, or sends something else, is not believed', async () => {
    const cases: ((repository: TufRepository) => void)[] = [
      (repository) => repository.publish(world.root, { version: 2, hours: -1 }),
      (repository) => repository.publish(world.root, { version: 2, by: repository.stranger() }),
      (repository) => repository.publish(world.root, { target: `${world.root} ` }),
      (repository) =>
        repository.publish(world.root, {
          target: world.root.replace('"organization":"test"', '"organization":"tset"'),
        }),
      (repository) => repository.files.set('timestamp.json', Buffer.from('{}')),
      (repository) => repository.files.set('timestamp.json', Buffer.from('not JSON')),
      (repository) => repository.files.set('1.targets.json', Buffer.alloc(10)),
      (repository) => repository.files.delete('1.snapshot.json'),
      (repository) => repository.publishRoot(2, { hours: -1 }),
      (repository) =>
        repository.publishRoot(3) &&
        repository.files.set('2.root.json', repository.files.get('3.root.json') ?? Buffer.alloc(0)),
    ];
    for (const [i, change] of cases.entries()) {
      const repository = new TufRepository(world.root);
      change(repository);
      const result = await verify(repository);
      assert.equal(result.status, 65, `${i}: ${result.stdout}`);
      assert.match(result.codes.join(), /^(SIGNATURE_INVALID|LIMIT_EXCEEDED)$/, `${i}: ${result.stdout}`);
    }
    const endless = new TufRepository(world.root);
    endless.files.set('timestamp.json', Buffer.alloc(1 << 20, 0x20));
    refused(await verify(endless), 'LIMIT_EXCEEDED', /more than 16384 bytes/);
    refused(await verify(new TufRepository('{"mediaType": "x"}')), 'CONFIG_INVALID', /media type/, 78);
    refused(await verify(new TufRepository(world.root), '{}'), 'SIGNATURE_INVALID', /trusted root of/);
  });

  it('that cannot be reached is no reason to go on without it', async () => {
    const root = save('root.json', new TufRepository(world.root).root);
    const flags = ['--tuf-mirror', 'http://127.0.0.1:1/', '--tuf-root', root, '--plain-http', '127.0.0.1:1'];
    const result = await run(['verify', signedFile, ...identity, ...flags, '--timeout=3s']);
    assert.equal(result.status, 75, result.stdout);
  });

  it('is named completely, or the run does not begin', async () => {
    const root = save('some-root.json', new TufRepository(world.root).root);
    for (const [flags, message] of [
      [['--tuf-mirror', 'https://tuf.example'], /nothing is known of the TUF mirror/],
      [['--tuf-mirror', 'ftp://tuf.example', '--tuf-root', root], /no https URL/],
      [['--tuf-root', root], /without --tuf-mirror/],
      [['--tuf-mirror', 'https://tuf.example', '--tuf-root', root, '--trusted-root', root], /exclude each other/],
    ] as const)
      refused(await run(['verify', signedFile, ...identity, ...flags]), 'CONFIG_INVALID', message, 78);
    const plain = await run([
      'verify',
      signedFile,
      ...identity,
      '--tuf-mirror',
      `http://${host}/tuf`,
      '--tuf-root',
      root,
    ]);
    refused(plain, 'CONFIG_INVALID', /plain HTTP/, 78);
  });

  it('may stand in a policy, for one attestor or for all', async () => {
    current = new TufRepository(world.root);
    save('policy-root.json', current.root);
    const data = Buffer.from(current.root).toString('base64');
    const policy = (spec: string, tuf: string) =>
      save(
        'tuf.yaml',
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: tuf}
spec:
${spec}
  attestors: [{name: ci, cosign: {${tuf} keyless: {identities: [{issuer: "${ISSUER}", subject: "${SUBJECT}"}]}}}]
  artifacts: [{name: data, path: ${signedFile}, require: [{signature: {attestors: [ci]}}]}]
`,
      );
    const ask = (file: string) => run(['verify', '--policy', file, '--plain-http', host]);
    const mirror = `mirror: "http://${host}/tuf"`;
    passed(await ask(policy(`  trustedRoot: {tuf: {${mirror}, root: {path: policy-root.json}}}`, '')));
    passed(await ask(policy('', `tuf: {${mirror}, root: {data: ${data}}},`)));
    refused(await ask(policy('', `tuf: {${mirror}},`)), 'CONFIG_INVALID', /nothing is known/, 78);
    refused(await ask(policy('', '')), 'SIGNATURE_INVALID');
  });
});
