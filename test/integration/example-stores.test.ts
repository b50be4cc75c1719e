// The examples that bring a model from a store, run with the words and variables that they have: a
// pod for each store, and KServe's.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { STORE_SCHEMES } from '../../src/store/location.ts';
import { FakeAzure } from '../store/azure.ts';
import { FakeGcs } from '../store/gcs.ts';
import { FakeHub } from '../store/hub.ts';
import { FakeS3 } from '../store/s3.ts';
import { passed, recipe, refused, run, workFolder, write } from './cli.ts';

type Files = Readonly<Record<string, string | Buffer>>;
// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
type Json = any;

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const documents = (name: string): Json[] =>
  parseAllDocuments(readFileSync(join(EXAMPLES, name), 'utf8')).map((one) => one.toJS());
const of = (name: string, kind: string): Json =>
  documents(name).find((one) => one.kind === kind) ?? assert.fail(`${name} has no ${kind}`);

const FILES: Files = { 'config.json': '{}', 'weights/model.safetensors': Buffer.alloc(50_000, 1) };

interface Served {
  readonly host: string;
  readonly environment: Record<string, string>;
}

/** Serves files where a source of an example names them. */
const STORES: Readonly<Record<string, (source: string, files: Files) => Promise<Served>>> = {
  async s3(source, files) {
    const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/(.*)$/.exec(source) ?? [];
    const fake = await FakeS3.start();
    after(() => fake.close());
    fake.add(bucket, below(prefix, files));
    return fake;
  },
  async gcs(source, files) {
    const [, bucket = '', prefix = ''] = /^gs:\/\/([^/]+)\/(.*)$/.exec(source) ?? [];
    const fake = await FakeGcs.start();
    after(() => fake.close());
    fake.add(bucket, below(prefix, files));
    return fake;
  },
  async azure(source, files) {
    const [, container = '', prefix = ''] = new URL(source).pathname.match(/^\/([^/]+)\/(.*)$/) ?? [];
    const fake = await FakeAzure.start();
    after(() => fake.close());
    fake.add(container, below(prefix, files));
    return fake;
  },
  async hub(source, files) {
    const [, id = '', commit] = /^hf:\/\/([^@:]+)(?:@(.+))?$/.exec(source) ?? [];
    const fake = await FakeHub.start();
    after(() => fake.close());
    const made = fake.add(id, files);
    const repository = fake.repositories.get(`models/${id}`) ?? assert.fail(made);
    fake.repositories.set(`models/${id}`, { ...repository, commit: commit ?? made });
    return fake;
  },
};

function below(prefix: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [prefix + name, content]));
}

function folderOf(files: Files): string {
  const folder = join(workFolder(), 'model');
  write(folder, files);
  return folder;
}

const pin = recipe(folderOf(FILES));
const values = (container: Json): Record<string, string> =>
  Object.fromEntries(
    (container.env ?? []).flatMap(({ name, value }: Json) => (value === undefined ? [] : [[name, value]])),
  );

describe('18: a pod for each store', () => {
  for (const [store, serve] of Object.entries(STORES))
    it(`18: inference-pod-${store}.yaml fetches what it pins, and its server gets nothing else`, async () => {
      const { metadata, spec } = of(`inference-pod-${store}.yaml`, 'Pod');
      const [container, ...others] = spec.initContainers;
      assert.deepEqual(others, []);
      const [command, source, destination, ...flags] = container.args;
      assert.equal(metadata.annotations['model.ai/source'], source.replace(/@[0-9a-f]{40}$/, ''));
      const isMounted = (one: Json) =>
        one.volumeMounts.some(({ mountPath }: Json) => destination.startsWith(mountPath));
      assert.ok(isMounted(container) && spec.containers.every(isMounted));
      for (const isHonest of [true, false]) {
        const { host, environment } = await serve(source, isHonest ? FILES : { ...FILES, 'config.json': '{!' });
        const path = join(workFolder(), 'model');
        const words = flags.map((word: string) => word.replace(/^--sha256=.*$/, `--sha256=${pin}`));
        const result = await run([command, source, path, ...words, '--plain-http', host], {
          environment: { ...values(container), ...environment },
        });
        if (isHonest) passed(result);
        else refused(result, 'DIGEST_MISMATCH');
        assert.equal(existsSync(path), isHonest);
      }
    });
});

describe('18: the storage container of KServe', () => {
  const { spec } = of('kserve/cluster-storage-container.yaml', 'ClusterStorageContainer');
  /** As KServe has it (StorageContainerSpec.IsStorageUriSupported). */
  const takes = (uri: string): boolean =>
    spec.supportedUriFormats.some(({ prefix, regex }: Json) =>
      prefix ? uri.startsWith(prefix) : new RegExp(regex).test(uri),
    );
  const sources: Readonly<Record<string, string>> = {
    s3: 's3://models/mistral-small/',
    gcs: 'gs://models/mistral-small/',
    azure: 'https://acmemodels.blob.core.windows.net/models/mistral-small/',
    hub: 'hf://acme/mistral-small',
  };

  it('18: takes every source that the program fetches, and nothing that KServe mounts by itself', () => {
    const schemes = STORE_SCHEMES.map((scheme) => `${scheme === 'azure' ? sources['azure'] : `${scheme}://a/b`}`);
    for (const uri of [...schemes, ...Object.values(sources), 'oci://r.example.com/m:v1', 'https://h/m.tar.gz'])
      assert.ok(takes(uri), uri);
    for (const uri of ['pvc://claim/model', 'http://h/m', 'hdfs://n/m', 'file:///m', 'xs3://a'])
      assert.equal(takes(uri), false, uri);
  });

  for (const [store, serve] of Object.entries(STORES))
    it(`18: verifies a model of ${store} by the key that stands in it, with KServe's arguments`, async () => {
      const folder = folderOf(FILES);
      const keys = join(workFolder(), 'k');
      passed(await run(['keygen', '--output', keys]));
      passed(await run(['sign', folder, '--key', `${keys}.key`]));
      const signed = { ...FILES, 'model.sig': readFileSync(join(folder, 'model.sig')) };
      const source = sources[store] ?? '';
      const [program, ...command] = spec.container.command;
      assert.equal(program, '/usr/local/bin/weighlock');
      const key = { RELEASE_KEY: readFileSync(`${keys}.pub`, 'utf8') };
      for (const isHonest of [true, false]) {
        const files = isHonest ? signed : { ...signed, 'weights/model.safetensors': Buffer.alloc(50_000, 2) };
        const { host, environment } = await serve(source, files);
        const path = join(workFolder(), 'models');
        const result = await run([...command, source, path], {
          environment: { ...values(spec.container), ...key, ...environment, WEIGHLOCK_PLAIN_HTTP: host },
        });
        if (isHonest) passed(result);
        else refused(result, 'DIGEST_MISMATCH');
        assert.equal(existsSync(path), isHonest);
      }
    });
});
