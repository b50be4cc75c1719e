// KServe's own definitions, from its Go module: what they take of our examples, and what its
// storage-initializer becomes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import type { Json } from './api-server.ts';
import { lacking } from './build.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { eventually } from './process-group.ts';

const KSERVE = 'github.com/kserve/kserve@v0.16.0';
const EXAMPLES = fileURLToPath(new URL('../../examples/kserve/', import.meta.url));
const example = (name: string): Json => parse(readFileSync(join(EXAMPLES, name), 'utf8'));

describe('17: KServe', { skip: lacking() ?? false, concurrency: 1 }, () => {
  let cluster: Cluster;
  /** Folder of KServe's module. */
  let module = '';

  before(async () => {
    const downloaded = execFileSync('go', ['mod', 'download', '-json', KSERVE], { encoding: 'utf8' });
    module = JSON.parse(downloaded).Dir;
    const definitions = join(module, 'config/crd/full');
    cluster = await startCluster();
    const files = ['clusterstoragecontainers', 'inferenceservices'].flatMap((name) => [
      '-f',
      join(definitions, `serving.kserve.io_${name}.yaml`),
    ]);
    cluster.kubectl(['apply', '--server-side', ...files]);
    await eventually('the kinds of KServe', async () => {
      for (const version of ['v1alpha1', 'v1beta1']) {
        const { status, body } = await cluster.api.ask('admin', 'GET', `/apis/serving.kserve.io/${version}`);
        if (status !== 200 || body.resources.length === 0) return undefined;
      }
      return true;
    });
    cluster.kubectl(['create', 'namespace', 'ml']);
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  it('takes the examples, every field of them', () => {
    for (const name of ['cluster-storage-container.yaml', 'inference-service.yaml']) {
      const words = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-o', 'json', '-f'];
      const accepted = JSON.parse(cluster.kubectl([...words, join(EXAMPLES, name)]));
      assert.deepEqual(contained(example(name).spec, accepted.spec), [], name);
    }
    const wrong = example('cluster-storage-container.yaml');
    wrong.spec.workload = 'initContainer';
    assert.throws(() =>
      cluster.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], stringify(wrong)),
    );
  });

  it('18: would as well take its own container for our URIs, and does not once that is disabled as our page says', () => {
    const own: Json = parse(readFileSync(join(module, 'config/storagecontainers/default.yaml'), 'utf8'));
    // As StorageContainerSpec.IsStorageUriSupported has it.
    const takes = ({ supportedUriFormats }: Json, uri: string) =>
      supportedUriFormats.some(({ prefix, regex }: Json) =>
        prefix ? uri.startsWith(prefix) : new RegExp(regex).test(uri),
      );
    const ours = example('cluster-storage-container.yaml').spec;
    const azure = 'https://acmemodels.blob.core.windows.net/models/m';
    for (const uri of ['s3://models/m', 'gs://models/m', 'hf://acme/m', azure, 'https://h.example.com/m.tar.gz'])
      assert.deepEqual([takes(own.spec, uri), takes(ours, uri)], [true, true], uri);
    cluster.kubectl(['apply', '--server-side', '-f', '-'], stringify(own));
    const page = readFileSync(fileURLToPath(new URL('../../docs/how-to/kserve.md', import.meta.url)), 'utf8');
    const [, patch = ''] = /kubectl patch clusterstoragecontainer default --type merge --patch '(.+)'/.exec(page) ?? [];
    cluster.kubectl(['patch', 'clusterstoragecontainer', 'default', '--type', 'merge', '--patch', patch]);
    const { disabled } = JSON.parse(cluster.kubectl(['get', 'clusterstoragecontainer', 'default', '-o', 'json']));
    assert.equal(disabled, true);
  });

  it('makes of its storage-initializer a verifier with its own arguments (the same strategic merge as kubectl)', () => {
    // As pkg/webhook/admission/pod/storage_initializer_injector.go makes it.
    const initializer = {
      name: 'storage-initializer',
      image: 'kserve/storage-initializer:v0.16.0',
      args: ['oci://registry.example.com/models/m:v1', '/mnt/models'],
      terminationMessagePolicy: 'FallbackToLogsOnError',
      volumeMounts: [{ name: 'kserve-provision-location', mountPath: '/mnt/models' }],
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m', memory: '100Mi' } },
      env: [{ name: 'HF_HUB_ENABLE_HF_TRANSFER', value: '1' }],
    };
    const pod = join(cluster.folder, 'pod.yaml');
    const spec = { containers: [{ name: 'kserve-container', image: 'x' }], initContainers: [initializer] };
    writeFileSync(pod, stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec }));
    const { container } = example('cluster-storage-container.yaml').spec;
    const patch = JSON.stringify({ spec: { initContainers: [container] } });
    const words = ['patch', '--local', '--type=strategic', '-o', 'json', '-f', pod, '-p', patch];
    const [merged, ...others] = JSON.parse(cluster.kubectl(words)).spec.initContainers;
    assert.deepEqual(others, []);
    assert.deepEqual([merged.command, merged.args], [container.command, initializer.args]);
    assert.deepEqual([merged.image, merged.volumeMounts], [container.image, initializer.volumeMounts]);
    assert.equal(merged.terminationMessagePolicy, 'FallbackToLogsOnError');
    assert.deepEqual(contained(container.env, merged.env.slice(0, container.env.length)), []);
    assert.deepEqual(merged.resources, container.resources);
    assert.deepEqual(merged.securityContext, container.securityContext);
  });
});

/** Paths of what is asked for and is not there so. */
function contained(asked: Json, found: Json, path = ''): string[] {
  if (asked === null || typeof asked !== 'object') return asked === found ? [] : [path];
  return Object.entries(asked).flatMap(([key, value]) => contained(value, found?.[key], `${path}.${key}`));
}
