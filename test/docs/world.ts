// A place in which the commands of the pages can be run: the folders, keys, policies, registries
// and stores that they name, with one model in all of them.
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { soundSafetensors } from '../content/build.ts';
import { MAIN, recipe, run, workFolder, write } from '../integration/cli.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { LayoutWriter } from '../registry/layout.ts';
import { titled } from '../registry/push.ts';
import { signatureTag, simpleSigning } from '../registry/sign-image.ts';
import { FakeAzure } from '../store/azure.ts';
import { FakeGcs } from '../store/gcs.ts';
import { FakeHub } from '../store/hub.ts';
import { FakeS3 } from '../store/s3.ts';

const FILES = { 'config.json': '{}', 'model.safetensors': soundSafetensors(), 'train.parquet': 'PAR1 and so on' };
const MODEL = { 'config.json': FILES['config.json'], 'model.safetensors': FILES['model.safetensors'] };

/** Names of the pages for the key pair of who signs, and for the one of who verifies. */
const SIGNER_KEYS = ['release', 'cosign', 'vendor'];
const VERIFIER_KEYS = ['verifier', 'verdict', 'receipts', 'part'];
const VENDOR_KEYS = ['nvidia-ngc-containers.pub', 'red-hat-release-3.pub'];

/** Folders that the pages name from the root of a machine. */
const AT_ROOT = 'models|data|mnt|media|receipts|etc|out|datasets|usr';
const HOSTS = /registry\.example\.com|nvcr\.io|registry\.redhat\.io/g;
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const IMAGE = `ghcr.io/weighlock/weighlock@sha256:${'7c6720ac'.repeat(8)}`;

const POLICY = `
apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: platform}
spec:
  attestors:
    - name: release
      cosign: {key: {file: release.pub}}
  artifacts:
    - name: mounted
      each: targets
      require:
        - signature: {attestors: [release]}
`;

const POD = `apiVersion: v1
kind: Pod
metadata: {name: server, annotations: {model.ai/path: /models/m}}
spec:
  containers:
    - name: server
      image: example.com/server
      volumeMounts: [{name: models, mountPath: /models, readOnly: true}]
  volumes: [{name: models, persistentVolumeClaim: {claimName: models, readOnly: true}}]
`;

export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** What the blocks of all pages are run in, each in a copy of its own. */
export class World {
  readonly #template: string;
  readonly #substitutions: readonly (readonly [RegExp, string])[];
  readonly #environment: Record<string, string>;

  private constructor(
    template: string,
    substitutions: readonly (readonly [RegExp, string])[],
    environment: Record<string, string>,
  ) {
    this.#template = template;
    this.#substitutions = substitutions;
    this.#environment = environment;
  }

  static async make(): Promise<World> {
    const root = workFolder();
    const work = join(root, 'work');
    mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
    for (const folder of ['mnt', 'receipts', 'etc/weighlock', 'work'])
      mkdirSync(join(root, folder), { recursive: true });
    const program = join(root, 'usr/local/bin/weighlock');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(program, 0o755);
    const [signer, verifier] = [keyPair(), keyPair()];
    const { pub, key, privateKey } = signer;
    for (const [names, pair] of [
      [SIGNER_KEYS, signer],
      [VERIFIER_KEYS, verifier],
    ] as const)
      for (const name of names) write(work, { [`${name}.pub`]: pair.pub, [`${name}.key`]: pair.key });
    for (const name of VENDOR_KEYS) write(work, { [name]: pub });
    write(join(root, 'etc/weighlock'), { 'cosign.pub': pub, 'release.key': key });
    for (const folder of [
      'models/mistral',
      'models/mistral-small',
      'data/train',
      'out/model',
      'unsigned',
      'models/nvidia',
    ])
      write(join(root, folder), MODEL);
    write(join(root, 'datasets'), { 'train.tar': Buffer.alloc(1 << 20, 1) });
    const snapshot = `models/hub/models--org--name/snapshots/${COMMIT}`;
    mkdirSync(join(root, snapshot), { recursive: true });
    for (const [name, content] of Object.entries(MODEL)) {
      const id = sha256(content);
      write(join(root, 'models/hub/models--org--name/blobs'), { [id]: content });
      symlinkSync(`../../blobs/${id}`, join(root, snapshot, name));
    }
    write(work, {
      'policy.yaml': POLICY,
      'provenance.json': '{"buildDefinition":{},"runDetails":{"builder":{"id":"ci"}}}',
    });
    const sums = `${sha256(FILES['config.json'])}  config.json\n${sha256(FILES['model.safetensors'])}  model.safetensors\n`;
    const signature = sign('sha256', Buffer.from(sums), privateKey).toString('base64');
    write(work, { SHA256SUMS: sums, 'SHA256SUMS.sig': signature });
    write(join(root, 'models/vendor'), MODEL);
    for (const folder of ['models/mistral', 'models/mistral-small'])
      await succeed(['sign', join(root, folder), '--key', join(work, 'release.key')]);
    write(work, { 'pod.yaml': POD });
    write(work, { 'deploy.yaml': await succeed(['inject', '-f', join(work, 'pod.yaml'), '--image', IMAGE]) });

    const registry = await FakeRegistry.start();
    const layers = Object.entries(MODEL).map(([name, content]) => titled(name, content));
    const image = registry.add(layers, 'v1.0');
    for (const tag of ['v1', '1.0', '1.8.3']) registry.add(layers, tag);
    registry.add([simpleSigning(image, privateKey)], signatureTag(image));
    for (const [folder, name] of [
      ['media/models/mistral-small', 'v1.0'],
      ['mnt/models/all', 'v1.0'],
      ['mnt/models/mistral-small'],
    ] as const) {
      const writer = new LayoutWriter(join(root, folder));
      const entry = writer.list(writer.manifest(layers), name);
      writer.list(writer.manifest([simpleSigning(entry.digest, privateKey)]), signatureTag(entry.digest));
      writer.finish();
    }
    const stores = [
      await FakeHub.start(),
      await FakeS3.start(),
      await FakeGcs.start(),
      await FakeAzure.start(),
    ] as const;
    after(() => {
      for (const store of stores) store.close();
    });
    const [hub, s3, gcs, azure] = stores;
    const commit = hub.add('mistralai/Mistral-7B-v0.3', MODEL);
    hub.add('acme/model', MODEL);
    hub.add('datasets/acme/train', FILES, ['main', 'v2']);
    hub.add('org/model', MODEL);
    const ofOrg = hub.repositories.get('models/org/model');
    if (ofOrg !== undefined) hub.repositories.set('models/org/model', { ...ofOrg, commit: COMMIT });
    const below = Object.fromEntries(
      Object.entries(MODEL).map(([name, content]) => [`mistral-small/${name}`, content]),
    );
    for (const store of [s3, gcs, azure]) store.add('models', below);
    s3.add('models', { 'llama/model.gguf': FILES['model.safetensors'] });

    const pin = recipe(join(root, 'unsigned'));
    const pinOf = {
      gguf: sha256(FILES['model.safetensors']),
      parquet: sha256(`${sha256(FILES['train.parquet'])}  train.parquet\n`),
    };
    const hosts = [registry.host, hub.host, hub.storageHost, s3.host, gcs.host, azure.host];
    return new World(
      root,
      [
        [/(?<=model\.gguf --sha256 )\S+/g, pinOf.gguf],
        [/(?<=parquet' --sha256 )\S+/g, pinOf.parquet],
        [/(?<=--sha256 )(9f86d081)?\.\.\./g, pin],
        [/(?<=DATASET_SHA256=)[0-9a-f]{64}/g, pin],
        [/(?<=@)sha256:b9fe\.\.\./g, image],
        [/(?<=Mistral-7B-v0\.3@)<commit>/g, commit],
        [/(?<=snapshots\/)0123\.\.\./g, COMMIT],
        [/(?<=--image )\S+/g, IMAGE],
        [/\bDIR\b/g, '/models/mistral'],
        [HOSTS, registry.host],
      ],
      {
        ...s3.environment,
        ...gcs.environment,
        ...azure.environment,
        ...hub.environment,
        NO_GCE_CHECK: 'true',
        WEIGHLOCK_PLAIN_HTTP: hosts.join(','),
      },
    );
  }

  /** Those of the substitutions that the lines of the pages have no use for. */
  unused(lines: readonly string[]): RegExp[] {
    return this.#substitutions
      .map(([pattern]) => pattern)
      .filter((pattern) => !lines.some((line) => line.match(pattern)));
  }

  /** Runs lines of a page as a shell would, in a copy of the world. */
  run(lines: readonly string[]): Promise<Ended> {
    const root = join(workFolder(), 'root');
    cpSync(this.#template, root, { recursive: true, verbatimSymlinks: true });
    const text = lines.join('\n');
    // A page that makes keys has none before, and what it signs is not signed.
    if (/\bkeygen\b/.test(text)) for (const name of ['release.key', 'release.pub']) rmSync(join(root, 'work', name));
    if (/\bweighlock sign \/models/.test(text)) rmSync(join(root, 'models/mistral-small/model.sig'));
    if (/--part \d/.test(text)) this.#allow(root, '  parts: true\n');
    if (/--receipts\b/.test(text)) this.#allow(root, '  receipts: {maxAge: 24h, key: {file: receipts.pub}}\n');
    if (/\bverify \/data\/train --policy/.test(text))
      cpSync(join(root, 'models/mistral'), join(root, 'data/train'), { recursive: true });
    const script = lines
      .flatMap(eachPart)
      .map((line) => this.#local(intoEmpty(withoutLog(line)), root))
      .join('\n');
    const bin = join(root, 'usr/local/bin');
    const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: join(root, 'work'),
      env: { PATH: `${bin}:${process.env['PATH']}`, NO_COLOR: '1', ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (output += part));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, output: `${script}\n${output}` }));
    });
  }

  #allow(root: string, setting: string): void {
    const file = join(root, 'work/policy.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('spec:\n', `spec:\n${setting}`));
  }

  #local(line: string, root: string): string {
    const text = this.#substitutions.reduce((said, [pattern, value]) => said.replaceAll(pattern, value), line);
    return text.replaceAll(new RegExp(`(?<=^|[\\s="'(]|oci-layout://)/(?=(${AT_ROOT})\\b)`, 'g'), `${root}/`);
  }
}

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

function keyPair(): { readonly pub: string; readonly key: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    pub: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
}

/** Of 32 parts, of which the pages show one, three are enough. */
function eachPart(line: string): string[] {
  if (!line.includes('--part 0/32')) return [line];
  return [0, 1, 2].map((i) => line.replace('0/32', `${i}/3`).replaceAll(/\bpart-0\b/g, `part-${i}`));
}

/** What a page has signed in a log is signed here without one. */
function withoutLog(line: string): string {
  const isLogged = / verify oci|--checksums-signature/.test(line) && / --key /.test(line);
  if (!isLogged || line.includes('--insecure-ignore-tlog')) return line;
  return line.replace(' verify ', ' verify --insecure-ignore-tlog ');
}

/** What is fetched goes where nothing is. */
function intoEmpty(line: string): string {
  const [, destination] = / verify (?:--insecure-ignore-tlog )?[a-z][a-z0-9-]*:\/\/\S+ (\/\S+)/.exec(line) ?? [];
  return destination === undefined ? line : `rm -rf ${destination}\n${line}`;
}

async function succeed(words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(words);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
