// OCI artifacts from a real registry, pushed by real tools, and the example in a real pod.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeModel } from '../../examples/demo/make-artifacts.ts';
import { ociModel } from '../../examples/demo/oci-model.ts';
import { run } from '../integration/cli.ts';
import { Pusher, titled } from '../registry/push.ts';
import { visible } from '../visible.ts';
import { type Container, type Manifest, readExample, runPod } from './pod.ts';
import { PASSWORD, type RealRegistry, startRegistry, USER } from './registry.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-oci-'));
after(() => rmSync(work, { recursive: true, force: true }));

const MODEL_TREE = '7c6720acac0a354ad730ea14dcfd671a46c8e45595f1e918a8e0092b7dfefa97';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const basic = { authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}` };

async function pushModel(pusher: Pusher, repository: string): Promise<string> {
  const { blobs, manifest, digest } = ociModel();
  for (const bytes of blobs.values()) await pusher.blob(repository, bytes);
  const pushed = await pusher.manifest(repository, 'v1.0', JSON.parse(manifest.toString()), MANIFEST);
  assert.equal(pushed.digest, digest);
  return digest;
}

describe("Debian's docker-registry", () => {
  it('without passwords: a pull by digest, and what digest prints', async () => {
    const registry = await startRegistry(5071);
    const digest = await pushModel(new Pusher(registry.origin), 'models/mistral-small');
    const destination = join(work, 'plain');
    const reference = 'oci://127.0.0.1:5071/models/mistral-small:v1.0';
    const result = await run([
      'verify',
      `${reference}@${digest}`,
      destination,
      '--plain-http=127.0.0.1:5071',
      '--sha256',
      MODEL_TREE,
    ]);
    assert.equal(result.status, 0, result.stdout);
    const printed = await run(['digest', reference, '--plain-http=127.0.0.1:5071']);
    assert.equal(printed.stdout.trim(), digest);
  });

  it('with TLS and passwords: pull secrets, a CA of its own, wrong passwords', async () => {
    const registry = await startRegistry(5072, { tls: true, password: true, host: 'localhost' });
    const ca = join(work, 'ca.pem');
    writeFileSync(ca, registry.ca ?? '');
    // fetch(3) takes extra CAs at its start only: push through a process that has them.
    const push = fileURLToPath(new URL('push-model.ts', import.meta.url));
    execFileSync(process.execPath, [push, registry.origin], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, PUSH_AUTHORIZATION: basic.authorization },
    });
    const { digest } = ociModel();
    const secret = (password: string) => {
      const file = join(work, 'dockerconfigjson');
      const auth = Buffer.from(`${USER}:${password}`).toString('base64');
      writeFileSync(file, JSON.stringify({ auths: { 'localhost:5072': { auth } } }));
      return ['--registry-config', file, '--registry-cacert', ca];
    };
    const source = `oci://localhost:5072/models/mistral-small@${digest}`;
    const good = await run(['verify', source, join(work, 'tls'), ...secret(PASSWORD)]);
    assert.equal(good.status, 0, good.stdout);
    const wrong = await run(['verify', source, join(work, 'wrong'), ...secret('wrong horse')]);
    assert.deepEqual([wrong.status, wrong.codes], [75, ['SOURCE_UNAVAILABLE']]);
    const anonymous = await run(['verify', source, join(work, 'anonymous'), '--registry-cacert', ca]);
    assert.deepEqual([anonymous.status, anonymous.codes], [75, ['SOURCE_UNAVAILABLE']]);
    assert.equal(existsSync(join(work, 'wrong')) || existsSync(join(work, 'anonymous')), false);
  });

  it('with an image pushed by buildah and copied by skopeo: its /models, as KServe mounts them', async () => {
    await startRegistry(5073);
    const model = join(work, 'modelcar');
    makeModel(model);
    const container = execFileSync('buildah', ['from', 'scratch'], { encoding: 'utf8' }).trim();
    execFileSync('buildah', ['add', '--quiet', container, model, '/models'], { stdio: 'ignore' });
    execFileSync(
      'buildah',
      ['add', '--quiet', container, fileURLToPath(new URL('../../README.md', import.meta.url)), '/README.md'],
      { stdio: 'ignore' },
    );
    execFileSync('buildah', ['commit', '--quiet', '--rm', container, 'localhost/modelcar'], { stdio: 'ignore' });
    const layout = join(work, 'layout');
    execFileSync('buildah', ['push', '--quiet', 'localhost/modelcar', `oci:${layout}:v1`], { stdio: 'ignore' });
    execFileSync('skopeo', [
      'copy',
      '--quiet',
      '--dest-tls-verify=false',
      `oci:${layout}:v1`,
      'docker://127.0.0.1:5073/models/car:v1',
    ]);
    const printed = await run(['digest', 'oci://127.0.0.1:5073/models/car:v1', '--plain-http=127.0.0.1:5073']);
    const inspected = execFileSync(
      'skopeo',
      ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', 'docker://127.0.0.1:5073/models/car:v1'],
      { encoding: 'utf8' },
    );
    assert.equal(printed.stdout.trim(), inspected.trim());
    const source = `oci://127.0.0.1:5073/models/car@${printed.stdout.trim()}`;
    const result = await run([
      'verify',
      source,
      join(work, 'car'),
      '--plain-http=127.0.0.1:5073',
      '--sha256',
      MODEL_TREE,
    ]);
    assert.equal(result.status, 0, result.stdout);
  });
});

/** This machine, as pods see it. */
function kubeGateway(): string {
  const network = 'podman-default-kube-network';
  spawnSync('podman', ['network', 'create', network], { stdio: 'ignore' });
  const format = '{{(index .Subnets 0).Gateway}}';
  return execFileSync('podman', ['network', 'inspect', network, '--format', format], { encoding: 'utf8' }).trim();
}

describe('examples/inference-pod-oci.yaml', () => {
  let registry: RealRegistry;
  before(async () => {
    registry = await startRegistry(443, { tls: true, password: true, host: 'registry.example.com' });
    const push = fileURLToPath(new URL('push-model.ts', import.meta.url));
    const ca = join(work, 'example-ca.pem');
    writeFileSync(ca, registry.ca ?? '');
    execFileSync(process.execPath, [push, 'https://localhost:443'], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: ca, PUSH_AUTHORIZATION: basic.authorization },
    });
  });

  /**
   * What the cluster has beside the pod: the name of the registry, its CA, the pull secret, an
   * empty folder.
   */
  function cluster(change: (pod: Manifest) => void = () => {}): { manifests: Manifest[]; volume: string } {
    const volume = mkdtempSync(join(work, 'empty-dir-'));
    spawnSync('chmod', ['0777', volume]);
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
    const secret = mkdtempSync(join(work, 'secret-'));
    writeFileSync(join(secret, '.dockerconfigjson'), JSON.stringify({ auths: { 'registry.example.com': { auth } } }));
    spawnSync('chmod', ['-R', 'a+rX', secret]);
    const manifests = readExample('inference-pod-oci.yaml');
    const [pod] = manifests;
    if (pod === undefined) throw new Error('no pod');
    pod.spec['hostAliases'] = [{ ip: kubeGateway(), hostnames: ['registry.example.com'] }];
    pod.spec.volumes = pod.spec.volumes.map((one) => {
      if (one['emptyDir'] !== undefined) return { name: one['name'], hostPath: { path: volume, type: 'Directory' } };
      return one['secret'] === undefined ? one : { name: one['name'], hostPath: { path: secret, type: 'Directory' } };
    });
    change(pod);
    const ca = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'registry-ca' },
      data: { 'ca.crt': registry.ca },
    };
    return { manifests: [ca as unknown as Manifest, pod], volume };
  }

  it('starts the server on the model from the registry', () => {
    const { manifests, volume } = cluster();
    const result = runPod(manifests);
    assert.equal(result.exitCode, 0, result.log);
    assert.equal(result.started, true);
    assert.deepEqual(visible(volume), ['mistral-small']);
    assert.equal(readdirSync(join(volume, 'mistral-small')).length, 5);
  });

  /**
   * The pod that KServe makes: its downloader with this resource merged over it, arguments last
   * (kserve v0.16).
   */
  function kserve(pod: Manifest, change: (container: Container) => void): void {
    const [resource] = readExample('kserve/cluster-storage-container.yaml');
    const container = resource?.spec['container'] as Container;
    const { digest } = ociModel();
    const [gate] = pod.spec.initContainers;
    if (gate === undefined) throw new Error('no gate');
    pod.spec.initContainers = [
      {
        ...container,
        name: 'storage-initializer',
        args: [`oci://registry.example.com/models/mistral-small:v1.0@${digest}`, '/mnt/models'],
        env: [
          ...(container.env ?? []),
          { name: 'WEIGHLOCK_REGISTRY_CONFIG', value: '/etc/weighlock/pull-secret/.dockerconfigjson' },
          { name: 'WEIGHLOCK_REGISTRY_CACERT', value: '/etc/weighlock/ca/ca.crt' },
        ],
        volumeMounts: [
          { name: 'models', mountPath: '/mnt/models' },
          ...(gate.volumeMounts ?? []).filter(({ name }) => name !== 'models'),
        ],
      },
    ];
    const [made] = pod.spec.initContainers;
    if (made !== undefined) change(made);
    for (const mount of pod.spec.containers[0]?.volumeMounts ?? []) mount['mountPath'] = '/mnt/models';
    const [main] = pod.spec.containers;
    if (main !== undefined) main['command'] = ['httpd', '-f', '-p', '8080', '-h', '/mnt/models'];
  }

  it("works as KServe's storage-initializer, straight into its mount", () => {
    const { manifests, volume } = cluster((pod) =>
      kserve(pod, (container) => {
        // Nobody signed it in this registry: the digest is what counts.
        container.env = container.env?.filter(({ name }) => name !== 'WEIGHLOCK_KEY') ?? [];
      }),
    );
    const result = runPod(manifests);
    assert.deepEqual([result.exitCode, result.started], [0, true], result.log);
    assert.equal(visible(volume).length, 5);
  });

  it("as KServe's storage-initializer does not download what the key has not signed", () => {
    const { manifests, volume } = cluster((pod) => kserve(pod, () => {}));
    const result = runPod(manifests);
    assert.deepEqual([result.exitCode, result.started], [65, false], result.log);
    assert.match(result.message, /SIGNATURE_MISSING/);
    assert.deepEqual(visible(volume), []);
  });

  it('does not start it when the digest is another one, and leaves nothing on the volume', () => {
    const { manifests, volume } = cluster((pod) => {
      const gate = pod.spec.initContainers[0];
      if (gate?.args !== undefined)
        gate.args = gate.args.map((arg) => arg.replace(/@sha256:.{64}/, `@sha256:${'ab'.repeat(32)}`));
    });
    const result = runPod(manifests);
    assert.equal(result.exitCode, 65, result.log);
    assert.equal(result.started, false);
    assert.match(result.message, /FILE_MISSING/);
    assert.deepEqual(readdirSync(volume), []);
  });
});

/** More of them: KILL_ROUNDS=200 npm run test:system */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 40);

describe('a pull that is killed', () => {
  it(`at ${ROUNDS} random moments never leaves anything unverified visible, and the next run finishes`, async () => {
    const registry = await startRegistry(5074);
    const pusher = new Pusher(registry.origin);
    const files = Object.fromEntries(
      // The last one is so large that it comes by several ranges at once.
      Array.from({ length: 6 }, (_, i) => [`shard-${i}`, Buffer.alloc(i < 5 ? 6_000_000 : 24_000_000, `${i} shard `)]),
    );
    const { digest } = await pusher.artifact(
      'models/kill',
      'v1',
      Object.entries(files).map(([name, bytes]) => titled(name, bytes)),
    );
    const program = fileURLToPath(new URL('../../build/weighlock', import.meta.url));
    const command = existsSync(program)
      ? [program]
      : [process.execPath, fileURLToPath(new URL('../../src/main.ts', import.meta.url))];
    // The executable takes nothing from Node's own variables, which the test runner sets.
    const options = { stdio: 'ignore', env: { PATH: process.env['PATH'] } } as const;
    let published = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const volume = join(work, 'kill');
      mkdirSync(volume, { recursive: true });
      const args = [
        ...command.slice(1),
        'verify',
        `oci://127.0.0.1:5074/models/kill@${digest}`,
        join(volume, 'm'),
        '--plain-http=127.0.0.1:5074',
      ];
      const child = spawn(command[0] ?? '', args, options);
      const closed = new Promise((resolve) => child.once('close', resolve));
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 400));
      child.kill('SIGKILL');
      await closed;
      if (existsSync(join(volume, 'm'))) {
        published += 1;
        for (const [name, bytes] of Object.entries(files)) {
          assert.equal(
            spawnSync('cmp', [join(volume, 'm', name), '-'], { input: bytes }).status,
            0,
            `round ${round}: ${name}`,
          );
        }
      }
      if (round % 4 === 3 || published > 0) {
        assert.equal(spawnSync(command[0] ?? '', args, options).status, 0, `round ${round}`);
        assert.deepEqual(visible(volume), ['m']);
        rmSync(volume, { recursive: true });
        published = 0;
      }
    }
  });
});
