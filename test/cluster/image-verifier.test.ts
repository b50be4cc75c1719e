// A node that asks weighlock image-verifier before it pulls: containerd itself, and whoever asks
// it, the kubelet too.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { Pusher } from '../registry/push.ts';
import { signatureTag, simpleSigning } from '../registry/sign-image.ts';
import { startRegistry } from '../system/registry.ts';
import type { Json } from './api-server.ts';
import { lacking } from './build.ts';
import { type Cluster, freePorts, startCluster } from './cluster.ts';
import { BUSYBOX, type ClusterNode, lackingNode, startNode } from './node.ts';
import { eventually } from './process-group.ts';

const SCRIPT = fileURLToPath(new URL('../../examples/node/weighlock-image-verifier', import.meta.url));
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const why = lacking() ?? lackingNode() ?? false;
const [port = 0] = await freePorts(1);
const registry = why === false ? await startRegistry(port) : undefined;
const host = `127.0.0.1:${port}`;
const work = mkdtempSync(join(tmpdir(), 'weighlock-image-verifier-'));
after(() => rmSync(work, { recursive: true, force: true }));

describe("17: the node's own gate", { skip: why, concurrency: 1 }, () => {
  const release = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pusher = new Pusher(registry?.origin ?? '');
  const digests = new Map<string, string>();
  let cluster: Cluster;
  let node: ClusterNode;

  before(async () => {
    cluster = await startCluster();
    node = await startNode(cluster);
    node.usePlainHttp(host);
    // In the folder of the node, which takes its mounts away when it ends.
    const mounted = join(cluster.folder, 'node/program');
    mkdirSync(mounted);
    const copied = ['copy', '--quiet', '--format=oci', '--dest-tls-verify=false', `containers-storage:${BUSYBOX}`];
    execFileSync('skopeo', [...copied, `docker://${host}/models/m:plain`]);
    const answer = await fetch(`${registry?.origin}/v2/models/m/manifests/plain`, { headers: { accept: MANIFEST } });
    const manifest = (await answer.json()) as object;
    for (const [tag, key] of [
      ['signed', release.privateKey],
      ['unsigned', undefined],
      ['foreign', stranger.privateKey],
    ] as const)
      await push(manifest, tag, key);
    node.ctr('images', 'mount', node.image, mounted);
    mkdirSync(node.verifiers);
    // As on a node, but for the launcher, which knows one place only.
    const script = readFileSync(SCRIPT, 'utf8').replace('/usr/local/bin', join(mounted, 'usr/lib/weighlock'));
    writeFileSync(join(node.verifiers, 'weighlock-image-verifier'), script, { mode: 0o755 });
    writePolicy();
  });
  after(async () => {
    await node?.stop();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** The same image under another digest, for each kind. */
  async function push(manifest: object, tag: string, key: KeyObject | undefined): Promise<void> {
    const { digest } = await pusher.manifest('models/m', tag, { ...manifest, annotations: { tag } }, MANIFEST);
    digests.set(tag, digest);
    if (key !== undefined) await pusher.artifact('models/m', signatureTag(digest), [simpleSigning(digest, key)]);
  }

  function writePolicy(): void {
    const data = release.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const attestor = { name: 'release', cosign: { key: { data }, ctlog: { insecureIgnoreTlog: true } } };
    const models = {
      name: 'models',
      match: [`${host}/models/*`],
      require: [{ signature: { attestors: ['release'] } }],
    };
    const spec = { attestors: [attestor], registries: { plainHttp: [host] }, images: [models] };
    const policy = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'NodeImagePolicy', metadata: { name: 'node' }, spec };
    writeFileSync(node.imagePolicy, stringify(policy));
  }

  const image = (tag: string) => `${host}/models/m:${tag}`;
  it('lets a signed image be pulled, by tag and by digest, and no other: unsigned, of a stranger, without a rule', () => {
    const pull = (reference: string) => node.ctr('images', 'pull', '--plain-http', reference);
    pull(image('signed'));
    pull(`${host}/models/m@${digests.get('signed')}`);
    for (const reference of [image('unsigned'), `${host}/models/m@${digests.get('unsigned')}`, image('foreign')])
      assert.throws(() => pull(reference), /blocked pull.*SIGNATURE_/s, reference);
    execFileSync('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${image('signed')}`,
      `docker://${host}/other/m:v1`,
    ]);
    assert.throws(() => pull(`${host}/other/m:v1`), /no rule of policy node speaks of/);
  });

  /** A pod of the default namespace, pulled whatever is there. */
  async function start(name: string, spec: Json): Promise<void> {
    const common = { terminationGracePeriodSeconds: 0, enableServiceLinks: false };
    const pod = { metadata: { name }, spec: { ...common, ...spec } };
    const { status, message } = await cluster.api.ask('admin', 'POST', '/api/v1/namespaces/default/pods', pod);
    assert.equal(status, 201, message);
  }
  const server = (of: string) => ({
    name: 'server',
    image: of,
    imagePullPolicy: 'Always',
    command: ['sleep', '600'],
  });
  const withVolume = (reference: string) => ({
    containers: [{ ...server(image('signed')), volumeMounts: [{ name: 'model', mountPath: '/model' }] }],
    volumes: [{ name: 'model', image: { reference, pullPolicy: 'Always' } }],
  });
  const stateOf = async (name: string): Promise<Json> =>
    (await cluster.api.ask('admin', 'GET', `/api/v1/namespaces/default/pods/${name}`)).body.status
      .containerStatuses?.[0]?.state;
  const running = (name: string) =>
    eventually(`the start of ${name}`, async () => {
      const state = await stateOf(name);
      if (state?.running !== undefined) return true;
      const path = `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`;
      const { items } = (await cluster.api.ask('admin', 'GET', path)).body;
      throw new Error(`${JSON.stringify(state)}: ${items.map(({ message }: Json) => message).join('; ')}`);
    });
  /** What the events of a pod say of a failure. */
  const complaint = (name: string) =>
    eventually(`a failure of ${name}`, async () => {
      const path = `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`;
      const { items } = (await cluster.api.ask('admin', 'GET', path)).body;
      return items.find(({ message, type }: Json) => type === 'Warning' && /image-verifier/.test(message))?.message;
    });

  it('17: the kubelet starts pods of what is signed, and says in an event why it does not start others', async () => {
    await start('signed', { containers: [server(image('signed'))] });
    await running('signed');
    for (const [name, of, why] of [
      ['unsigned', image('unsigned'), /SIGNATURE_MISSING/],
      ['foreign', image('foreign'), /SIGNATURE_INVALID/],
      ['elsewhere', `${host}/other/m:v1`, /no rule of policy node speaks of/],
    ] as const) {
      await start(name, { containers: [server(of)] });
      const said = await complaint(name);
      assert.match(said, /Failed to pull image.*weighlock-image-verifier rejected image \(exit code 65\)/s, name);
      assert.match(said, why, name);
      await eventually(`the state of ${name}`, async () => {
        const { waiting } = (await stateOf(name)) ?? {};
        return /ErrImagePull|ImagePullBackOff/.test(waiting?.reason) || undefined;
      });
    }
  });

  it('17: and the same of image volumes', async () => {
    await start('model', withVolume(`${host}/models/m@${digests.get('signed')}`));
    await running('model');
    await start('no-model', withVolume(`${host}/models/m@${digests.get('unsigned')}`));
    assert.match(await complaint('no-model'), /rejected image \(exit code 65\).*SIGNATURE_MISSING/s);
    assert.equal((await stateOf('no-model')).running, undefined);
  });

  it('refuses everything without its policy, and as it should once it is there again', () => {
    rmSync(node.imagePolicy);
    const pull = () => node.ctr('images', 'pull', '--plain-http', image('signed'));
    assert.throws(pull, /CONFIG_INVALID.*image-policy\.yaml/s);
    writePolicy();
    pull();
  });
});
