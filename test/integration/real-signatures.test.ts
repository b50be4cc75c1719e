// What other tools signed: fixtures made by cosign v2 and v3 and by the Python model_signing, see
// test/fixtures.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Draft, ISSUER, keyBundle, pae, pem, SUBJECT, World } from '../evidence/world.ts';
import { FakeRegistry, MANIFEST } from '../registry/fake.ts';
import { descriptor, type Layer, sha256 } from '../registry/push.ts';
import { passed, refused, run, workFolder } from './cli.ts';
import { verifyOci as verifyOciWith } from './verify-oci.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const cosign = (name: string) => join(fixtures, 'cosign', name);
const oms = (name: string) => join(fixtures, 'model-signing', name);
const KEY = ['--key', cosign('cosign.pub'), '--insecure-ignore-tlog'];
const INDEX = 'application/vnd.oci.image.index.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

interface Dump {
  readonly manifests: Record<string, { readonly type: string; readonly bytes: string }>;
  readonly blobs: Record<string, string>;
}

/** A registry with what the real one had, and the digest of the artifact in it. */
async function restored(repository: 'models/new' | 'models/old'): Promise<{ registry: FakeRegistry; digest: string }> {
  const all = JSON.parse(readFileSync(cosign('registry.json'), 'utf8')) as Record<string, Dump>;
  const { manifests, blobs } = all[repository] as Dump;
  const registry = await FakeRegistry.start();
  for (const [name, { type, bytes }] of Object.entries(manifests))
    registry.addManifest(Buffer.from(bytes, 'base64'), name, type);
  for (const [name, bytes] of Object.entries(blobs)) registry.blobs.set(name, Buffer.from(bytes, 'base64'));
  return { registry, digest: sha256(registry.manifests.get('v1')?.bytes ?? Buffer.alloc(0)) };
}

const verifyOci = (registry: FakeRegistry, reference: string, flags: readonly string[] = KEY) =>
  verifyOciWith(registry, reference, flags);

describe('an artifact in a registry that cosign signed', () => {
  for (const repository of ['models/new', 'models/old'] as const) {
    it(`passes with what it stored for ${repository}, by tag and without a pin`, async () => {
      const { registry, digest } = await restored(repository);
      passed(await verifyOci(registry, ':v1'));
      passed(await verifyOci(registry, `@${digest}`));
      const card = ['--type', 'modelcard', '--condition', "predicate.builder.id == 'https://ci.example/1'"];
      passed(await verifyOci(registry, ':v1', [...KEY, ...card]));
    });

    it(`is not fetched when nobody who is trusted signed it (${repository})`, async () => {
      const { registry } = await restored(repository);
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const stranger = join(workFolder(), 'stranger.pub');
      writeFileSync(stranger, publicKey.export({ type: 'spki', format: 'pem' }));
      refused(await verifyOci(registry, ':v1', ['--key', stranger, '--insecure-ignore-tlog']), 'SIGNATURE_INVALID');
      refused(await verifyOci(registry, ':v1', [...KEY, '--type', 'spdx']), 'ATTESTATION_MISSING');
      refused(await verifyOci(registry, ':v1', KEY.slice(0, 2)), 'SIGNATURE_INVALID', /tlog|log/);
      const layers = JSON.parse(registry.manifests.get('v1')?.bytes.toString() ?? '').layers as { digest: string }[];
      for (const { digest } of layers)
        assert.equal(registry.asked(new RegExp(digest)).length, 0, 'a layer was fetched');
    });

    it(`is another one: its signature does not count (${repository}, S1, S21)`, async () => {
      const { registry, digest } = await restored(repository);
      const hex = digest.slice('sha256:'.length);
      const other = registry.add(
        [
          {
            mediaType: 'application/octet-stream',
            bytes: Buffer.from('evil'),
            annotations: { 'org.opencontainers.image.title': 'x' },
          },
        ],
        'evil',
      );
      const otherHex = other.slice('sha256:'.length);
      for (const suffix of ['', '.sig', '.att']) {
        const stored = registry.manifests.get(`sha256-${hex}${suffix}`);
        if (stored !== undefined) registry.addManifest(stored.bytes, `sha256-${otherHex}${suffix}`, stored.type);
      }
      refused(
        await verifyOci(registry, ':evil'),
        repository === 'models/old' ? 'SIGNATURE_INVALID' : 'SIGNATURE_MISSING',
      );
    });
  }

  it('is not "unsigned" when the registry fails', async () => {
    const { registry } = await restored('models/new');
    registry.handler = (request, response, next) => {
      if (/sha256-|referrers/.test(request.url ?? '')) response.writeHead(401).end();
      else next();
    };
    refused(await verifyOci(registry, ':v1'), 'SOURCE_UNAVAILABLE', /./, 75);
  });

  it('is judged by the digest that was resolved, even if the tag moves (S19)', async () => {
    const { registry, digest } = await restored('models/new');
    const evil = registry.add(
      [
        {
          mediaType: 'application/octet-stream',
          bytes: Buffer.from('evil'),
          annotations: { 'org.opencontainers.image.title': 'x' },
        },
      ],
      'later',
    );
    let times = 0;
    registry.handler = (request, _response, next) => {
      if (/manifests\/v1$/.test(request.url ?? '') && times++ === 0) {
        next();
        registry.manifests.set('v1', registry.manifests.get(evil) ?? { bytes: Buffer.alloc(0), type: MANIFEST });
      } else next();
    };
    const result = await verifyOci(registry, ':v1');
    passed(result);
    assert.equal(registry.asked(/manifests\/v1$/).length, 1);
    assert.ok(registry.asked(new RegExp(digest)).length >= 0);
  });

  it('that is published already is held against the manifest that was signed', async () => {
    const { registry } = await restored('models/new');
    const destination = join(workFolder(), 'm');
    const again = () =>
      run(['verify', `oci://${registry.host}/models/m:v1`, destination, '--plain-http', registry.host, ...KEY]);
    passed(await again());
    passed(await again());
    writeFileSync(join(destination, 'weights.bin'), 'Weights');
    refused(await again(), 'DIGEST_MISMATCH', /weights\.bin/);
  });

  it('with a threshold or a place of its own for signatures', async () => {
    const { registry } = await restored('models/new');
    passed(await verifyOci(registry, ':v1', [...KEY, '--signature-repository', `${registry.host}/signatures/m`]));
    assert.ok(registry.asked(/\/signatures\/m\//).length > 0);
  });
});

describe('what is attached to an artifact', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = join(workFolder(), 'key.pub');
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  const flags = ['--key', key, '--insecure-ignore-tlog'];
  const titled = { 'org.opencontainers.image.title': 'weights.bin' };

  async function artifact(): Promise<{ registry: FakeRegistry; digest: string; hex: string }> {
    const registry = await FakeRegistry.start();
    const digest = registry.add([
      { mediaType: 'application/octet-stream', bytes: Buffer.from('weights'), annotations: titled },
    ]);
    return { registry, digest, hex: digest.slice('sha256:'.length) };
  }

  /** Attaches bundles as referrers, found under the tag of registries without the API. */
  function attach(registry: FakeRegistry, digest: string, bundles: readonly Draft[], change: Draft = {}): void {
    const before = registry.manifests.get(digest);
    const subject = { mediaType: MANIFEST, digest, size: before?.bytes.length ?? 0 };
    const manifests = bundles.map((bundle) => {
      const layer: Layer = {
        mediaType: change.layerType ?? BUNDLE,
        bytes: Buffer.from(typeof bundle === 'string' ? bundle : JSON.stringify(bundle)),
      };
      const artifactType = change.artifactType ?? BUNDLE;
      const referrer = registry.add([layer], 'referrer', { artifactType, subject: change.subject ?? subject });
      return {
        mediaType: MANIFEST,
        digest: referrer,
        size: registry.manifests.get(referrer)?.bytes.length ?? 0,
        artifactType,
      };
    });
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
    registry.addManifest(index, `sha256-${digest.slice('sha256:'.length)}`, INDEX);
  }

  const statement = (hex: string, change: Draft = {}): Draft => ({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hex } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
    ...change,
  });

  it('counts when it is a signature of it', async () => {
    const { registry, digest, hex } = await artifact();
    attach(registry, digest, [keyBundle(statement(hex), privateKey)]);
    passed(await verifyOci(registry, ':v1', flags));
  });

  it('is no signature when it is something else by the same hand (S4, S7)', async () => {
    const { registry, digest, hex } = await artifact();
    attach(registry, digest, [
      keyBundle(statement(hex, { predicateType: 'https://cosign.sigstore.dev/attestation/vuln/v1' }), privateKey),
    ]);
    refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_MISSING', /vuln/);
    refused(await verifyOci(registry, ':v1', [...flags, '--type', 'spdx']), 'ATTESTATION_MISSING');
    passed(await verifyOci(registry, ':v1', [...flags, '--type', 'vuln']));
  });

  it('says nothing when it is about something else (S21, S28, S29)', async () => {
    const { registry, digest, hex } = await artifact();
    const subjects = [
      [],
      null,
      [{ digest: {} }],
      [{ digest: { sha256: '' } }],
      [{ digest: { sha256: hex.toUpperCase() } }],
      [{ digest: { sha512: hex } }],
      [{ digest: { sha256: 'a'.repeat(64) } }],
    ];
    for (const subject of subjects) {
      attach(registry, digest, [keyBundle(statement(hex, { subject }), privateKey)]);
      refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_INVALID');
    }
    attach(registry, digest, [keyBundle(statement(hex), privateKey)], {
      subject: { mediaType: MANIFEST, digest: `sha256:${'b'.repeat(64)}`, size: 7 },
    });
    refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_MISSING', /none at all/);
  });

  it('is not trusted for being there (S25)', async () => {
    const { registry, digest, hex } = await artifact();
    const unsigned = {
      payloadType: 'application/vnd.in-toto+json',
      payload: Buffer.from(JSON.stringify(statement(hex, { predicateType: 'https://spdx.dev/Document' }))).toString(
        'base64',
      ),
      signatures: [{ sig: 'AAAA' }],
    };
    attach(registry, digest, [unsigned], {
      artifactType: 'application/vnd.in-toto+json',
      layerType: 'application/vnd.dsse.envelope.v1+json',
    });
    refused(await verifyOci(registry, ':v1', [...flags, '--type', 'spdx']), 'SIGNATURE_INVALID');
  });

  it('is passed over when it is garbage, if a good one is there too', async () => {
    const { registry, digest, hex } = await artifact();
    attach(registry, digest, [
      '{',
      '[]',
      keyBundle(statement('0'.repeat(64)), privateKey),
      keyBundle(statement(hex), privateKey),
    ]);
    passed(await verifyOci(registry, ':v1', flags));
  });

  it('is not counted without end (S10)', async () => {
    const { registry, hex } = await artifact();
    const layer: Layer = { mediaType: 'application/vnd.dsse.envelope.v1+json', bytes: Buffer.from('{}') };
    registry.add(
      Array.from({ length: 1100 }, () => layer),
      `sha256-${hex}.att`,
    );
    const result = await verifyOci(registry, ':v1', [...flags, '--type', 'spdx']);
    refused(result, 'SIGNATURE_INVALID', /more signatures than|and \d+ more/);
  });

  it('is not read when it is larger than any signature (S11)', async () => {
    const { registry, hex } = await artifact();
    const digest = registry.add(
      [{ mediaType: 'application/vnd.dsse.envelope.v1+json', bytes: Buffer.from('{}') }],
      'x',
    );
    const manifest = JSON.parse(registry.manifests.get(digest)?.bytes.toString() ?? '');
    manifest.layers[0].size = 1 << 30;
    registry.addManifest(Buffer.from(JSON.stringify(manifest)), `sha256-${hex}.att`);
    const before = registry.asked(/GET .*\/blobs\//).length;
    const result = await verifyOci(registry, ':v1', [...flags, '--type', 'spdx']);
    refused(result, 'ATTESTATION_MISSING', /could not be read: sha256-.*\.att: more signatures/);
    assert.equal(registry.asked(/GET .*\/blobs\//).length, before, 'no blob was asked for');
  });

  it('to an index is a signature of the index, and not one of its children (S23)', async () => {
    const { registry, digest, hex } = await artifact();
    const child = {
      ...descriptor({ mediaType: MANIFEST, bytes: registry.manifests.get(digest)?.bytes ?? Buffer.alloc(0) }),
      platform: { os: 'linux', architecture: 'amd64' },
    };
    const index = registry.addManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [child] })),
      'multi',
      INDEX,
    );
    attach(registry, digest, [keyBundle(statement(hex), privateKey)]);
    refused(await verifyOci(registry, ':multi', [...flags, '--platform=linux/amd64']), 'SIGNATURE_MISSING');
    attach(registry, index, [keyBundle(statement(index.slice('sha256:'.length)), privateKey)]);
    passed(await verifyOci(registry, ':multi', [...flags, '--platform=linux/amd64']));
  });

  describe('as cosign did it before there were bundles', () => {
    const simple = (digest: string, change: Draft = {}) =>
      Buffer.from(
        JSON.stringify({
          critical: {
            identity: { 'docker-reference': '' },
            image: { 'docker-manifest-digest': digest },
            type: 'cosign container image signature',
            ...change,
          },
          optional: null,
        }),
      );
    const store = (registry: FakeRegistry, hex: string, bytes: Buffer, annotations: Record<string, string> = {}) =>
      registry.add(
        [
          {
            mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
            bytes,
            annotations: {
              'dev.cosignproject.cosign/signature': sign('sha256', bytes, privateKey).toString('base64'),
              ...annotations,
            },
          },
        ],
        `sha256-${hex}.sig`,
      );

    it('counts', async () => {
      const { registry, digest, hex } = await artifact();
      store(registry, hex, simple(digest));
      passed(await verifyOci(registry, ':v1', flags));
    });

    it('does not count with another type, digest, case or signature', async () => {
      const { registry, digest, hex } = await artifact();
      for (const bytes of [
        simple(digest, { type: 'atomic container signature' }),
        simple(`sha256:${'c'.repeat(64)}`),
        simple(digest.toUpperCase()),
        Buffer.from(JSON.stringify({ Critical: JSON.parse(simple(digest).toString()).critical })),
        Buffer.from('{}'),
        Buffer.from('not json'),
      ]) {
        store(registry, hex, bytes);
        refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_INVALID');
      }
      store(registry, hex, simple(digest), { 'dev.cosignproject.cosign/signature': '' });
      refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_INVALID', /has no/);
    });

    it('does not count with an annotation that cannot be read (S9, S28)', async () => {
      const { registry, digest, hex } = await artifact();
      const wrong: Record<string, string>[] = [
        { 'dev.sigstore.cosign/bundle': '' },
        { 'dev.sigstore.cosign/bundle': '{}' },
        { 'dev.sigstore.cosign/bundle': '{"SignedEntryTimestamp":"AA==","Payload":null}' },
        { 'dev.sigstore.cosign/rfc3161timestamp': '{}' },
        { 'dev.sigstore.cosign/certificate': 'garbage' },
      ];
      for (const annotations of wrong) {
        store(registry, hex, simple(digest), annotations);
        refused(await verifyOci(registry, ':v1', flags), 'SIGNATURE_INVALID');
      }
    });

    it('as an attestation with a log entry of that time counts, and no other entry does (S2, S3)', async () => {
      const { registry, hex } = await artifact();
      const world = await World.create();
      const root = join(workFolder(), 'root.json');
      writeFileSync(root, world.root);
      const identity = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, '--trusted-root', root];
      const spdx = statement(hex, { predicateType: 'https://spdx.dev/Document' });
      const ask = (layer: Buffer, annotations: Draft) => {
        registry.add(
          [{ mediaType: 'application/vnd.dsse.envelope.v1+json', bytes: layer, annotations }],
          `sha256-${hex}.att`,
        );
        return verifyOci(registry, ':v1', [...identity, '--type', 'spdx']);
      };
      const good = await world.oldAttestation(spdx);
      passed(await ask(good.layer, good.annotations));
      const another = await world.oldAttestation({ ...spdx, predicate: { other: true } });
      const bundle = 'dev.sigstore.cosign/bundle';
      refused(
        await ask(good.layer, { ...good.annotations, [bundle]: another.annotations[bundle] }),
        'SIGNATURE_INVALID',
      );
      // The same envelope in other bytes.
      refused(
        await ask(Buffer.concat([good.layer, Buffer.from(' ')]), good.annotations),
        'SIGNATURE_INVALID',
        /another attestation/,
      );
      const { leaf } = await world.person();
      const borrowed = await world.oldAttestation(spdx, { loggedAs: pem(leaf) });
      refused(await ask(borrowed.layer, borrowed.annotations), 'SIGNATURE_INVALID', /another key/);
      const without = { ...good.annotations };
      delete without[bundle];
      refused(await ask(good.layer, without), 'SIGNATURE_INVALID');
    });

    it('as an attestation is signed over its envelope, not its payload (S27)', async () => {
      const { registry, hex } = await artifact();
      const payload = Buffer.from(JSON.stringify(statement(hex, { predicateType: 'https://spdx.dev/Document' })));
      for (const [signature, ok] of [
        [sign('sha256', pae(payload), privateKey), true],
        [sign('sha256', payload, privateKey), false],
      ] as const) {
        const envelope = {
          payloadType: 'application/vnd.in-toto+json',
          payload: payload.toString('base64'),
          signatures: [{ sig: signature.toString('base64') }],
        };
        registry.add(
          [
            {
              mediaType: 'application/vnd.dsse.envelope.v1+json',
              bytes: Buffer.from(JSON.stringify(envelope)),
              annotations: { predicateType: 'https://evil.example' },
            },
          ],
          `sha256-${hex}.att`,
        );
        const result = await verifyOci(registry, ':v1', [...flags, '--type', 'spdx']);
        if (ok) passed(result);
        else refused(result, 'SIGNATURE_INVALID');
      }
    });
  });
});

describe('a file that cosign signed', () => {
  const ask = (signature: string, ...more: string[]) =>
    run(['verify', cosign('data.bin'), '--signature', cosign(signature), ...KEY, ...more]);

  it('passes with every form of a signature', async () => {
    for (const signature of ['data.bundle.json', 'data.old.json', 'data.sig']) passed(await ask(signature));
    passed(
      await ask('data.attestation.json', '--type', 'custom', '--condition', "predicate.Data.contains('ci.example')"),
    );
    refused(await ask('data.attestation.json'), 'SIGNATURE_MISSING', /of the type/);
  });

  it('does not pass when it is another file', async () => {
    const path = join(workFolder(), 'data.bin');
    writeFileSync(path, 'a dataset that nobody signed\n');
    for (const [signature, code] of [
      ['data.bundle.json', 'DIGEST_MISMATCH'],
      ['data.old.json', 'SIGNATURE_INVALID'],
      ['data.sig', 'SIGNATURE_INVALID'],
    ] as const)
      refused(await run(['verify', path, '--signature', cosign(signature), ...KEY]), code);
  });
});

describe('a model that the reference implementation signed', () => {
  const key = (curve = 'prime256v1') => ['--key', oms(`keys/${curve}.pub`)];
  const copy = () => {
    const path = join(workFolder(), 'model');
    cpSync(oms('model'), path, { recursive: true });
    return path;
  };

  it('passes with every curve, hash and serialization, deviations and all', async () => {
    for (const curve of ['prime256v1', 'secp384r1', 'secp521r1'])
      passed(await run(['verify', oms('model'), '--signature', oms(`${curve}.sig`), ...key(curve)]));
    for (const name of ['files-blake2', 'files-blake3', 'shards-sha256', 'shards-blake2']) {
      const words = ['verify', oms('model'), '--signature', oms(`${name}.sig`), ...key()];
      const isSharded = name.startsWith('shards');
      // Shards of the reference implementation leave out empty files.
      if (isSharded) refused(await run(words), 'FILE_UNEXPECTED', /shards leave out empty files/);
      const result = await run([...words, '--format=text', ...(isSharded ? ['--ignore-paths', 'empty'] : [])]);
      passed(result);
      if (isSharded) assert.match(result.stdout, /tolerated: its (shards|files)/);
    }
    passed(await run(['verify', oms('model/weights/w.bin'), '--signature', oms('single.sig'), ...key()]));
  });

  it('does not pass when a byte is another one, whatever the hash', async () => {
    for (const name of ['prime256v1', 'files-blake2', 'files-blake3', 'shards-sha256', 'shards-blake2']) {
      const path = copy();
      const bytes = readFileSync(join(path, 'weights/w.bin'));
      bytes.writeUInt8(255, 77);
      writeFileSync(join(path, 'weights/w.bin'), bytes);
      refused(
        await run(['verify', path, '--signature', oms(`${name}.sig`), ...key()]),
        'DIGEST_MISMATCH',
        /weights\/w\.bin/,
      );
      writeFileSync(
        join(path, 'weights/w.bin'),
        Buffer.concat([readFileSync(oms('model/weights/w.bin')), Buffer.from('tail')]),
      );
      refused(
        await run(['verify', path, '--signature', oms(`${name}.sig`), ...key()]),
        'DIGEST_MISMATCH',
        /weights\/w\.bin/,
      );
      rmSync(join(path, 'weights/w.bin'));
      refused(await run(['verify', path, '--signature', oms(`${name}.sig`), ...key()]), 'FILE_MISSING');
    }
  });

  it('with a certificate needs the roots, the purpose and the name (PY #648, S36)', async () => {
    const ask = (leaf: string, ...flags: string[]) =>
      run(['verify', oms('model'), '--signature', oms(`${leaf}.sig`), ...flags]);
    const roots = ['--ca-roots', oms('keys/root.pem')];
    passed(await ask('codeSigning', ...roots, '--certificate-identity', 'ml@acme.example'));
    refused(
      await ask('codeSigning', ...roots, '--certificate-identity', 'other@acme.example'),
      'SIGNER_UNTRUSTED',
      /ml@acme\.example/,
    );
    refused(
      await ask('serverAuth', ...roots, '--certificate-identity', 'ml@acme.example'),
      'SIGNER_UNTRUSTED',
      /signing code/,
    );
    // Somebody else's certificate beside one's own signature.
    const bundle = JSON.parse(readFileSync(oms('codeSigning.sig'), 'utf8'));
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
    bundle.dsseEnvelope.signatures[0].sig = sign('sha256', pae(payload), privateKey).toString('base64');
    const forged = join(workFolder(), 'forged.sig');
    writeFileSync(forged, JSON.stringify(bundle));
    const flags = ['--signature', forged, ...roots, '--certificate-identity', 'ml@acme.example'];
    refused(await run(['verify', oms('model'), ...flags]), 'SIGNATURE_INVALID', /by its certificate/);
    // What lies between is never an anchor, and neither is a leaf.
    const leaf = ['--ca-roots', oms('keys/codeSigning.pem'), '--certificate-identity', 'ml@acme.example'];
    refused(await ask('codeSigning', ...leaf), 'SIGNER_UNTRUSTED', /trusted root/);
  });
});
