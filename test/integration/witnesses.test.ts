// Who else vouches for a signature, and until when somebody counts: logs, time-stamp authorities,
// revocation, validity.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  codeSigningAuthority,
  type Draft,
  hex,
  ISSUER,
  keyBundle,
  pem,
  SUBJECT,
  sha256,
  World,
} from '../evidence/world.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const pki = (name: string) => join(fixtures, 'private-pki', name);
const work = workFolder();
const DATA = Buffer.from('a dataset');
const IDENTITY = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];

function save(name: string, content: string | Uint8Array): string {
  const path = join(work, name);
  writeFileSync(path, content);
  return path;
}

/** What a bundle was made with, to have more said about the same signature. */
function partsOf(bundle: Draft): { leaf: Buffer; signature: Buffer } {
  const leaf = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
  return { leaf, signature: Buffer.from(bundle.messageSignature.signature, 'base64') };
}

function deviations({ events }: Finished): string {
  return JSON.stringify(events);
}

describe('logs and authorities', () => {
  let world: World;
  let elsewhere: World;
  let root: string;
  before(async () => {
    [world, elsewhere] = await Promise.all([World.create(), World.create()]);
    root = save('root.json', world.root);
  });

  async function verify(bundle: Draft, flags: readonly string[] = [], trustedRoot = root): Promise<Finished> {
    const path = join(workFolder(), 'data.bin');
    writeFileSync(path, DATA);
    writeFileSync(`${path}.sigstore.json`, JSON.stringify(bundle));
    const report = `${path}.report`;
    const all = ['verify', path, '--trusted-root', trustedRoot, '--report', report, ...IDENTITY, ...flags];
    const result = await run(all);
    return { ...result, events: [...result.events, JSON.parse(readFileSync(report, 'utf8'))] };
  }

  it('are counted once each (S13)', async () => {
    const bundle = await world.signBlob(DATA, { timestamp: true });
    const { leaf, signature } = partsOf(bundle);
    const twice = structuredClone(bundle);
    twice.verificationMaterial.tlogEntries.push(world.entryV2(sha256(DATA), signature, pem(leaf)));
    passed(await verify(twice, ['--tlog-threshold=2']));
    refused(await verify(twice, ['--tlog-threshold=3']), 'CONFIG_INVALID', /the trusted root has 2/, 78);
    refused(await verify(bundle, ['--tlog-threshold=2']), 'SIGNATURE_INVALID', /1 transparency logs/);
    const again = structuredClone(bundle);
    again.verificationMaterial.tlogEntries.push(await world.entry(sha256(DATA), signature, pem(leaf)));
    refused(await verify(again, ['--tlog-threshold=2']), 'SIGNATURE_INVALID', /duplicate/);
    // The clock of the authority is minutes ahead of the log's: only its own time is the one of the
    // signature now.
    const timeOf = async (...flags: string[]) => {
      const result = await verify(bundle, flags);
      passed(result);
      return new Date(/"time":"([^"]+)","logIndex"/.exec(deviations(result))?.[1] ?? '').getTime();
    };
    assert.ok((await timeOf('--timestamp-threshold=1')) - (await timeOf()) > 60_000);
    const stamps = structuredClone(bundle);
    const tokens = stamps.verificationMaterial.timestampVerificationData.rfc3161Timestamps;
    tokens.push({ signedTimestamp: await world.stamp(signature) });
    refused(await verify(stamps, ['--timestamp-threshold=2']), 'CONFIG_INVALID', /the trusted root has 1/, 78);
    tokens.push({ signedTimestamp: await elsewhere.stamp(signature) });
    refused(await verify(stamps, ['--timestamp-threshold=1']), 'SIGNATURE_INVALID', /timestamp does not count/);
    const [{ certChain }] = JSON.parse(elsewhere.root).timestampAuthorities;
    const chain = certChain.certificates.map(({ rawBytes }: Draft) => pem(Buffer.from(rawBytes, 'base64'))).join('');
    const more = ['--timestamp-certificate-chain', save('elsewhere.pem', chain)];
    passed(await verify(stamps, ['--timestamp-threshold=2', ...more]));
    // RFC 3161 section 2.3: the same key with a certificate for something else stamps nothing.
    const signing = save('signing.pem', await codeSigningAuthority(elsewhere.authority));
    const without = save('no-stamps.json', JSON.stringify({ ...JSON.parse(world.root), timestampAuthorities: [] }));
    stamps.verificationMaterial.timestampVerificationData.rfc3161Timestamps = tokens.slice(-1);
    passed(await verify(stamps, ['--timestamp-threshold=1', ...more], without));
    const wrongly = await verify(stamps, ['--timestamp-certificate-chain', signing], without);
    passed(wrongly);
    assert.match(deviations(wrongly), /authority that is not known/);
    refused(await verify(bundle, ['--ctlog-threshold=2']), 'CONFIG_INVALID', /the trusted root has 1/, 78);
  });

  it('that are not known say nothing, and are reported', async () => {
    const bundle = await world.signBlob(DATA);
    const { leaf, signature } = partsOf(bundle);
    const foreign = await elsewhere.entry(sha256(DATA), signature, pem(leaf));
    bundle.verificationMaterial.tlogEntries.unshift(foreign);
    bundle.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: [{ signedTimestamp: readFileSync(pki('stranger.tsr')).toString('base64') }],
    };
    const result = await verify(bundle);
    passed(result);
    assert.match(deviations(result), /transparency log that is not known/);
    assert.match(deviations(result), /authority that is not known/);
    bundle.verificationMaterial.tlogEntries.pop();
    refused(await verify(bundle), 'SIGNATURE_INVALID', /0 transparency logs/);
    refused(await verify(bundle, ['--insecure-ignore-tlog']), 'SIGNATURE_INVALID', /timestamps/);
  });

  it('count for their years only', async () => {
    const bundle = await world.signBlob(DATA, { log: 'rekor-v2', timestamp: true });
    passed(await verify(bundle));
    const changed = (change: (root: Draft) => void) => {
      const draft = JSON.parse(world.root);
      change(draft);
      return save(`root-${hex(JSON.stringify(draft)).slice(0, 8)}.json`, JSON.stringify(draft));
    };
    const ended = changed(({ tlogs }) => (tlogs[1].publicKey.validFor.end = '2020-01-01T00:00:00Z'));
    refused(await verify(bundle, [], ended), 'SIGNATURE_INVALID');
    const later = changed(({ tlogs }) => (tlogs[1].publicKey.validFor.start = '2099-01-01T00:00:00Z'));
    refused(await verify(bundle, [], later), 'SIGNATURE_INVALID');
    const authority = changed(
      ({ timestampAuthorities }) => (timestampAuthorities[0].validFor.end = '2020-01-01T00:00:00Z'),
    );
    refused(await verify(bundle, [], authority), 'SIGNATURE_INVALID', /did not count at that time/);
    const always = changed(({ tlogs }) => delete tlogs[0].publicKey.validFor);
    refused(await verify(bundle, [], always), 'CONFIG_INVALID', /from when on it counts/, 78);
    const certificateLog = changed(({ ctlogs }) => (ctlogs[0].publicKey.validFor.end = '2020-01-01T00:00:00Z'));
    refused(await verify(bundle, [], certificateLog), 'SIGNER_UNTRUSTED', /certificate log/);
    passed(await verify(bundle, ['--insecure-ignore-sct'], certificateLog));
  });

  it('are asked for soundly', async () => {
    const bundle = await world.signBlob(DATA);
    for (const flags of [
      ['--tlog-threshold=1', '--insecure-ignore-tlog'],
      ['--ctlog-threshold=1', '--insecure-ignore-sct'],
      ['--crl', pki('root.crl.pem')],
      ['--ca-intermediates', pki('root.pem')],
      ['--timestamp-certificate-chain', pki('data.bin')],
    ])
      assert.equal((await verify(bundle, flags).catch(() => ({ status: 78 }))).status, 78, flags.join());
  });

  it('and what Fulcio says of the workflow must be what is asked for (S16)', async () => {
    const ref = 'refs/heads/main';
    const bundle = await world.signBlob(DATA, {
      extensions: { '1.3.6.1.4.1.57264.1.6': ref, '1.3.6.1.4.1.57264.1.12': 'https://github.com/acme/models' },
    });
    passed(await verify(bundle, ['--certificate-github-workflow-ref', ref]));
    refused(
      await verify(bundle, ['--certificate-github-workflow-ref', 'refs/heads/evil']),
      'SIGNER_UNTRUSTED',
      /refs\/heads\/main as 1\.3\.6/,
    );
    refused(
      await verify(bundle, ['--certificate-github-workflow-name', 'train']),
      'SIGNER_UNTRUSTED',
      /nothing as 1\.3\.6/,
    );
    const policy = (extensions: string) =>
      save(
        'extensions.yaml',
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: extensions}
spec:
  trustedRoot: {file: root.json}
  attestors:
    - name: ci
      cosign: {keyless: {identities: [{issuer: "${ISSUER}", subject: "${SUBJECT}", extensions: {${extensions}}}]}}
  artifacts: [{name: data, path: ${work}/ci.bin, require: [{signature: {attestors: [ci]}}]}]
`,
      );
    save('ci.bin', DATA);
    save('ci.bin.sigstore.json', JSON.stringify(bundle));
    const ask = (extensions: string) => run(['verify', '--policy', policy(extensions)]);
    passed(await ask(`githubWorkflowRef: ${ref}, "1.3.6.1.4.1.57264.1.12": "https://github.com/acme/models"`));
    refused(await ask(`"1.3.6.1.4.1.57264.1.12": "https://github.com/evil/models"`), 'SIGNER_UNTRUSTED');
    refused(await ask('githubWorkflowReff: x'), 'CONFIG_INVALID', /no extension of Fulcio/, 78);
  });
});

describe('a private PKI', () => {
  const CAS = ['--ca-roots', pki('root.pem'), '--certificate-identity', 'ml@acme.example'];

  function bundleOf(
    leaf: string,
    tokens: readonly string[] = [],
    between: readonly string[] = ['intermediate'],
  ): Draft {
    const der = (name: string) =>
      readFileSync(pki(`${name}.pem`), 'utf8').replace(
        /^[\s\S]*?-----BEGIN CERTIFICATE-----|-----END[^-]*-----|\s/g,
        '',
      );
    return {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        x509CertificateChain: { certificates: [leaf, ...between].map((name) => ({ rawBytes: der(name) })) },
        tlogEntries: [],
        timestampVerificationData: {
          rfc3161Timestamps: tokens.map((name) => ({ signedTimestamp: readFileSync(pki(name)).toString('base64') })),
        },
      },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(readFileSync(pki('data.bin'))).toString('base64') },
        signature: readFileSync(pki(`${leaf}.sig`)).toString('base64'),
      },
    };
  }

  function verify(bundle: Draft, ...flags: string[]): Promise<Finished> {
    const file = join(workFolder(), 'bundle.json');
    writeFileSync(file, JSON.stringify(bundle));
    const all = ['verify', pki('data.bin'), '--signature', file, ...CAS, '--insecure-ignore-tlog', ...flags];
    return run(all);
  }

  const stamps = ['--timestamp-certificate-chain', pki('stamps.pem')];

  it('counts at the time that an authority confirmed, and otherwise now (PY #603, #663, #664)', async () => {
    refused(await verify(bundleOf('short')), 'SIGNER_UNTRUSTED', /was valid from .* not at/);
    for (const token of ['rsa.tsr', 'ec.tsr']) {
      const result = await verify(bundleOf('short', [token]), ...stamps, '--format=text');
      passed(result);
      assert.match(result.stdout, /ml@acme\.example.* at 20/);
    }
    passed(
      await verify(bundleOf('short', ['ec.tsr']), '--timestamp-certificate-chain', pinned(), '--timestamp-threshold=1'),
    );
    // Nobody asked this authority, or whoever says to be one.
    refused(await verify(bundleOf('short', ['stranger.tsr']), ...stamps), 'SIGNER_UNTRUSTED', /was valid from/);
    refused(await verify(bundleOf('short', ['rsa.tsr'])), 'SIGNER_UNTRUSTED', /was valid from/);
    refused(
      await verify(bundleOf('short', ['rsa.tsr']), '--timestamp-certificate-chain', pinned()),
      'SIGNER_UNTRUSTED',
      /was valid from/,
    );
    // A time does not make good what was not in order at that time.
    refused(await verify(bundleOf('long', ['rsa.tsr']), ...stamps), 'SIGNATURE_INVALID', /another signature/);
    refused(await verify(bundleOf('long'), ...stamps, '--use-signed-timestamps'), 'SIGNATURE_INVALID', /0 authorities/);
    passed(await verify(bundleOf('long')));
  });

  /** The certificate of the authority itself, and its CA. */
  function pinned(): string {
    return save('pinned.pem', readFileSync(pki('stamper-ec.pem'), 'utf8') + readFileSync(pki('stamps.pem'), 'utf8'));
  }

  it('is not moved by one changed byte of a token', async () => {
    const token = readFileSync(pki('ec.tsr'));
    const at = (index: number) => {
      const changed = Buffer.from(token);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      const bundle = bundleOf('short');
      bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
        { signedTimestamp: changed.toString('base64') },
      ];
      return verify(bundle, ...stamps);
    };
    // The time itself, the imprint, the signature, and a place every 150 bytes.
    const time = token.indexOf('20261') + 13;
    const places = [time, token.length - 3, ...Array.from({ length: 14 }, (_, i) => 20 + i * 150)];
    const results = await Promise.all(places.filter((place) => place < token.length).map(at));
    // What nobody signed (a certificate that is not needed) may be another; the time never is.
    const timeIn = (text: string) => /"time":"(\d{4}[^"]*)","deviations"/.exec(text)?.[1];
    const honest = timeIn((await verify(bundleOf('short', ['ec.tsr']), ...stamps)).stdout);
    assert.match(honest ?? '', /^20\d\d-/);
    for (const [i, { status, stdout }] of results.entries())
      assert.ok(status === 65 || timeIn(stdout) === honest, `${places[i]}: ${stdout}`);
    assert.deepEqual([results[0]?.status, results[1]?.status], [65, 65]);
    const cut = bundleOf('short');
    cut.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
      { signedTimestamp: token.subarray(0, 100).toString('base64') },
      { signedTimestamp: Buffer.alloc(300_000, 0x30).toString('base64') },
    ];
    refused(await verify(cut, ...stamps), 'SIGNATURE_INVALID');
  });

  it('asks its revocation lists, all of them', async () => {
    const both = save(
      'both.crl',
      readFileSync(pki('root.crl.pem'), 'utf8') + readFileSync(pki('intermediate.crl.pem'), 'utf8'),
    );
    passed(await verify(bundleOf('revoked')));
    refused(await verify(bundleOf('revoked'), '--crl', both), 'SIGNER_UNTRUSTED', /was revoked/);
    passed(await verify(bundleOf('long'), '--crl', both));
    refused(
      await verify(bundleOf('long'), '--crl', pki('intermediate.crl.pem')),
      'SIGNER_UNTRUSTED',
      /no revocation list of CN=root/,
    );
    refused(
      await verify(bundleOf('long'), '--crl', pki('root.crl.pem')),
      'SIGNER_UNTRUSTED',
      /no revocation list of CN=intermediate/,
    );
    const old = save(
      'old.crl',
      readFileSync(pki('root.crl.pem'), 'utf8') + readFileSync(pki('outdated.crl.pem'), 'utf8'),
    );
    refused(await verify(bundleOf('long'), '--crl', old), 'SIGNER_UNTRUSTED', /was to be replaced/);
    // One changed byte: the list without the revoked one would be welcome to somebody.
    const der = Buffer.from(
      readFileSync(pki('intermediate.crl.pem'), 'utf8').replace(/-----[^-]+-----|\s/g, ''),
      'base64',
    );
    const serial = der.indexOf(Buffer.from('02021002', 'hex'));
    assert.ok(serial > 0);
    der.writeUInt8(0x44, serial + 3);
    const forged = `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
    const mixed = save('forged.crl', readFileSync(pki('root.crl.pem'), 'utf8') + forged);
    refused(await verify(bundleOf('revoked'), '--crl', mixed), 'SIGNER_UNTRUSTED', /no revocation list/);
    refused(await verify(bundleOf('long'), '--crl', pki('root.pem')), 'CONFIG_INVALID', /no revocation list/, 78);
  });

  it('finds its path by what the platform knows, too', async () => {
    const bare = bundleOf('long', [], []);
    refused(await verify(bare), 'SIGNER_UNTRUSTED', /trusted root/);
    passed(await verify(bare, '--ca-intermediates', pki('intermediate.pem')));
    // An intermediate is no anchor.
    const file = join(workFolder(), 'bundle.json');
    writeFileSync(file, JSON.stringify(bare));
    const flags = ['--ca-roots', pki('stranger.pem'), '--ca-intermediates', pki('intermediate.pem')];
    const ask = ['verify', pki('data.bin'), '--signature', file, '--certificate-identity', 'ml@acme.example'];
    refused(await run([...ask, ...flags, '--insecure-ignore-tlog']), 'SIGNER_UNTRUSTED', /trusted root/);
  });

  it('asks the transparency log as cosign does, unless it is told not to', async () => {
    const world = await World.create();
    const trustedRoot = ['--trusted-root', save('pki-root.json', world.root)];
    const bundle = bundleOf('long');
    const file = join(workFolder(), 'bundle.json');
    const ask = (draft: Draft) => {
      writeFileSync(file, JSON.stringify(draft));
      return run(['verify', pki('data.bin'), '--signature', file, ...CAS, ...trustedRoot]);
    };
    refused(await ask(bundle), 'SIGNATURE_INVALID', /0 transparency logs/);
    const signature = readFileSync(pki('long.sig'));
    const digest = sha256(readFileSync(pki('data.bin')));
    bundle.verificationMaterial.tlogEntries = [
      await world.entry(digest, signature, readFileSync(pki('long.pem'), 'utf8')),
    ];
    passed(await ask(bundle));
    bundle.verificationMaterial.tlogEntries = [
      await world.entry(digest, signature, readFileSync(pki('revoked.pem'), 'utf8')),
    ];
    refused(await ask(bundle), 'SIGNATURE_INVALID', /another key/);
  });
});

describe('a key that counts for a time', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pemOf = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

  it('signs nothing before and nothing after (S30)', async () => {
    const world = await World.create();
    save('s30-root.json', world.root);
    const path = save('s30.bin', DATA);
    const signature = sign('sha256', DATA, privateKey);
    const entry = await world.entry(sha256(DATA), signature, pemOf(publicKey));
    const bundle = (entries: Draft[]) => ({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' }, tlogEntries: entries },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(DATA).toString('base64') },
        signature: signature.toString('base64'),
      },
    });
    const ask = (validFor: string, entries: Draft[] = [entry], logs = '{}') => {
      writeFileSync(`${path}.sigstore.json`, JSON.stringify(bundle(entries)));
      const policy = save(
        's30.yaml',
        `apiVersion: weighlock.dev/v1alpha1
kind: VerificationPolicy
metadata: {name: s30}
spec:
  trustedRoot: {file: s30-root.json}
  attestors:
    - name: release
      cosign:
        ctlog: ${logs}
        key:
          validFor: ${validFor}
          data: |
${pemOf(publicKey).replace(/^/gm, '            ')}
  artifacts: [{name: data, path: ${path}, require: [{signature: {attestors: [release]}}]}]
`,
      );
      return run(['verify', '--policy', policy]);
    };
    passed(await ask('{start: 2020-01-01T00:00:00Z}'));
    passed(await ask('{start: 2020-01-01T00:00:00Z, end: 2090-01-01T00:00:00+02:00}'));
    refused(await ask('{end: 2020-01-01T00:00:00Z}'), 'SIGNER_UNTRUSTED', /the key counts until 2020/);
    refused(await ask('{start: 2090-01-01T00:00:00Z}'), 'SIGNER_UNTRUSTED', /the key counts from 2090/);
    const without = '{insecureIgnoreTlog: true}';
    passed(await ask('{start: 2020-01-01T00:00:00Z}', [], without));
    refused(await ask('{end: 2020-01-01T00:00:00Z}', [], without), 'SIGNER_UNTRUSTED', /its time is not verified/);
    for (const bad of [
      '{}',
      '{start: tomorrow}',
      '{start: 2026-02-01T00:00:00Z, end: 2026-01-01T00:00:00Z}',
      '{since: x}',
    ])
      refused(await ask(bad), 'CONFIG_INVALID', /validFor|since/, 78);
  });
});

describe('a model signature of before 1.0', () => {
  const oms = (name: string) => join(fixtures, 'model-signing', name);
  const ask = (name: string, flags: readonly string[], path = oms('model')) =>
    run(['verify', path, '--signature', oms(`legacy-${name}.sig`), ...flags]);
  const ALLOWED = '--allow-legacy-model-signatures';
  const key = ['--key', oms('keys/prime256v1.pub')];

  it('counts only where the platform says so', async () => {
    refused(await ask('key', key), 'SIGNATURE_INVALID');
    const result = await ask('key', [...key, ALLOWED]);
    passed(result);
    passed(await ask('secp384r1', ['--key', oms('keys/secp384r1.pub'), ALLOWED]));
    const roots = ['--ca-roots', oms('keys/root.pem'), '--certificate-identity', 'ml@acme.example'];
    passed(await ask('certificate', [...roots, ALLOWED]));
    refused(await ask('certificate', roots), 'SIGNATURE_INVALID');
    refused(await ask('key', ['--key', oms('keys/secp384r1.pub'), ALLOWED]), 'SIGNATURE_INVALID', /by this key/);
  });

  it('is held against every file', async () => {
    const path = join(workFolder(), 'model');
    cpSync(oms('model'), path, { recursive: true });
    passed(await ask('key', [...key, ALLOWED], path));
    writeFileSync(join(path, 'a.txt'), 'Text');
    refused(await ask('key', [...key, ALLOWED], path), 'DIGEST_MISMATCH', /a\.txt/);
    cpSync(oms('model/a.txt'), join(path, 'a.txt'));
    mkdirSync(join(path, 'more'));
    writeFileSync(join(path, 'more/x.py'), '');
    refused(await ask('key', [...key, ALLOWED], path), 'FILE_UNEXPECTED', /x\.py/);
  });

  it('lists each file once, by a name that is one', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const trusted = [
      '--key',
      save('legacy.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString()),
      ALLOWED,
    ];
    const path = join(workFolder(), 'model');
    mkdirSync(path);
    writeFileSync(join(path, 'a'), 'a');
    const check = (subject: object[]) => {
      const predicateType = 'https://model_signing/Digests/v0.1';
      const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate: {} };
      return run([
        'verify',
        path,
        '--signature',
        save('l.sig', JSON.stringify(keyBundle(statement, privateKey))),
        ...trusted,
      ]);
    };
    const file = (name: string, content = 'a') => ({ name, digest: { sha256: hex(content) } });
    passed(await check([file('a')]));
    refused(await check([file('a'), file('a', 'b')]), 'SIGNATURE_INVALID', /listed twice/);
    refused(await check([file('a', 'b'), file('a')]), 'SIGNATURE_INVALID', /listed twice/);
    refused(await check([file('../a')]), 'SIGNATURE_INVALID', /name/);
    refused(await check([{ digest: { sha256: hex('a') } }]), 'SIGNATURE_INVALID', /no name/);
    refused(await check([{ name: 'a', digest: { sha512: hex('a') } }]), 'SIGNATURE_INVALID', /no SHA-256/);
  });

  it('is read in its own encoding and no other', async () => {
    const bundle = JSON.parse(readFileSync(oms('legacy-key.sig'), 'utf8'));
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
    const changed = payload.toString('utf8').replace('"a.txt"', '"b.txt"');
    bundle.dsseEnvelope.payload = Buffer.from(changed).toString('base64');
    const file = save('changed.sig', JSON.stringify(bundle));
    refused(
      await run(['verify', oms('model'), '--signature', file, ...key, ALLOWED]),
      'SIGNATURE_INVALID',
      /by this key/,
    );
  });
});
