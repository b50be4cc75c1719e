// Issue 21: a rule about content on the ways that are not `verify` of one path: watch, what is
// injected, image-verifier; and nothing to look at.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { soundSafetensors } from '../content/build.ts';
import { ENCODINGS, ID } from '../content/pickle.ts';
import { tarOf } from '../content/tar.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { descriptor, sha256 } from '../registry/push.ts';
import { MAIN, passed, refused, run, workFolder, write } from './cli.ts';
import { command } from './in-process.ts';

const PICKLE = ENCODINGS['protocol 2']?.(ID) ?? assert.fail();
const IMAGE = `registry.example.com/weighlock@sha256:${'a'.repeat(64)}`;
const CONTENT = { content: { formats: ['safetensors', 'json', 'text'] } };

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** The platform's trust folder, with a policy. */
function trust(artifacts: readonly object[], more: object = {}): string {
  const folder = workFolder();
  const spec = { artifacts, ...more };
  const policy = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'VerificationPolicy', metadata: { name: 'p' }, spec };
  writeFileSync(join(folder, 'policy.yaml'), stringify(policy));
  return folder;
}

function model(more: Readonly<Record<string, Buffer | string>> = {}): string {
  const folder = workFolder();
  write(folder, { 'model.safetensors': soundSafetensors(), 'config.json': '{}', ...more });
  return folder;
}

describe('21: watch with a rule about content', () => {
  it('takes it from a policy, and is not ready once something that executes lies there', async () => {
    const folder = model();
    const policy = join(trust([{ name: 'm', path: folder, require: [CONTENT] }]), 'policy.yaml');
    const port = await freePort();
    const words = ['watch', '--policy', policy, '--interval=1h', `--listen=127.0.0.1:${port}`];
    const child = spawn(process.execPath, [MAIN, ...words], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    after(() => child.kill('SIGKILL'));
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const status = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        (one) => one.status,
        () => 0,
      );
    const until = async (wanted: number) => {
      while ((await status()) !== wanted) await delay(50);
    };
    await until(200);
    write(folder, { 'pytorch_model.bin': PICKLE });
    await until(503);
    assert.match(stdout, /"code":"CONTENT_REFUSED".*"file":"pytorch_model.bin"/);
    rmSync(join(folder, 'pytorch_model.bin'));
    await until(200);
  });
});

describe('21: what an injected container verifies with a rule about content', () => {
  const injected = (folder: string, targets: readonly string[], more: Record<string, string> = {}) =>
    run(['verify'], { environment: { WEIGHLOCK_TRUST: folder, WEIGHLOCK_TARGETS: targets.join(':'), ...more } });
  const folder = trust([{ name: 'mounted', each: 'targets', require: [CONTENT] }]);

  it('is each volume that is mounted', async () => {
    passed(await injected(folder, [model(), model()]));
    const bad = await injected(folder, [model(), model({ 'a/b.bin': PICKLE })]);
    refused(bad, 'CONTENT_REFUSED', /a\/b\.bin/);
  });

  it('is looked at by both rules where the pod has one of its own, and no pod can widen the platform’s', async () => {
    const python = { 'modeling.py': 'pass\n' };
    const wider = { WEIGHLOCK_ALLOW_FORMATS: 'safetensors,json,text,python' };
    refused(await injected(folder, [model(python)], wider), 'CONTENT_REFUSED', /modeling\.py/);
    const except = { WEIGHLOCK_ALLOW_FORMATS_IN: '**=python,pickle', ...wider };
    refused(await injected(folder, [model(python)], except), 'CONTENT_REFUSED', /modeling\.py/);
    refused(await injected(folder, [model()], { WEIGHLOCK_ALLOW_FORMATS: 'safetensors' }), 'CONTENT_REFUSED', /json/);
  });

  it('comes by weighlock inject into a pod as it is', async () => {
    const pod = join(workFolder(), 'pod.yaml');
    const volumes = [{ name: 'm', persistentVolumeClaim: { claimName: 'm' } }];
    const containers = [{ name: 'c', image: 'i', volumeMounts: [{ name: 'm', mountPath: '/models', readOnly: true }] }];
    const metadata = { name: 'p', labels: { 'weighlock.dev/verify': 'true' } };
    writeFileSync(pod, stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, volumes } }));
    const { stdout, stderr } = await run(['inject', '-f', pod, '--image', IMAGE]);
    assert.match(stdout, /WEIGHLOCK_TRUST/, stderr);
    assert.match(stdout, /WEIGHLOCK_TARGETS/);
  });
});

describe('21: image-verifier with a rule about content', () => {
  it('says that it fetches no content, as a configuration that is wrong', async () => {
    const policy = join(workFolder(), 'policy.yaml');
    const spec = { images: [{ name: 'm', match: ['**'], require: [CONTENT] }] };
    const top = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'NodeImagePolicy', metadata: { name: 'n' }, spec };
    writeFileSync(policy, stringify(top));
    const digest = `sha256:${'a'.repeat(64)}`;
    const words = [
      '-name',
      'r.example/m:v1',
      '-digest',
      digest,
      '-stdin-media-type',
      'application/vnd.oci.descriptor.v1+json',
    ];
    const input = Readable.from([Buffer.from(JSON.stringify({ mediaType: 'a', digest, size: 3 }))]);
    const ended = await command(['image-verifier', `--policy=${policy}`, ...words], {}, input);
    assert.equal(ended.status, 78, ended.stdout + ended.stderr);
    assert.match(ended.stdout + ended.stderr, /content/);
  });
});

describe('21: an artifact without any file', () => {
  it('of a registry is refused as that', async () => {
    const registry = await FakeRegistry.start();
    const unpacked = tarOf({});
    const config = Buffer.from(JSON.stringify({ modelfs: { type: 'layers', diffIds: [sha256(unpacked)] } }));
    registry.blobs.set(sha256(config), config);
    registry.add([{ mediaType: 'application/vnd.cncf.model.weight.v1.tar+gzip', bytes: gzipSync(unpacked) }], 'v1', {
      config: descriptor({ mediaType: 'application/vnd.cncf.model.config.v1+json', bytes: config }),
    });
    const words = ['--plain-http', registry.host, '--allow-formats', 'json'];
    refused(
      await run(['verify', `oci://${registry.host}/models/m:v1`, join(workFolder(), 'm'), ...words]),
      'SOURCE_EMPTY',
      /no file whose content/,
    );
  });

  it('of a server is refused as that', async () => {
    const bytes = gzipSync(tarOf({}));
    const server = await FakeRegistry.start();
    server.handler = (_, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    const pin = ['--sha256', sha256(bytes).slice('sha256:'.length), '--unpack'];
    const words = ['--plain-http', server.host, ...pin, '--allow-formats', 'json'];
    const result = await run(['verify', `http://${server.host}/m.tgz`, join(workFolder(), 'm'), ...words]);
    refused(result, 'SOURCE_EMPTY');
  });
});
