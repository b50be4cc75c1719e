// Names that every object of the language has, where a registry, a signer or a policy may write any
// name: found by `npm run fuzz`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { WeighlockError } from '../../src/error/index.ts';
import { parseBundle } from '../../src/evidence/bundle.ts';
import { MalformedError } from '../../src/evidence/strict-json.ts';
import { layOut } from '../../src/layout/index.ts';
import { predicateTypeOf } from '../../src/plan/predicate-type.ts';
import { parseManifest } from '../../src/registry/manifest.ts';

const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

const layer = (mediaType: string) => ({ mediaType, digest: `sha256:${'ab'.repeat(32)}`, size: 1 });
function layOutWith(config: string, ...layers: string[]) {
  const json = { schemaVersion: 2, config: layer(config), layers: layers.map(layer) };
  const manifest = parseManifest(Buffer.from(JSON.stringify(json)), undefined);
  assert.ok(manifest.kind === 'manifest');
  return layOut(manifest, {}, false);
}

describe('a name that every object has', () => {
  for (const name of NAMES) {
    it(`as the type of a layer is unknown: ${name}`, () => {
      for (const [config, ...types] of [
        ['application/vnd.docker.ai.model.config.v0.1+json', name],
        [
          'application/vnd.docker.container.image.v1+json',
          'application/vnd.ollama.image.model',
          `application/vnd.ollama.image.${name}`,
        ],
        ['application/vnd.cncf.model.config.v1+json', `application/vnd.cncf.model.weight.v1.${name}`],
        ['application/vnd.kitops.modelkit.config.v1+json', `application/vnd.kitops.modelkit.model.v1.${name}`],
      ] as const)
        assert.throws(
          () => layOutWith(config, ...types),
          (error) => error instanceof WeighlockError && /unknown type/.test(error.message),
        );
    });

    it(`as a hash or a predicate type is unknown: ${name}`, () => {
      const bundle = JSON.parse(readFileSync(new URL('../fixtures/cosign/data.bundle.json', import.meta.url), 'utf8'));
      bundle.messageSignature.messageDigest.algorithm = name;
      assert.throws(
        () => parseBundle(Buffer.from(JSON.stringify(bundle))),
        (error) => error instanceof MalformedError && /unknown digest algorithm/.test(error.message),
      );
      assert.throws(() => predicateTypeOf(name), /unknown predicate type/);
    });
  }
});
