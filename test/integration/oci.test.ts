// OCI artifacts from a registry that misbehaves. Whatever it does: nothing unverified appears at
// the destination.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FakeRegistry, type Handler, isBlob, isManifest } from '../registry/fake.ts';
import { descriptor, type Layer, sha256, titled } from '../registry/push.ts';
import { file, type Member, tar } from '../registry/tar.ts';
import { visible } from '../visible.ts';
import { recipe, run, workFolder } from './cli.ts';
import { ARCHIVED, archived, published, pull, refused, simple, WEIGHTS } from './oci-pulls.ts';

describe('an OCI artifact', () => {
  it('pinned by digest is published, and verified in place on the next run without fetching a blob', async () => {
    const { registry, digest } = await simple();
    const first = await pull(registry, `:v1@${digest}`);
    published(first, { 'config.json': '{}', 'w/model.safetensors': WEIGHTS });
    const blobs = registry.asked(/blobs/).length;
    const arguments_ = [
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      first.destination,
      '--plain-http',
      registry.host,
    ];
    assert.equal((await run(arguments_)).status, 0);
    assert.equal(registry.asked(/blobs/).length, blobs);
    writeFileSync(join(first.destination, 'config.json'), '{ }');
    const tampered = await run(arguments_);
    assert.deepEqual([tampered.status, tampered.codes], [65, ['DIGEST_MISMATCH']]);
    writeFileSync(join(first.destination, 'config.json'), '{}');
    writeFileSync(join(first.destination, 'extra.py'), '');
    assert.deepEqual((await run(arguments_)).codes, ['FILE_UNEXPECTED']);
  });

  it('of an archive is verified in place on the next run, without fetching it, by what the marker kept', async () => {
    const { registry, digest, archive } = await archived();
    const first = await pull(registry, `@${digest}`);
    published(first, { ...ARCHIVED, 'model.safetensors': WEIGHTS });
    const marker = join(first.volume, '.weighlock-m.json');
    const said = JSON.parse(readFileSync(marker, 'utf8'));
    assert.deepEqual([said.digest, said.content.files, said.archives.length], [digest, 4, 1]);
    const source = `oci://${registry.host}/models/m@${digest}`;
    const again = () => run(['verify', source, first.destination, '--plain-http', registry.host]);
    registry.requests.length = 0;
    assert.equal((await again()).status, 0);
    assert.equal(registry.asked(/blobs/).length, 1, 'only the configuration');

    // Nobody's word is taken for it: a marker that lies, or none, costs a download and nothing
    // else.
    const lies = [
      { ...said, archives: [{ ...said.archives[0], files: ['a.json'], frames: said.archives[0].frames.slice(8) }] },
      { ...said, archives: [{ ...said.archives[0], digest: `sha256:${'0'.repeat(64)}` }] },
      { ...said, archives: [{ ...said.archives[0], frames: gzipSync(tar([])).toString('base64') }] },
      { ...said, archives: 'x' },
      null,
      [],
    ];
    for (const lie of lies) {
      writeFileSync(marker, JSON.stringify(lie));
      registry.requests.length = 0;
      const result = await again();
      assert.equal(result.status, 0, result.stdout);
      assert.equal(registry.asked(new RegExp(archive)).length, 1);
    }
    writeFileSync(marker, JSON.stringify(said));
    writeFileSync(join(first.destination, 'dir/b.bin'), `c${'b'.repeat(69_999)}`);
    const tampered = await again();
    assert.deepEqual([tampered.status, tampered.codes], [65, ['DIGEST_MISMATCH']]);
    assert.equal(existsSync(marker), false, 'the marker speaks of something else');
  });

  it('by tag needs another pin, which is then met by the content', async () => {
    const { registry, digest } = await simple();
    refused(await pull(registry, ':v1'), 78, 'CONFIG_INVALID', /nothing is required/);
    const pinned = await pull(registry, `@${digest}`);
    published(await pull(registry, ':v1', ['--sha256', recipe(pinned.destination)]), { 'config.json': '{}' });
    refused(await pull(registry, ':v1', ['--sha256', 'a'.repeat(64)]), 65, 'DIGEST_MISMATCH', /tree digest/);
  });

  it('is asked for by its digest even when a tag is named, and everything else too (S19, S21)', async () => {
    const { registry, digest } = await simple();
    published(await pull(registry, `:elsewhere@${digest}`), { 'config.json': '{}' });
    assert.deepEqual(registry.asked(/manifests/), [`GET /v2/models/m/manifests/${digest}`]);
  });

  it('in Audit is not published either when it does not verify', async () => {
    const { registry } = await simple();
    const result = await pull(registry, ':v1', ['--sha256', 'a'.repeat(64), '--mode=Audit']);
    assert.equal(result.status, 0);
    assert.deepEqual(readdirSync(result.volume), []);
  });

  it('resolves to the digest that weighlock digest prints', async () => {
    const { registry, digest } = await simple();
    const { stdout, status } = await run([
      'digest',
      `oci://${registry.host}/models/m:v1`,
      '--plain-http',
      registry.host,
    ]);
    assert.deepEqual([status, stdout.trimEnd()], [0, digest]);
  });

  it('is not fetched over plain HTTP unless that was asked for', async () => {
    const { registry, digest } = await simple();
    const volume = workFolder();
    const result = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--timeout=3s',
    ]);
    assert.equal(result.status, 75);
    assert.equal(registry.asked(/./).length, 0);
  });

  it('without a place to put it is a configuration error', async () => {
    const { registry, digest } = await simple();
    const result = await run(['verify', `oci://${registry.host}/models/m@${digest}`, '--plain-http', registry.host]);
    assert.deepEqual([result.status, result.codes], [78, ['CONFIG_INVALID']]);
  });
});

describe('an index', () => {
  it('is followed to the platform that is asked for, by hashing what it lists (S23)', async () => {
    const registry = await FakeRegistry.start();
    const child = (name: string) => registry.add([titled('arch', name)], name);
    const entries = ['amd64', 'arm64'].map((architecture) => {
      const digest = child(architecture);
      const size = registry.manifests.get(digest)?.bytes.length;
      return {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest,
        size,
        platform: { os: 'linux', architecture },
      };
    });
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = { schemaVersion: 2, mediaType: type, manifests: entries };
    const digest = registry.addManifest(Buffer.from(JSON.stringify(index)), 'multi', type);
    published(await pull(registry, `@${digest}`, ['--platform=linux/arm64']), { arch: 'arm64' });
    refused(
      await pull(registry, `@${digest}`, ['--platform=linux/s390x']),
      78,
      'CONFIG_INVALID',
      /nothing for linux\/s390x/,
    );
    const nested = {
      ...index,
      manifests: [{ mediaType: type, digest, size: registry.manifests.get(digest)?.bytes.length }],
    };
    const outer = registry.addManifest(Buffer.from(JSON.stringify(nested)), 'nested', type);
    refused(await pull(registry, `@${outer}`), 65, 'UNSAFE_ENTRY', /index inside an index/);
    const lying = { ...index, manifests: [{ ...entries[0], size: 5 }] };
    const liar = registry.addManifest(Buffer.from(JSON.stringify(lying)), 'lying', type);
    refused(await pull(registry, `@${liar}`, ['--platform=linux/amd64']), 65, 'DIGEST_MISMATCH');
  });
});

describe('a registry that sends something else', () => {
  it('for a manifest by digest is refused (S21)', async () => {
    const { registry, digest } = await simple();
    const other = registry.add([titled('evil', 'x')], 'other');
    registry.manifests.set(digest, registry.manifests.get(other) as { bytes: Buffer; type: string });
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /the manifest is not what was asked for/);
    assert.equal(registry.asked(/blobs/).length, 0);
  });

  it('whatever its Docker-Content-Digest header says (S19)', async () => {
    const { registry, digest } = await simple((request, response, next) => {
      if (isManifest(request)) response.setHeader('docker-content-digest', `sha256:${'f'.repeat(64)}`);
      next();
    });
    published(await pull(registry, `@${digest}`), { 'config.json': '{}' });
  });

  it('for a blob is refused: other bytes, fewer, more, endless (S11)', async () => {
    const other = Buffer.from(WEIGHTS);
    other[2_000_000] = (other[2_000_000] ?? 0) ^ 1;
    const { registry, digest } = await simple();
    const answerBlob =
      (handler: Handler): Handler =>
      (request, response, next) =>
        isBlob(request) && request.url?.includes(sha256(WEIGHTS)) ? handler(request, response, next) : next();
    registry.handler = answerBlob((_request, response) => void response.end(other));
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /something else than the manifest promises/);
    registry.handler = answerBlob(
      (_request, response) => void response.writeHead(200, { 'content-length': 5 }).end('short'),
    );
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    registry.handler = answerBlob(
      (_request, response) => void response.writeHead(200, { 'content-length': WEIGHTS.length + 5 }).end(WEIGHTS),
    );
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    let sent = 0;
    registry.handler = answerBlob((_request, response) => {
      const more = () => {
        while (!response.destroyed && sent < 2 ** 31) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
        }
      };
      more();
    });
    refused(await pull(registry, `@${digest}`), 65, 'DIGEST_MISMATCH', /promised length/);
    assert.ok(sent < 100 << 20, 'an endless body is not read on');
  });

  it('as a manifest of five megabytes, or one nested to crash a parser, is refused (ghsa-f36w-mj3v-6jqv, S12)', async () => {
    const registry = await FakeRegistry.start();
    const big = registry.addManifest(Buffer.alloc(5 << 20, 0x20), 'big');
    refused(await pull(registry, `@${big}`), 65, 'LIMIT_EXCEEDED');
    const deep = registry.addManifest(Buffer.from(`{"schemaVersion":2,"a":${'['.repeat(10_000)}`), 'deep');
    refused(await pull(registry, `@${deep}`), 65, 'UNSAFE_ENTRY', /nested more than/);
    const both = registry.addManifest(Buffer.from('{"schemaVersion":2,"manifests":[],"layers":[]}'), 'both');
    refused(await pull(registry, `@${both}`), 65, 'UNSAFE_ENTRY', /at once/);
  });

  it('as a configuration of a terabyte does not make us allocate one (ghsa-f36w-mj3v-6jqv)', async () => {
    const registry = await FakeRegistry.start();
    const config = { mediaType: 'application/vnd.cncf.model.config.v1+json', digest: sha256('{}'), size: 2 ** 40 };
    const digest = registry.add([titled('a', 'x')], 'v1', { config });
    refused(await pull(registry, `@${digest}`), 65, 'LIMIT_EXCEEDED');
  });

  it('encoded although identity was asked for is refused, however often it is encoded (undici b04e3cbb, S11)', async () => {
    for (const encoding of ['gzip', 'gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip', 'zstd']) {
      const { registry, digest } = await simple((_request, response, next) => {
        response.setHeader('content-encoding', encoding);
        next();
      });
      const result = await pull(registry, `@${digest}`, ['--timeout=10s']);
      refused(result, 75, 'SOURCE_UNAVAILABLE', /Content-Encoding/);
      assert.equal(registry.requests[0]?.headers['accept-encoding'], 'identity');
    }
  });

  it('with foreign layer addresses is never asked at those (cve-2020-15157)', async () => {
    const registry = await FakeRegistry.start();
    const layer = { ...descriptor(titled('a', 'x')), urls: ['http://169.254.169.254/latest'] };
    registry.blobs.set(sha256('x'), Buffer.from('x'));
    const digest = registry.add([], 'v1', { layers: [layer] });
    published(await pull(registry, `@${digest}`), { a: 'x' });
  });
});

describe('conventions', () => {
  const artifact = async (layers: Layer[], configType: string, config: object = {}, flags: string[] = []) => {
    const registry = await FakeRegistry.start();
    const bytes = Buffer.from(JSON.stringify(config));
    registry.blobs.set(sha256(bytes), bytes);
    const digest = registry.add(layers, 'v1', { config: descriptor({ mediaType: configType, bytes }) });
    return pull(registry, `@${digest}`, flags);
  };
  const layer = (mediaType: string, content: string | Buffer): Layer => ({ mediaType, bytes: Buffer.from(content) });

  it('of KitOps: archives whose unpacked digest is checked, parents refused', async () => {
    const bytes = tar([file('model.gguf', 'G')]);
    const type = 'application/vnd.kitops.modelkit.config.v1+json';
    published(await artifact([layer('application/vnd.kitops.modelkit.model.v1.tar', bytes)], type), {
      'model.gguf': 'G',
    });
    const parent = { model: { path: 'ghcr.io/acme/base:v1' } };
    refused(
      await artifact([layer('application/vnd.kitops.modelkit.model.v1.tar', bytes)], type, parent),
      65,
      'UNSAFE_ENTRY',
      /another ModelKit/,
    );
  });

  it('of Docker Model Runner and Ollama: names by type', async () => {
    const gguf = 'application/vnd.docker.ai.gguf.v3';
    published(await artifact([layer(gguf, 'G')], 'application/vnd.docker.ai.model.config.v0.1+json'), {
      'model.gguf': 'G',
    });
    published(
      await artifact([layer(gguf, '1'), layer(gguf, '2')], 'application/vnd.docker.ai.model.config.v0.1+json'),
      {
        'model-00001-of-00002.gguf': '1',
        'model-00002-of-00002.gguf': '2',
      },
    );
    const parts = [layer(gguf, 'G'), layer(`${gguf}.mmproj`, 'P'), layer(`${gguf}.lora`, 'L')];
    published(await artifact(parts, 'application/vnd.docker.ai.model.config.v0.1+json'), {
      'model.gguf': 'G',
      'model.mmproj': 'P',
      'adapter.gguf': 'L',
    });
    const adapters = [layer(gguf, 'G'), layer(`${gguf}.lora`, '1'), layer(`${gguf}.lora`, '2')];
    published(await artifact(adapters, 'application/vnd.docker.ai.model.config.v0.2+json'), {
      'model.gguf': 'G',
      'adapter-00001-of-00002.gguf': '1',
      'adapter-00002-of-00002.gguf': '2',
    });
    const twice = [layer(`${gguf}.mmproj`, '1'), layer('application/vnd.docker.ai.mmproj', '2')];
    refused(
      await artifact(twice, 'application/vnd.docker.ai.model.config.v0.1+json'),
      65,
      'UNSAFE_ENTRY',
      /same file as another layer/,
    );
    const ollama = [
      layer('application/vnd.ollama.image.model', 'G'),
      layer('application/vnd.ollama.image.template', 'T'),
    ];
    published(await artifact(ollama, 'application/vnd.docker.container.image.v1+json'), {
      'model.gguf': 'G',
      template: 'T',
    });
  });

  it('of container images: /models of all layers, whiteouts applied, nothing else', async () => {
    const type = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const image = 'application/vnd.oci.image.config.v1+json';
    const pack = (...members: Member[]) => layer(type, gzipSync(tar(members)));
    const base = pack(
      { name: 'bin/sh', type: '2', linkname: 'busybox' },
      file('models/old', 'old'),
      file('models/keep', 'keep'),
      file('models/dir/a', 'a'),
    );
    const top = pack(
      file('models/new', 'new'),
      { ...file('models/.wh.old', '') },
      file('models/dir/.wh..wh..opq', ''),
      file('models/dir/b', 'b'),
      file('etc/x', 'x'),
    );
    const result = await artifact([base, top], image);
    published(result, { new: 'new', keep: 'keep', 'dir/b': 'b' });
    assert.deepEqual(readdirSync(result.destination).sort(), ['dir', 'keep', 'new']);
    assert.deepEqual(readdirSync(join(result.destination, 'dir')), ['b']);
    refused(await artifact([pack(file('opt/x', 'x'))], image), 65, 'SOURCE_EMPTY', /no file below .*opt/);
    const diffIds = { rootfs: { diff_ids: [`sha256:${'a'.repeat(64)}`] } };
    refused(await artifact([pack(file('models/x', 'x'))], image, diffIds), 65, 'DIGEST_MISMATCH', /unpacked/);
  });

  it('that nobody knows are refused, unless unknown layers may be left out', async () => {
    const known = {
      mediaType: 'application/vnd.cncf.model.weight.v1.raw',
      bytes: Buffer.from('x'),
      annotations: { 'org.cncf.model.filepath': 'w' },
    };
    const layers = [known, layer('application/vnd.acme.secret', 'y')];
    const type = 'application/vnd.cncf.model.config.v1+json';
    refused(await artifact(layers, type), 78, 'CONFIG_INVALID', /vnd\.acme\.secret/);
    published(await artifact(layers, type, {}, ['--allow-unknown-layers']), { w: 'x' });
    refused(
      await artifact([layer('application/vnd.acme.x', 'y')], 'application/vnd.acme.config'),
      78,
      'CONFIG_INVALID',
      /known convention/,
    );
  });
});

describe('a destination', () => {
  it('in which a staging folder of somebody else lies is used all the same, and that folder left alone', async () => {
    const { registry, digest } = await simple();
    const result = await pull(registry, `@${digest}`);
    published(result, { 'config.json': '{}' });
    const volume = workFolder();
    mkdirSync(join(volume, '.weighlock-0123456789abcdef'));
    chmodSync(join(volume, '.weighlock-0123456789abcdef'), 0o777);
    const again = await run([
      'verify',
      `oci://${registry.host}/models/m@${digest}`,
      join(volume, 'm'),
      '--plain-http',
      registry.host,
    ]);
    assert.equal(again.status, 0);
    assert.deepEqual(visible(volume), ['.weighlock-0123456789abcdef', 'm']);
  });
});
