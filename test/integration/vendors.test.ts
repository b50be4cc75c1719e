// Issue 21: the policies for what vendors sign, with a key of ours in the vendor's place: they take
// what it signed, and nothing of anybody else.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { soundSafetensors } from '../content/build.ts';
import { ALGORITHM, bc, certificate, ku, type Name } from '../evidence/certificates.ts';
import { keyBundle, modelStatement, pem } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { titled } from '../registry/push.ts';
import { signatureTag, simpleSigning } from '../registry/sign-image.ts';
import { passed, refused, run, workFolder } from './cli.ts';

const POLICIES = new URL('../../policies/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, POLICIES), 'utf8');
const schema = JSON.parse(readFileSync(new URL('../../schemas/policy.v1alpha1.schema.json', import.meta.url), 'utf8'));
const isValid = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(schema);

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const NVIDIA: Name = [
  ['C', 'US'],
  ['O', 'NVIDIA Corporation'],
];

/**
 * A root and a signer with this name, as NVIDIA's own are: no alternative name, and no purpose
 * beyond signatures.
 */
class Pki {
  readonly root = pair();
  readonly leaf = pair();
  readonly rootCertificate: Buffer;
  readonly leafCertificate: Buffer;

  constructor(signer: Name) {
    const ca: Name = [...NVIDIA, ['CN', 'NVIDIA Agent Capabilities CA']];
    const common = { from: new Date(Date.now() - 1e9), to: new Date(Date.now() + 1e9), algorithm: ALGORITHM.ecSha256 };
    const ofRoot = { subject: ca, issuer: ca, key: this.root.publicKey, serial: 1, extensions: [bc(true), ku([5, 6])] };
    this.rootCertificate = certificate({ ...common, ...ofRoot }, this.root.privateKey);
    const ofLeaf = {
      subject: signer,
      issuer: ca,
      key: this.leaf.publicKey,
      serial: 2,
      extensions: [bc(false), ku([0])],
    };
    this.leafCertificate = certificate({ ...common, ...ofLeaf }, this.root.privateKey);
  }

  sign(files: Readonly<Record<string, Buffer | string>>): string {
    const certificates = [this.leafCertificate, this.rootCertificate].map((der) => ({
      rawBytes: der.toString('base64'),
    }));
    const verificationMaterial = { x509CertificateChain: { certificates }, tlogEntries: [] };
    return JSON.stringify(keyBundle(modelStatement(files), this.leaf.privateKey, { verificationMaterial }));
  }
}

/**
 * A policy as it lies here, in a folder with what the vendor would serve, for an artifact that lies
 * elsewhere.
 */
function policyWith(name: string, file: string, trusted: string, change: (spec: Spec) => void): string {
  const folder = workFolder();
  const policy = parse(text(name)) as { spec: Spec };
  change(policy.spec);
  writeFileSync(join(folder, file), trusted);
  writeFileSync(join(folder, 'policy.yaml'), stringify(policy));
  return join(folder, 'policy.yaml');
}

interface Spec {
  readonly attestors: { cosign: { certificate?: { subject?: string } } }[];
  readonly artifacts: { path: string; source?: string }[];
  registries?: object;
}

const FILES = { 'model.safetensors': soundSafetensors(), 'config.json': '{}' };

function signedFolder(signature: string, bundle: string | undefined): string {
  const folder = join(workFolder(), 'm');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(FILES)) writeFileSync(join(folder, name), bytes);
  if (bundle !== undefined) writeFileSync(join(folder, signature), bundle);
  return folder;
}

describe('21: the policies for what vendors sign', () => {
  const names = readdirSync(POLICIES).filter((name) => name.endsWith('.yaml'));

  it('are four, each of which meets the schema, and has no key in it', () => {
    assert.equal(names.length, 4);
    for (const name of names) {
      assert.ok(isValid(parse(text(name))), `${name}: ${JSON.stringify(isValid.errors)}`);
      assert.doesNotMatch(text(name), /BEGIN|\bdata:/);
    }
  });

  it('say what is missing where nobody fetched the key', async () => {
    for (const name of names) {
      const { status, stdout, stderr } = await run(['policy', 'check', new URL(name, POLICIES).pathname]);
      assert.equal(status, 78, name);
      assert.match(stdout + stderr, /cannot be read: ENOENT/);
    }
  });

  const SIGNER: Name = [...NVIDIA, ['CN', 'NVIDIA Agent Skills Signing 001']];
  for (const [name, file, signature] of [
    ['nvidia-agent-skills.yaml', 'nv-agent-root-cert.pem', 'skill.oms.sig'],
    ['nvidia-ngc-model.yaml', 'nvidia-ngc-models.pem', 'result.sigstore'],
  ] as const)
    it(`${name} takes the vendor's signer under its root, and no other`, async () => {
      const vendor = new Pki(SIGNER);
      const verifying = (folder: string, isNamed = true) => {
        const policy = policyWith(name, file, pem(vendor.rootCertificate), (spec) => {
          for (const artifact of spec.artifacts) artifact.path = folder;
          const chosen = spec.attestors[0]?.cosign.certificate;
          if (isNamed && chosen?.subject !== undefined)
            chosen.subject = 'C=US,O=NVIDIA Corporation,CN=NVIDIA Agent Skills Signing 001';
        });
        return run(['verify', '--policy', policy]);
      };
      passed(await verifying(signedFolder(signature, vendor.sign(FILES))));
      // The same names, and another root.
      refused(await verifying(signedFolder(signature, new Pki(SIGNER).sign(FILES))), 'SIGNER_UNTRUSTED');
      refused(
        await verifying(signedFolder(signature, vendor.sign({ ...FILES, 'config.json': '[]' }))),
        'DIGEST_MISMATCH',
      );
      refused(await verifying(signedFolder(signature, undefined)), 'SIGNATURE_MISSING');
      const other = new Pki([...NVIDIA, ['CN', 'NVIDIA Agent Skills Signing 001x']]);
      const policy = policyWith(name, file, pem(other.rootCertificate), (spec) => {
        for (const artifact of spec.artifacts) artifact.path = signedFolder(signature, other.sign(FILES));
      });
      refused(await run(['verify', '--policy', policy]), 'SIGNER_UNTRUSTED');
      if (text(name).includes(' subject:'))
        refused(await verifying(signedFolder(signature, vendor.sign(FILES)), false), 'SIGNER_UNTRUSTED');
    });

  for (const [name, file] of [
    ['nvidia-nim-image.yaml', 'nvidia-ngc-containers.pub'],
    ['red-hat-image.yaml', 'red-hat-release-3.pub'],
  ] as const)
    it(`${name} takes an image that the vendor's key signed, and no other`, async () => {
      const vendor = pair();
      const registry = await FakeRegistry.start();
      const image = registry.add(Object.entries(FILES).map(([title, bytes]) => titled(title, bytes)));
      const sign = (key: KeyObject, about = image) => registry.add([simpleSigning(about, key)], signatureTag(image));
      const verifying = () => {
        const trusted = vendor.publicKey.export({ type: 'spki', format: 'pem' }).toString();
        const policy = policyWith(name, file, trusted, (spec) => {
          for (const artifact of spec.artifacts) {
            artifact.path = join(workFolder(), 'm');
            artifact.source = `oci://${registry.host}/models/m:v1`;
          }
        });
        return run(['verify', '--policy', policy, '--plain-http', registry.host]);
      };
      refused(await verifying(), 'SIGNATURE_MISSING');
      sign(pair().privateKey);
      refused(await verifying(), 'SIGNATURE_INVALID');
      sign(vendor.privateKey, `sha256:${'a'.repeat(64)}`);
      refused(await verifying(), 'SIGNATURE_INVALID');
      sign(vendor.privateKey);
      passed(await verifying());
    });
});
