// A node that asks weighlock image-verifier before it pulls: containerd itself, and whoever asks it.
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
import { lacking } from './build.ts';
import { freePorts } from './cluster.ts';
import { type Containerd, lackingNode, startContainerd, unmountBelow } from './node.ts';
import { ProcessGroup } from './process-group.ts';

const SCRIPT = fileURLToPath(new URL('../../examples/node/weighlock-image-verifier', import.meta.url));
const BUSYBOX = 'docker.io/library/busybox:1.37';
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
  const mounted = join(work, 'image');
  const folder = join(work, 'containerd');
  let processes: ProcessGroup;
  let node: Containerd;

  before(async () => {
    for (const name of [folder, mounted]) mkdirSync(name);
    processes = new ProcessGroup(work, folder);
    node = await startContainerd(folder, processes);
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
    await processes?.stopAll();
    unmountBelow(work);
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

  it('refuses everything without its policy, and as it should once it is there again', () => {
    rmSync(node.imagePolicy);
    const pull = () => node.ctr('images', 'pull', '--plain-http', image('signed'));
    assert.throws(pull, /CONFIG_INVALID.*image-policy\.yaml/s);
    writePolicy();
    pull();
  });
});
