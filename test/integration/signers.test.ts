// What a signature does not say itself: which hash its key signs, which certificate it is by, and
// who issued that.
import { generateKeyPairSync, sign } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Draft, hex, pem, SUBJECT, World } from '../evidence/world.ts';
import { FakeRegistry } from '../registry/fake.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';
import { verifyOci } from './verify-oci.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const cosign = (name: string) => fixture(`cosign/${name}`);
const pki = (name: string) => fixture(`private-pki/${name}`);

const work = workFolder();

function save(name: string, content: string | Uint8Array): string {
  const path = join(workFolder(), name);
  writeFileSync(path, content);
  return path;
}

interface Dump {
  readonly manifests: Record<string, { readonly type: string; readonly bytes: string }>;
  readonly blobs: Record<string, string>;
}

describe('cosign with a key of another curve', () => {
  for (const curve of ['p384', 'p521']) {
    const other = curve === 'p384' ? 'p521' : 'p384';
    const by = (name: string) => ['--key', cosign(`${name}.pub`), '--insecure-ignore-tlog'];
    const ask = (file: string, signature: string, flags: readonly string[] = by(curve)) =>
      run(['verify', file, '--signature', cosign(signature), ...flags]);

    it(`15.24: a file is verified with the hash of the key's curve (${curve})`, async () => {
      const changed = save('data.bin', 'a dataset that nobody signed\n');
      for (const form of ['sig', 'old.json', 'bundle.json']) {
        passed(await ask(cosign('data.bin'), `${curve}.${form}`));
        refused(await ask(cosign('data.bin'), `${curve}.${form}`, by(other)), 'SIGNATURE_INVALID');
        const code = form === 'bundle.json' ? 'DIGEST_MISMATCH' : 'SIGNATURE_INVALID';
        refused(await ask(changed, `${curve}.${form}`), code);
      }
    });

    it(`15.24: a stored signature is verified with the hash of the key's curve (${curve})`, async () => {
      const all = JSON.parse(readFileSync(cosign('registry.curves.json'), 'utf8')) as Record<string, Dump>;
      const { manifests, blobs } = all[`models/${curve}`] as Dump;
      const registry = await FakeRegistry.start();
      for (const [name, { type, bytes }] of Object.entries(manifests))
        registry.addManifest(Buffer.from(bytes, 'base64'), name, type);
      for (const [name, bytes] of Object.entries(blobs)) registry.blobs.set(name, Buffer.from(bytes, 'base64'));
      passed(await verifyOci(registry, ':v1', by(curve)));
      refused(await verifyOci(registry, ':v1', by(other)), 'SIGNATURE_INVALID');
    });
  }

  it('15.24: what cosign signs with a key of Ed25519 is verified as Ed25519ph, stored and in a file', async () => {
    const key = ['--key', cosign('ed25519.pub'), '--insecure-ignore-tlog'];
    const stranger = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
    const another = ['--key', save('other.pub', stranger), '--insecure-ignore-tlog'];
    const all = JSON.parse(readFileSync(cosign('registry.ed25519.json'), 'utf8')) as Record<string, Dump>;
    for (const { manifests, blobs } of Object.values(all)) {
      const registry = await FakeRegistry.start();
      for (const [name, { type, bytes }] of Object.entries(manifests))
        registry.addManifest(Buffer.from(bytes, 'base64'), name, type);
      for (const [name, bytes] of Object.entries(blobs)) registry.blobs.set(name, Buffer.from(bytes, 'base64'));
      passed(await verifyOci(registry, ':v1', key));
      refused(await verifyOci(registry, ':v1', another), 'SIGNATURE_INVALID');
    }
    const file = ['verify', cosign('data.bin'), '--signature', cosign('ed25519.attestation.json'), '--type', 'custom'];
    passed(await run([...file, ...key]));
    refused(await run([...file, ...another]), 'SIGNATURE_INVALID');
  });

  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const KEY = () => ['--key', save('k.pub', publicKey.export({ type: 'spki', format: 'pem' }))];

  it('15.24: a signature over SHA-256 by such a key counts, as older cosigns made it, and over SHA-512 not', async () => {
    const signed = (hash: string) =>
      save('data.sig', sign(hash, readFileSync(cosign('data.bin')), privateKey).toString('base64'));
    const ask = (hash: string) =>
      run(['verify', cosign('data.bin'), '--signature', signed(hash), ...KEY(), '--insecure-ignore-tlog']);
    for (const hash of ['sha256', 'sha384']) passed(await ask(hash));
    refused(await ask('sha512'), 'SIGNATURE_INVALID', /not a signature by this key/);
  });

  it('15.24: checksums and policies that such a key signed are signed', async () => {
    const folder = workFolder();
    copyFileSync(cosign('data.bin'), join(folder, 'data.bin'));
    const list = `${hex(readFileSync(cosign('data.bin')))}  data.bin\n`;
    const [sums, signature] = [join(folder, 'SHA256SUMS'), join(workFolder(), 'SHA256SUMS.sig')];
    writeFileSync(sums, list);
    writeFileSync(signature, sign('sha384', Buffer.from(list), privateKey).toString('base64'));
    const ask = () =>
      run(
        ['verify', folder, '--checksums', sums, '--checksums-signature', signature, ...KEY()].concat(
          '--insecure-ignore-tlog',
        ),
      );
    passed(await ask());
    writeFileSync(signature, sign('sha384', Buffer.from(`${list} `), privateKey).toString('base64'));
    refused(await ask(), 'SIGNATURE_INVALID');

    const policy = `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: p}
spec:
  artifacts:
  - {name: data, each: targets, require: [{sha256: ${hex(readFileSync(cosign('data.bin')))}}]}
`;
    const file = save('policy.yaml', policy);
    const verify = async (text: string) => {
      const by = save('policy.sig', sign('sha384', Buffer.from(text), privateKey).toString('base64'));
      const [, key = ''] = KEY();
      return run(['verify', cosign('data.bin'), '--policy', file, '--policy-key', key, '--policy-signature', by]);
    };
    passed(await verify(policy));
    refused(await verify(`${policy}#`), 'CONFIG_INVALID', /not signed by/, 78);
  });
});

describe('a certificate that is given beside a signature', () => {
  const NAME = ['--certificate-identity', 'ml@acme.example'];
  const CHAIN = ['--certificate-chain', save('chain.pem', chainOf('intermediate', 'root'))];

  function chainOf(...names: readonly string[]): string {
    return names.map((name) => readFileSync(pki(`${name}.pem`), 'utf8')).join('');
  }

  const ask = (...flags: string[]) =>
    run(['verify', pki('data.bin'), '--signature', pki('long.sig'), '--insecure-ignore-tlog', ...flags]);

  it('15.24: counts when its chain and its name are those that are asked for', async () => {
    const given = ['--certificate', pki('long.pem')];
    passed(await ask(...given, ...CHAIN, ...NAME));
    // As `cosign sign-blob --output-certificate` writes it.
    const base64 = save('leaf', readFileSync(pki('long.pem')).toString('base64'));
    passed(await ask('--certificate', base64, ...CHAIN, ...NAME));
    const roots = ['--ca-roots', pki('root.pem'), '--ca-intermediates', pki('intermediate.pem')];
    passed(await ask(...given, ...roots, ...NAME));
    refused(await ask(...CHAIN, ...NAME), 'SIGNER_UNTRUSTED', /no certificate/);
    refused(await ask(...given, ...CHAIN, '--certificate-identity', 'x@acme.example'), 'SIGNER_UNTRUSTED', /is for/);
    const stranger = ['--certificate-chain', save('other.pem', chainOf('intermediate', 'stranger'))];
    refused(await ask(...given, ...stranger, ...NAME), 'SIGNER_UNTRUSTED', /trusted root/);
    // The chain has no gap that the signer would fill.
    const rootOnly = ['--certificate-chain', pki('root.pem')];
    refused(await ask(...given, ...rootOnly, ...NAME), 'SIGNER_UNTRUSTED', /trusted root/);
    refused(await ask('--certificate', pki('short.pem'), ...CHAIN, ...NAME), 'SIGNER_UNTRUSTED', /was valid from/);
    const revoked = ['--certificate', pki('revoked.pem'), ...CHAIN, ...NAME];
    refused(await ask(...revoked), 'SIGNATURE_INVALID', /not a signature by its certificate/);
    const changed = save('data.bin', 'another');
    const all = ['--signature', pki('long.sig'), '--insecure-ignore-tlog', ...given, ...CHAIN, ...NAME];
    refused(await run(['verify', changed, ...all]), 'SIGNATURE_INVALID');
  });

  it('15.24: is a mistake of the platform without anybody to hold it against', async () => {
    const given = ['--certificate', pki('long.pem')];
    const key = ['--key', cosign('cosign.pub')];
    for (const [flags, reason] of [
      [given, /without --certificate-identity/],
      [[...given, ...key], /without --certificate-identity/],
      [[...given, ...NAME], /without --certificate-oidc-issuer/],
      [[...given, ...CHAIN], /without --certificate-identity/],
      [CHAIN, /without --certificate-identity/],
      [[...CHAIN, ...NAME, '--ca-roots', pki('root.pem')], /excludes/],
      [[...CHAIN, ...NAME, '--ca-intermediates', pki('root.pem')], /excludes/],
      [['--certificate', CHAIN[1] ?? '', ...CHAIN, ...NAME], /2 PEM blocks/],
      [['--certificate', cosign('cosign.pub'), ...CHAIN, ...NAME], /does not parse/],
      [['--certificate', pki('nothing.pem'), ...CHAIN, ...NAME], /cannot be read/],
      [['--certificate-chain', cosign('cosign.pub'), ...NAME], /no certificate/],
    ] as const)
      refused(await ask(...flags), 'CONFIG_INVALID', reason, 78);
  });

  it('15.24: is the one that the signature carries, where it carries one', async () => {
    const [long, short] = ['long', 'short'].map((name) => readFileSync(pki(`${name}.pem`), 'utf8'));
    const legacy = (cert = '') =>
      save(
        'data.json',
        JSON.stringify({
          base64Signature: readFileSync(pki('long.sig')).toString('base64'),
          cert: Buffer.from(cert).toString('base64'),
        }),
      );
    const verify = (bundle: string, certificate: string) =>
      run(
        ['verify', pki('data.bin'), '--signature', bundle, '--insecure-ignore-tlog', ...CHAIN, ...NAME].concat(
          '--certificate',
          pki(certificate),
        ),
      );
    passed(await verify(legacy(long), 'long.pem'));
    passed(await verify(legacy(), 'long.pem'));
    refused(await verify(legacy(long), 'revoked.pem'), 'SIGNER_UNTRUSTED', /carries another certificate/);
    refused(await verify(legacy(short), 'long.pem'), 'SIGNER_UNTRUSTED', /carries another certificate/);
  });

  it('15.24: of a Fulcio is held against the trusted root, the logs and the identity', async () => {
    const world = await World.create();
    const root = save('root.json', world.root);
    const bundle = await world.signBlob(readFileSync(pki('data.bin')));
    const leaf = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
    const issuer = ['--certificate-oidc-issuer', 'https://token.actions.githubusercontent.com'];
    const identity = ['--certificate-identity', SUBJECT, ...issuer, '--trusted-root', root];
    bundle.verificationMaterial.publicKey = { hint: '' };
    delete bundle.verificationMaterial.certificate;
    const file = save('bundle.json', JSON.stringify(bundle));
    const verify = (...flags: string[]) => run(['verify', pki('data.bin'), '--signature', file, ...identity, ...flags]);
    refused(await verify(), 'SIGNER_UNTRUSTED', /carries a key/);
    passed(await verify('--certificate', save('leaf.pem', pem(leaf))));
    const other = (await world.person()).leaf;
    refused(await verify('--certificate', save('leaf.pem', pem(other))), 'SIGNATURE_INVALID');
  });

  it('15.24: that a policy pins counts while it is valid, and by the signature that carries it', async () => {
    const policy = (name: string) =>
      save(
        'policy.yaml',
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: p}
spec:
  attestors:
  - name: ml
    cosign:
      certificate: {cert: {file: ${pki(`${name}.pem`)}}}
      ctlog: {insecureIgnoreTlog: true}
  artifacts:
  - name: data
    path: ${pki('data.bin')}
    require:
    - signature: {attestors: [ml], file: SIGNATURE}
`,
      );
    const verify = (name: string, signature: string) => {
      const file = policy(name);
      writeFileSync(file, readFileSync(file, 'utf8').replace('SIGNATURE', signature));
      return run(['verify', '--policy', file]);
    };
    const carrying = (name: string) =>
      save(
        'data.json',
        JSON.stringify({
          base64Signature: readFileSync(pki(`${name}.sig`)).toString('base64'),
          cert: Buffer.from(readFileSync(pki(`${name}.pem`), 'utf8')).toString('base64'),
        }),
      );
    passed(await verify('long', pki('long.sig')));
    passed(await verify('long', carrying('long')));
    refused(await verify('long', carrying('revoked')), 'SIGNER_UNTRUSTED', /another certificate/);
    refused(await verify('short', pki('short.sig')), 'SIGNER_UNTRUSTED', /its time is not verified/);
  });
});

describe('a certificate without an OIDC issuer', () => {
  const RELEASES = 'https://dotcom.releases.github.com';
  const DATA = Buffer.from('a release');
  let publicGood: World;
  let github: World;
  let root: string;
  before(async () => {
    [publicGood, github] = await Promise.all([World.create(), World.create()]);
    // As `gh attestation trusted-root` prints them: one on each line.
    root = join(work, 'trusted_root.jsonl');
    writeFileSync(root, `${publicGood.root}\n${github.root}\n`);
  });
  const OPTIONS = ['--insecure-ignore-tlog', '--insecure-ignore-sct', '--use-signed-timestamps'];
  const STATEMENT = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'release.bin', digest: { sha256: hex(DATA) } }],
    predicateType: 'https://in-toto.io/attestation/release/v0.2',
    predicate: { tag: 'v1' },
  };

  async function verify(bundle: Draft, issuer: string, trustedRoot = root): Promise<Finished> {
    const file = save('release.bin', DATA);
    const signature = save('bundle.json', JSON.stringify(bundle));
    const who = ['--certificate-identity', RELEASES, '--certificate-oidc-issuer', issuer];
    const type = ['--type', STATEMENT.predicateType, '--condition', "predicate.tag == 'v1'"];
    return run(['verify', file, '--signature', signature, '--trusted-root', trustedRoot, ...who, ...OPTIONS, ...type]);
  }

  it('15.24: counts for "none" alone, by the authorities of any root that is given', async () => {
    const options = { issuer: '', subject: RELEASES, log: 'none', timestamp: true } as const;
    const release = await github.attest(STATEMENT, options);
    passed(await verify(release, 'none'));
    passed(await verify(release, 'none', save('one.json', github.root)));
    refused(await verify(release, 'https://token.actions.githubusercontent.com'), 'SIGNER_UNTRUSTED', /nobody/);
    refused(await verify(release, 'none', save('one.json', publicGood.root)), 'SIGNATURE_INVALID');
    const named = await github.attest(STATEMENT, { ...options, issuer: 'https://accounts.example' });
    refused(await verify(named, 'none'), 'SIGNER_UNTRUSTED', /vouched for by https:\/\/accounts\.example/);
    const unstamped = await github.attest(STATEMENT, { ...options, timestamp: false });
    refused(await verify(unstamped, 'none'), 'SIGNATURE_INVALID', /timestamps of 0 authorities/);
    const stranger = await (await World.create()).attest(STATEMENT, options);
    refused(await verify(stranger, 'none'), 'SIGNATURE_INVALID');
  });

  it('15.24: trusted roots on lines are all of them trusted roots', async () => {
    const release = await github.attest(STATEMENT, { issuer: '', subject: RELEASES, log: 'none', timestamp: true });
    for (const text of [`${github.root}\n{}\n`, `${github.root}\nnull\n`, `${github.root}\nx\n`, '\n', '[]'])
      refused(await verify(release, 'none', save('r.jsonl', text)), 'CONFIG_INVALID', /trusted root/, 78);
  });
});
