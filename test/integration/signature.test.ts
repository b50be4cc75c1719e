// Signatures beside files and in folders: who signed, what, and every way to get it wrong.
// Malformed payloads are signed anew, so that the check behind the signature is the one that
// refuses them. Ids are those of the incidents.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Draft,
  hex,
  ISSUER,
  keyBundle,
  modelStatement,
  pae,
  rootOf,
  SUBJECT,
  sha256,
  World,
} from '../evidence/world.ts';
import { type Finished, passed, refused, run, workFolder } from './cli.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': 'aaaa', 'weights/b.bin': 'bbbbbb' };

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const work = workFolder();
const keyFile = save('key.pub', pemOf(publicKey));
const otherKeyFile = save('other.pub', pemOf(other.publicKey));

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function save(name: string, content: string | Uint8Array): string {
  const path = join(work, name);
  writeFileSync(path, content);
  return path;
}

function folder(files: Readonly<Record<string, string | Buffer>> = FILES): string {
  const path = join(workFolder(), 'model');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

/** A folder with a bundle in it, verified with the key unless other flags are given. */
async function verifyModel(
  bundle: Draft,
  options: { files?: Record<string, string>; flags?: string[]; change?: (path: string) => void } = {},
): Promise<Finished> {
  const path = folder(options.files ?? FILES);
  writeFileSync(join(path, 'model.sig'), typeof bundle === 'string' ? bundle : JSON.stringify(bundle));
  options.change?.(path);
  return run(['verify', path, ...(options.flags ?? ['--key', keyFile, '--insecure-ignore-tlog'])]);
}

/** The statement with something in its predicate changed. */
function model(change: (statement: Draft) => unknown, files: Readonly<Record<string, string>> = FILES): Draft {
  const statement = modelStatement(files);
  change(statement);
  return keyBundle(statement, privateKey);
}

describe('a model signature', () => {
  it('by the key passes, and is named in the report', async () => {
    const report = join(work, 'report.json');
    passed(
      await verifyModel(keyBundle(modelStatement(FILES), privateKey), {
        flags: ['--key', keyFile, '--report', report],
      }),
    );
    const { artifacts } = JSON.parse(readFileSync(report, 'utf8'));
    const [requirement] = artifacts[0].requirements;
    assert.equal(requirement.kind, 'signature');
    const der = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({
      type: 'spki',
      format: 'der',
    });
    assert.equal(requirement.signers[0].fingerprint, hex(der));
  });

  it('finds every changed, missing and added file', async () => {
    const bundle = keyBundle(modelStatement(FILES), privateKey);
    const cases: [string, (path: string) => void][] = [
      ['DIGEST_MISMATCH', (path) => writeFileSync(join(path, 'weights/a.bin'), 'aaaA')],
      ['FILE_MISSING', (path) => rmSync(join(path, 'weights/a.bin'))],
      ['FILE_UNEXPECTED', (path) => writeFileSync(join(path, 'evil.py'), '')],
      ['FILE_UNEXPECTED', (path) => writeFileSync(join(path, '.gitignore'), '')],
      ['UNSAFE_ENTRY', (path) => symlinkSync('/etc', join(path, 'code'))],
    ];
    for (const [code, change] of cases) refused(await verifyModel(bundle, { change }), code);
  });

  it('is asked for and not there', async () => {
    const path = folder();
    refused(await run(['verify', path, '--key', keyFile]), 'SIGNATURE_MISSING', /there is no signature/);
    refused(await run(['verify', path, '--key', keyFile, '--signature', join(work, 'none')]), 'SIGNATURE_MISSING');
    refused(await run(['verify', path, '--key', keyFile, '--signature', path]), 'SIGNATURE_INVALID', /regular file/);
  });

  it('by another key, or changed by one byte, does not count (S27)', async () => {
    const bundle = keyBundle(modelStatement(FILES), privateKey);
    refused(
      await verifyModel(bundle, { flags: ['--key', otherKeyFile] }),
      'SIGNATURE_INVALID',
      /not a signature by this key/,
    );
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
    payload[payload.length - 3] = (payload[payload.length - 3] ?? 0) ^ 1;
    bundle.dsseEnvelope.payload = payload.toString('base64');
    refused(await verifyModel(bundle), 'SIGNATURE_INVALID', /not a signature by this key/);
  });

  it('over the payload alone, or not in DER, does not count (S27)', async () => {
    const payload = Buffer.from(JSON.stringify(modelStatement(FILES)));
    const bundle = keyBundle(modelStatement(FILES), privateKey);
    bundle.dsseEnvelope.signatures[0].sig = sign('sha256', payload, privateKey).toString('base64');
    refused(await verifyModel(bundle), 'SIGNATURE_INVALID');
    const p1363 = sign('sha256', pae(payload), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    bundle.dsseEnvelope.signatures[0].sig = p1363.toString('base64');
    refused(await verifyModel(bundle), 'SIGNATURE_INVALID');
  });

  it('with another payload type does not count, whatever looks like it (S15)', async () => {
    for (const type of ['text/plain', 'application/vnd.in-toto+jsoŮ', 'APPLICATION/vnd.in-toto+json', '']) {
      const bundle = keyBundle(modelStatement(FILES), privateKey);
      const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
      bundle.dsseEnvelope.payloadType = type;
      bundle.dsseEnvelope.signatures[0].sig = sign('sha256', pae(payload, type), privateKey).toString('base64');
      refused(await verifyModel(bundle), 'SIGNATURE_INVALID', /payload type/);
    }
  });

  it('of a certificate or an identity is not one by a key, and the other way round (S6)', async () => {
    const world = await World.create();
    const keyless = await world.attest(modelStatement(FILES));
    refused(await verifyModel(keyless), 'SIGNER_UNTRUSTED', /carries a certificate, and a key is asked for/);
    const root = save('s6-root.json', world.root);
    const identity = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, '--trusted-root', root];
    const keyed = keyBundle(modelStatement(FILES), privateKey);
    refused(await verifyModel(keyed, { flags: identity }), 'SIGNER_UNTRUSTED', /carries a key/);
  });

  it('whose bundle can be read in two ways is not read at all (S35)', async () => {
    const good = () => keyBundle(modelStatement(FILES), privateKey);
    const text = JSON.stringify(good());
    const message = {
      messageDigest: { algorithm: 'SHA2_256', digest: sha256('x').toString('base64') },
      signature: 'AA==',
    };
    const certificate = { rawBytes: 'AA==' };
    const bad: (Draft | string)[] = [
      { ...good(), messageSignature: message },
      { ...good(), verificationMaterial: { publicKey: { hint: '' }, certificate } },
      { ...good(), verificationMaterial: {} },
      { ...good(), mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' },
      { ...good(), mediaType: 'application/vnd.dev.sigstore.bundle.v9.9+json;x' },
      text.replace('{"mediaType"', '{"mediaType":"x","mediaType"'),
      text.replace('"payloadType"', '"payload":"e30=","payloadType"'),
      text.replace(/"sig":"../, (start) => `${start}\\n `),
      { ...good(), dsseEnvelope: { ...good().dsseEnvelope, signatures: [] } },
      {
        ...good(),
        dsseEnvelope: {
          ...good().dsseEnvelope,
          signatures: [...good().dsseEnvelope.signatures, ...good().dsseEnvelope.signatures],
        },
      },
    ];
    for (const bundle of bad) refused(await verifyModel(bundle), 'SIGNATURE_INVALID');
  });

  it('that is nested, repeated or long without end is refused (S12)', async () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    refused(
      await verifyModel(JSON.stringify(keyBundle(modelStatement(FILES), privateKey)).replace('{', `{"x":${deep},`)),
      'SIGNATURE_INVALID',
      /levels deep/,
    );
    const many = keyBundle(modelStatement(FILES), privateKey);
    many.verificationMaterial.tlogEntries = Array.from({ length: 33 }, () => ({}));
    refused(await verifyModel(many), 'SIGNATURE_INVALID', /more than 32/);
    const stamped = keyBundle(modelStatement(FILES), privateKey);
    stamped.verificationMaterial.timestampVerificationData = {
      rfc3161Timestamps: Array.from({ length: 33 }, () => ({})),
    };
    refused(await verifyModel(stamped), 'SIGNATURE_INVALID', /more than 32/);
    const subjects = model((statement) => {
      statement.subject = Array.from({ length: 1025 }, () => statement.subject[0]);
    });
    refused(await verifyModel(subjects), 'SIGNATURE_INVALID', /more than 1024/);
    const digests = model((statement) => {
      for (let i = 0; i < 33; i++) statement.subject[0].digest[`x${i}`] = 'a';
    });
    refused(await verifyModel(digests), 'SIGNATURE_INVALID', /34 digests/);
  });

  it('with a payload of the wrong shape is refused (S5, S28)', async () => {
    const shapes: [string | object, RegExp][] = [
      ['not json', /not JSON/],
      ['[]', /not an object/],
      ['null', /not an object/],
      [{ ...modelStatement(FILES), _type: 'x' }, /no in-toto statement/],
      [{ ...modelStatement(FILES), subject: null }, /subject is not a list/],
      [{ ...modelStatement(FILES), subject: [] }, /about nothing/],
      [{ ...modelStatement(FILES), subject: [{ name: 'x', digest: {} }] }, /0 digests/],
      [{ ...modelStatement(FILES), predicate: 'text' }, /predicate is not an object/],
    ];
    for (const [payload, message] of shapes)
      refused(await verifyModel(keyBundle(payload, privateKey)), 'SIGNATURE_INVALID', message);
  });

  it('says nothing about files by names that leave the folder, or are two for one (PY #647)', async () => {
    for (const name of ['../x', '/etc/passwd', 'a/../b', './a', 'a//b', 'a/', '', 'a\0b'])
      refused(
        await verifyModel(keyBundle(modelStatement({ ...FILES, [name]: 'x' }), privateKey)),
        'SIGNATURE_INVALID',
        /name/,
      );
    const twice = model((statement) => {
      statement.predicate.resources.push(statement.predicate.resources[0]);
      statement.subject[0].digest.sha256 = rootOf(statement.predicate.resources);
    });
    refused(await verifyModel(twice), 'SIGNATURE_INVALID', /listed twice/);
  });

  it('of nothing is none (PY #661)', async () => {
    const empty = model((statement) => {
      statement.predicate.resources = [];
      statement.subject[0].digest.sha256 = rootOf([]);
    });
    refused(await verifyModel(empty), 'SIGNATURE_INVALID', /no file at all/);
  });

  it('must come to the root digest that it is about', async () => {
    const wrong = model((statement) => {
      statement.subject[0].digest.sha256 = 'a'.repeat(64);
    });
    refused(await verifyModel(wrong), 'SIGNATURE_INVALID', /do not come to/);
  });

  it('cannot leave out what the verifier does not (OMS 1.6)', async () => {
    const evil = { ...FILES, 'hook.py': 'evil' };
    for (const entry of ['.', '', 'hook.py', '*', '../', '/']) {
      const bundle = model((statement) => {
        statement.predicate.serialization.ignore_paths = [entry];
      });
      refused(await verifyModel(bundle, { files: evil }), 'FILE_UNEXPECTED', /hook\.py/);
    }
    const git = model((statement) => {
      statement.predicate.serialization.ignore_paths = ['.git'];
    });
    const withGit = { ...FILES, '.git/hooks/x.py': 'evil' };
    refused(await verifyModel(git, { files: withGit }), 'FILE_UNEXPECTED', /--ignore-paths \.git"/);
  });

  it('15.11: and what the platform lets be there unsigned is in the report and the verdict', async () => {
    const report = join(work, 'ignored.json');
    const log = join(work, 'termination');
    const flags = ['--key', keyFile, '--ignore-paths=.git', '--report', report, '--termination-log', log];
    writeFileSync(log, '');
    const bundle = keyBundle(modelStatement(FILES), privateKey);
    passed(await verifyModel(bundle, { files: { ...FILES, '.git/HEAD': 'x' }, flags }));
    const { artifacts } = JSON.parse(readFileSync(report, 'utf8'));
    assert.deepEqual(
      artifacts[0].requirements[0].unlisted.map(({ file, kind }: { file: string; kind: string }) => [file, kind]),
      [
        ['.git/HEAD', 'ignored'],
        ['model.sig', 'evidence'],
      ],
    );
    assert.match(readFileSync(log, 'utf8'), /let pass unsigned: \.git\/HEAD/);
    refused(await verifyModel(bundle, { files: { ...FILES, '.gitx': 'x' }, flags }), 'FILE_UNEXPECTED');
    refused(await run(['verify', folder(), '--key', keyFile, '--ignore-paths=.']), 'CONFIG_INVALID', /./, 78);
  });

  it('15.2: a hard link to the signature is not the signature, and neither may have one', async () => {
    const bundle = keyBundle(modelStatement(FILES), privateKey);
    for (const name of ['tokenizer_config.json', 'other.sig', 'weights/model.sig'])
      refused(
        await verifyModel(bundle, { change: (path) => linkSync(join(path, 'model.sig'), join(path, name)) }),
        'FILE_UNEXPECTED',
        new RegExp(name),
      );
    const outside = join(workFolder(), 'x');
    refused(
      await verifyModel(bundle, { change: (path) => linkSync(join(path, 'model.sig'), outside) }),
      'FILE_UNEXPECTED',
      /hard link/,
    );
  });

  it('15.2: under a name that a loader reads is refused, whoever names it', async () => {
    const path = folder();
    const bundle = JSON.stringify(keyBundle(modelStatement(FILES), privateKey));
    writeFileSync(join(path, 'generation_config.json'), bundle);
    const named = join(path, 'generation_config.json');
    refused(await run(['verify', path, '--key', keyFile, '--signature', named]), 'FILE_UNEXPECTED', /must be called/);
    const environment = { MODEL_PATH: path, MODEL_SIGNATURE: named };
    refused(await run(['verify', '--key', keyFile], { environment }), 'FILE_UNEXPECTED', /must be called/);
    mkdirSync(join(path, 'sub'));
    renameSync(named, join(path, 'sub/x.sig'));
    passed(await run(['verify', path, '--key', keyFile, '--signature', join(path, 'sub/x.sig')]));
    symlinkSync('sub/x.sig', join(path, 'y.sig'));
    const linked = ['--signature', join(path, 'y.sig'), '--allow-symlinks'];
    refused(await run(['verify', path, '--key', keyFile, ...linked]), 'FILE_UNEXPECTED', /not a link/);
  });

  it('15.2: one that does not count is not let pass beside one that does', async () => {
    const path = folder();
    writeFileSync(join(path, 'a.sig'), JSON.stringify(keyBundle(modelStatement(FILES), privateKey)));
    const flags = ['verify', path, '--key', keyFile, '--signature', join(path, 'a.sig')];
    passed(await run(flags));
    writeFileSync(join(path, 'b.sig'), 'anything at all');
    refused(await run([...flags, '--signature', join(path, 'b.sig')]), 'FILE_UNEXPECTED', /b\.sig/);
  });

  it('says nothing about what lies in another artifact of the run (PY #650)', async () => {
    const withGit = { ...FILES, '.git/HEAD': 'x' };
    const [first, second] = [folder(withGit), folder(withGit)];
    const lenient = model((statement) => {
      statement.predicate.serialization.ignore_paths = ['.git'];
    });
    writeFileSync(join(first, 'model.sig'), JSON.stringify(lenient));
    writeFileSync(join(second, 'model.sig'), JSON.stringify(keyBundle(modelStatement(FILES), privateKey)));
    for (const paths of [
      [first, second],
      [second, first],
    ])
      refused(await run(['verify', ...paths, '--key', keyFile]), 'FILE_UNEXPECTED', /\.git\/HEAD/);
    writeFileSync(join(second, 'model.sig'), JSON.stringify(lenient));
    passed(await run(['verify', first, second, '--key', keyFile, '--ignore-paths=.git']));
  });

  it('cannot make the verifier follow links (GO, PY #666)', async () => {
    const bundle = model((statement) => {
      statement.predicate.serialization.allow_symlinks = true;
    });
    refused(
      await verifyModel(bundle, { change: (path) => symlinkSync('config.json', join(path, 'link')) }),
      'UNSAFE_ENTRY',
    );
  });

  it('with digests or algorithms that are none is refused (S29)', async () => {
    const wrong: [object, RegExp][] = [
      [{ digest: '' }, /is not one of sha256/],
      [{ digest: 'A'.repeat(64) }, /is not one of sha256/],
      [{ digest: 'a'.repeat(62) }, /is not one of sha256/],
      [{ digest: 'a'.repeat(128) }, /is not one of sha256/],
      [{ algorithm: 'md5' }, /has the algorithm/],
      [{ algorithm: 'sha256-sharded-10' }, /has the algorithm/],
    ];
    for (const [change, message] of wrong) {
      const bundle = model((statement) => {
        Object.assign(statement.predicate.resources[0], change);
        statement.subject[0].digest.sha256 = rootOf(statement.predicate.resources);
      });
      refused(await verifyModel(bundle), 'SIGNATURE_INVALID', message);
    }
  });

  it('of another version is refused, of a later minor one not', async () => {
    passed(
      await verifyModel(
        model((statement) => Object.assign(statement, { predicateType: 'https://model_signing/signature/v1.7' })),
      ),
    );
    const ofType = (predicateType: string) => model((statement) => Object.assign(statement, { predicateType }));
    refused(await verifyModel(ofType('https://model_signing/signature/v2.0')), 'SIGNATURE_MISSING');
    refused(
      await verifyModel(ofType('https://model_signing/Digests/v0.1')),
      'SIGNATURE_INVALID',
      /before OpenSSF Model Signing 1\.0.*--allow-legacy-model-signatures/,
    );
  });

  it('is not what any attestation is (S7)', async () => {
    const sbom = keyBundle(
      { ...modelStatement(FILES), predicateType: 'https://spdx.dev/Document', predicate: {} },
      privateKey,
    );
    const flags = ['--key', keyFile, '--insecure-ignore-tlog'];
    refused(await verifyModel(sbom, { flags }), 'SIGNATURE_MISSING', /of the type https:\/\/spdx/);
  });

  describe('in shards', () => {
    const BYTES = 'abcdefghij';
    const shards = (ranges: readonly [string, number, number][], size = 4) => {
      const statement = modelStatement({});
      statement.predicate.serialization = {
        method: 'shards',
        hash_type: 'sha256',
        allow_symlinks: false,
        shard_size: size,
      };
      statement.predicate.resources = ranges.map(([name, start, end]) => ({
        name: `${name}:${start}:${end}`,
        algorithm: 'sha256',
        digest: hex(BYTES.slice(start, end)),
      }));
      statement.subject[0].digest.sha256 = rootOf(statement.predicate.resources);
      return keyBundle(statement, privateKey);
    };
    const files = { 'dir/a:b': BYTES };

    it('is verified, in any order', async () => {
      passed(
        await verifyModel(
          shards([
            ['dir/a:b', 0, 4],
            ['dir/a:b', 4, 8],
            ['dir/a:b', 8, 10],
          ]),
          { files },
        ),
      );
      passed(
        await verifyModel(
          shards([
            ['dir/a:b', 8, 10],
            ['dir/a:b', 0, 4],
            ['dir/a:b', 4, 8],
          ]),
          { files },
        ),
      );
    });

    it('covers every byte: no gap, overlap, short shard, or tail (GO)', async () => {
      for (const ranges of [
        [
          [0, 4],
          [8, 10],
        ],
        [
          [0, 4],
          [4, 6],
          [6, 10],
        ],
        [
          [0, 4],
          [2, 6],
          [4, 8],
          [8, 10],
        ],
        [
          [4, 8],
          [8, 10],
        ],
      ] as const)
        refused(
          await verifyModel(shards(ranges.map(([start, end]) => ['dir/a:b', start, end])), { files }),
          'SIGNATURE_INVALID',
          /leave something out/,
        );
      const full = shards([
        ['dir/a:b', 0, 4],
        ['dir/a:b', 4, 8],
      ]);
      refused(await verifyModel(full, { files }), 'DIGEST_MISMATCH');
    });

    it('of a size that is none is refused', async () => {
      for (const size of [0, -1, 1.5, 2 ** 54])
        refused(await verifyModel(shards([['dir/a:b', 0, 4]], size), { files }), 'SIGNATURE_INVALID', /shard size/);
    });
  });
});

describe('a keyless signature', () => {
  let world: World;
  let root: string;
  const DATA = Buffer.from('a dataset');
  before(async () => {
    world = await World.create();
    root = save('root.json', world.root);
  });

  const identity = (subject = SUBJECT, issuer = ISSUER) => [
    '--certificate-identity',
    subject,
    '--certificate-oidc-issuer',
    issuer,
  ];

  async function verifyData(bundle: Draft, flags: readonly string[] = identity(), bytes = DATA): Promise<Finished> {
    const path = join(workFolder(), 'data.bin');
    writeFileSync(path, bytes);
    writeFileSync(`${path}.sigstore.json`, JSON.stringify(bundle));
    return run(['verify', path, '--trusted-root', root, ...flags]);
  }

  it('of a file, a statement or a model passes', async () => {
    passed(await verifyData(await world.signBlob(DATA)));
    passed(await verifyData(await world.signBlob(DATA, { timestamp: true })));
    passed(
      await verifyData(await world.signBlob(DATA, { timestamp: true }), [...identity(), '--use-signed-timestamps']),
    );
    const stampOnly = await world.signBlob(DATA, { timestamp: true, log: 'none' });
    passed(await verifyData(stampOnly, [...identity(), '--insecure-ignore-tlog']));
    refused(await verifyData(stampOnly), 'SIGNATURE_INVALID', /tlog/);
    const flags = ['--trusted-root', root, ...identity()];
    passed(await verifyModel(await world.attest(modelStatement(FILES)), { flags }));
  });

  it('in a log of the second version needs the time of an authority', async () => {
    const good = await world.signBlob(DATA, { log: 'rekor-v2', timestamp: true });
    passed(await verifyData(good));
    passed(
      await verifyModel(await world.attest(modelStatement(FILES), { log: 'rekor-v2', timestamp: true }), {
        flags: ['--trusted-root', root, ...identity()],
      }),
    );
    refused(await verifyData(await world.signBlob(DATA, { log: 'rekor-v2' })), 'SIGNATURE_INVALID', /timestamps/);
    const { leaf } = await world.person();
    const { pem } = await import('../evidence/world.ts');
    const borrowed = await world.signBlob(DATA, { log: 'rekor-v2', timestamp: true, loggedAs: pem(leaf) });
    refused(await verifyData(borrowed), 'SIGNATURE_INVALID', /another key/);
    const [entry] = good.verificationMaterial.tlogEntries;
    const checkpoint = entry.inclusionProof.checkpoint.envelope;
    // S31: another root, another log's name, another tree.
    for (const envelope of [
      checkpoint.replace(/^(.*\n1\n).*/, `$1${sha256('x').toString('base64')}`),
      checkpoint.replaceAll('log2.test', 'log3.test'),
      checkpoint.replace('\n1\n', '\n2\n'),
      checkpoint.replace(/\u2014.*/s, ''),
      '',
    ]) {
      const draft = structuredClone(good);
      draft.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope = envelope;
      refused(await verifyData(draft), 'SIGNATURE_INVALID');
    }
    const stamped = structuredClone(good);
    const stamp = Buffer.from(
      stamped.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp,
      'base64',
    );
    stamp.writeUInt8(stamp.readUInt8(stamp.length - 5) ^ 1, stamp.length - 5);
    stamped.verificationMaterial.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp =
      stamp.toString('base64');
    refused(await verifyData(stamped), 'SIGNATURE_INVALID');
    const foreign = structuredClone(good);
    const other = await world.signBlob(Buffer.from('x'), { timestamp: true });
    foreign.verificationMaterial.timestampVerificationData = other.verificationMaterial.timestampVerificationData;
    refused(await verifyData(foreign), 'SIGNATURE_INVALID', /timestamp/);
  });

  it('of other bytes does not count', async () => {
    refused(await verifyData(await world.signBlob(DATA), identity(), Buffer.from('another')), 'DIGEST_MISMATCH');
  });

  it('by somebody else does not count, whatever the name looks like (S17, S18)', async () => {
    const bundle = await world.signBlob(DATA);
    refused(
      await verifyData(bundle, identity('https://github.com/acme/')),
      'SIGNER_UNTRUSTED',
      /signed by https:\/\/github.com\/acme/,
    );
    refused(await verifyData(bundle, identity(SUBJECT, 'https://accounts.google.com')), 'SIGNER_UNTRUSTED');
    const expression = (regexp: string) => [
      '--certificate-identity-regexp',
      regexp,
      '--certificate-oidc-issuer',
      ISSUER,
    ];
    passed(await verifyData(bundle, expression(String.raw`https://github\.com/acme/.*@refs/heads/main`)));
    for (const subject of [
      'https://evil.example/https://github.com/acme/models',
      'https://github.com/acme-evil/models',
      'https://githubXcom/acme/models',
    ]) {
      const evil = await world.signBlob(DATA, { subject });
      refused(await verifyData(evil, expression(String.raw`https://github\.com/acme/.*`)), 'SIGNER_UNTRUSTED');
    }
  });

  it('with an expression that never ends is refused in time (S18)', async () => {
    const evil = await world.signBlob(DATA, { subject: `https://${'a'.repeat(60)}.example/!` });
    const flags = ['--certificate-identity-regexp', 'https://(a+)+b', '--certificate-oidc-issuer', ISSUER];
    refused(await verifyData(evil, flags), 'SIGNER_UNTRUSTED');
  });

  it('whose log entry is of another signature, digest or key does not count (S1, S2, S3)', async () => {
    const bundle = await world.signBlob(DATA);
    const another = await world.signBlob(Buffer.from('another'));
    const swapped = structuredClone(bundle);
    swapped.verificationMaterial.tlogEntries = another.verificationMaterial.tlogEntries;
    refused(await verifyData(swapped), 'SIGNATURE_INVALID');
    const { leaf } = await world.person();
    const { pem } = await import('../evidence/world.ts');
    refused(await verifyData(await world.signBlob(DATA, { loggedAs: pem(leaf) })), 'SIGNATURE_INVALID', /another key/);
  });

  it('with a time that nobody vouched for does not count (S14)', async () => {
    const bundle = await world.signBlob(DATA);
    const [entry] = bundle.verificationMaterial.tlogEntries;
    for (const change of [
      { ...entry, inclusionPromise: undefined },
      { ...entry, integratedTime: '1' },
      { ...entry, inclusionPromise: { signedEntryTimestamp: 'AAAA' } },
      {
        ...entry,
        inclusionProof: {
          ...entry.inclusionProof,
          checkpoint: {
            envelope: `${entry.inclusionProof.checkpoint.envelope}`.replace(
              /\n.*\n\n/,
              `\n${sha256('x').toString('base64')}\n\n`,
            ),
          },
        },
      },
      { ...entry, logId: { keyId: sha256('x').toString('base64') } },
      { ...entry, canonicalizedBody: Buffer.from('{}').toString('base64') },
      { ...entry, logIndex: 'abc' },
    ]) {
      const draft = structuredClone(bundle);
      draft.verificationMaterial.tlogEntries = [JSON.parse(JSON.stringify(change))];
      refused(await verifyData(draft), 'SIGNATURE_INVALID');
    }
    const without = structuredClone(bundle);
    without.verificationMaterial.tlogEntries = [];
    refused(await verifyData(without), 'SIGNATURE_INVALID');
    refused(await verifyData(without, [...identity(), '--insecure-ignore-tlog']), 'SIGNATURE_INVALID');
  });

  it('takes no time from an entry that does not count (S2, S14)', async () => {
    const bundle = await world.signBlob(DATA);
    // The entry is genuine, but nobody looked at it: its time is only a number in a file.
    refused(await verifyData(bundle, [...identity(), '--insecure-ignore-tlog']), 'SIGNATURE_INVALID', /timestamps/);
    refused(await verifyData(bundle, [...identity(), '--use-signed-timestamps']), 'SIGNATURE_INVALID', /timestamps/);
    const stamped = await world.signBlob(DATA, { timestamp: true });
    const another = await world.signBlob(Buffer.from('another'));
    stamped.verificationMaterial.tlogEntries = another.verificationMaterial.tlogEntries;
    refused(await verifyData(stamped), 'SIGNATURE_INVALID');
    passed(await verifyData(stamped, [...identity(), '--insecure-ignore-tlog']));
  });

  it('in the log twice is there once (S13)', async () => {
    const bundle = await world.signBlob(DATA);
    bundle.verificationMaterial.tlogEntries.push(bundle.verificationMaterial.tlogEntries[0]);
    refused(await verifyData(bundle), 'SIGNATURE_INVALID', /duplicate/);
  });

  it('of another Sigstore instance does not count', async () => {
    const elsewhere = await World.create();
    refused(await verifyData(await elsewhere.signBlob(DATA)), 'SIGNATURE_INVALID');
    const path = join(workFolder(), 'data.bin');
    writeFileSync(path, DATA);
    writeFileSync(`${path}.sigstore.json`, JSON.stringify(await world.signBlob(DATA)));
    refused(await run(['verify', path, ...identity()]), 'SIGNATURE_INVALID');
  });

  it('as an attestation says what conditions ask, and when it was made', async () => {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'data.bin', digest: { sha256: hex(DATA) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { builder: { id: 'https://ci.example/7' }, score: 5, tags: ['a', 'b'] },
    };
    const bundle = await world.attest(statement);
    const ask = (...more: string[]) => verifyData(bundle, [...identity(), '--type', 'slsaprovenance1', ...more]);
    passed(await ask());
    passed(await ask('--condition', "predicate.builder.id == 'https://ci.example/7' && 'b' in predicate.tags"));
    passed(
      await ask(
        '--condition',
        `signer.subject.startsWith('https://github.com/acme/') && subject[0].name == 'data.bin'`,
      ),
    );
    passed(await ask('--max-age', '1h'));
    refused(await ask('--max-age', '1ms'), 'CONDITION_FAILED', /too long ago/);
    refused(
      await ask('--condition', "predicate.builder.id == 'https://evil.example'"),
      'CONDITION_FAILED',
      /not true of it/,
    );
    refused(await ask('--condition', 'predicate.nothing.there == 1'), 'CONDITION_FAILED', /cannot be told/);
    refused(await ask('--condition', 'predicate.builder.id'), 'CONDITION_FAILED');
    refused(await ask('--condition', 'predicate.builder.id =='), 'CONFIG_INVALID', /condition cannot be used/, 78);
    refused(await ask('--condition', 'unknown == 1'), 'CONFIG_INVALID', /condition cannot be used/, 78);
    refused(await verifyData(bundle), 'SIGNATURE_MISSING', /of the type https:\/\/slsa/);
    refused(await verifyData(bundle, [...identity(), '--type', 'spdx']), 'ATTESTATION_MISSING');
    const plain = await world.signBlob(DATA);
    refused(await verifyData(plain, [...identity(), '--type', 'spdx']), 'ATTESTATION_MISSING', /plain signature/);
  });
});

describe('a signature by a key that is in a log', () => {
  it('is what a key alone asks for, as cosign does', async () => {
    const world = await World.create();
    const root = save('keyed-root.json', world.root);
    const data = Buffer.from('a dataset');
    const path = save('logged.bin', data);
    const signature = sign('sha256', data, privateKey);
    const material = (entries: Draft[]) => ({ publicKey: { hint: '' }, tlogEntries: entries });
    const bundle = (entries: Draft[]) => ({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: material(entries),
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: sha256(data).toString('base64') },
        signature: signature.toString('base64'),
      },
    });
    const ask = (draft: Draft, ...flags: string[]) => {
      const file = save('logged.json', JSON.stringify(draft));
      return run(['verify', path, '--signature', file, '--key', keyFile, '--trusted-root', root, ...flags]);
    };
    const entry = await world.entry(sha256(data), signature, pemOf(publicKey));
    const logged = await ask(bundle([entry]), '--format=text');
    passed(logged);
    assert.match(logged.stdout, /log index/);
    refused(await ask(bundle([])), 'SIGNATURE_INVALID', /tlog/);
    passed(await ask(bundle([]), '--insecure-ignore-tlog'));
    const borrowed = await world.entry(sha256(data), signature, pemOf(other.publicKey));
    refused(await ask(bundle([borrowed])), 'SIGNATURE_INVALID', /another key/);
    const foreign = await world.entry(sha256('x'), sign('sha256', Buffer.from('x'), privateKey), pemOf(publicKey));
    refused(await ask(bundle([foreign])), 'SIGNATURE_INVALID', /mismatch/);
    // S2: an entry that is no good is not looked at when none is asked for, and lends the signature
    // no time either.
    refused(
      await ask(bundle([foreign]), '--insecure-ignore-tlog', '--max-age=1h'),
      'CONDITION_FAILED',
      /no verified time/,
    );
  });
});

describe('a checksums file that was signed', () => {
  it('is as good as a pinned one, with any kind of signature of it', async () => {
    const path = folder();
    const sums = save(
      'SHA256SUMS',
      Object.entries(FILES)
        .map(([name, content]) => `${hex(content)}  ${name}\n`)
        .join(''),
    );
    const bytes = readFileSync(sums);
    const detached = save('sums.sig', sign('sha256', bytes, privateKey).toString('base64'));
    const foreign = save(
      'foreign.sig',
      sign('sha256', Buffer.concat([bytes, Buffer.from('\n')]), privateKey).toString('base64'),
    );
    const bundle = save('sums.json', JSON.stringify(keyBundle(modelStatement({ SHA256SUMS: bytes }), privateKey)));
    const otherBundle = save(
      'sums-other.json',
      JSON.stringify(keyBundle(modelStatement({ SHA256SUMS: 'x' }), privateKey)),
    );
    const ask = (signature: string, key = keyFile) =>
      run([
        'verify',
        path,
        '--checksums',
        sums,
        '--checksums-signature',
        signature,
        '--key',
        key,
        '--insecure-ignore-tlog',
      ]);
    passed(await ask(detached));
    passed(await ask(bundle));
    refused(await ask(foreign), 'SIGNATURE_INVALID');
    refused(await ask(otherBundle), 'SIGNATURE_INVALID', /something else/);
    refused(await ask(detached, otherKeyFile), 'SIGNATURE_INVALID');
    refused(await ask(join(work, 'nothing.sig')), 'SIGNATURE_MISSING');
    const flags = ['verify', path, '--checksums', sums, '--checksums-signature', detached];
    refused(await run(flags), 'CONFIG_INVALID', /nobody is named/, 78);
    refused(
      await run(['verify', path, '--checksums-signature', detached, '--key', keyFile]),
      'USAGE',
      /without --checksums/,
      64,
    );
    writeFileSync(join(path, 'config.json'), '{ }');
    refused(await ask(detached), 'DIGEST_MISMATCH', /config\.json/);
  });
});

describe('thresholds', () => {
  const model = () => modelStatement(FILES);
  it('are met by different signers only (S13)', async () => {
    const path = folder();
    const mine = save('mine.sig', JSON.stringify(keyBundle(model(), privateKey)));
    const again = save('again.sig', JSON.stringify(keyBundle(model(), privateKey)));
    const theirs = save('theirs.sig', JSON.stringify(keyBundle(model(), other.privateKey)));
    const ask = (...files: string[]) =>
      run([
        'verify',
        path,
        '--threshold=2',
        '--key',
        keyFile,
        '--key',
        otherKeyFile,
        ...files.flatMap((file) => ['--signature', file]),
      ]);
    passed(await ask(mine, theirs));
    refused(await ask(mine, again), 'SIGNATURE_INVALID');
    refused(await ask(mine), 'SIGNATURE_INVALID');
  });
});

describe('whom to trust', () => {
  it('may stand in a variable, as cosign has it', async () => {
    const path = folder();
    writeFileSync(join(path, 'model.sig'), JSON.stringify(keyBundle(modelStatement(FILES), privateKey)));
    const check = (environment: Record<string, string>) => run(['verify', path], { environment });
    const WEIGHLOCK_KEY = 'env://RELEASE_KEY';
    passed(await check({ WEIGHLOCK_KEY, RELEASE_KEY: pemOf(publicKey) }));
    refused(await check({ WEIGHLOCK_KEY, RELEASE_KEY: pemOf(other.publicKey) }), 'SIGNATURE_INVALID');
    refused(await check({ WEIGHLOCK_KEY, RELEASE_KEY: 'no key' }), 'CONFIG_INVALID', /not a public key/, 78);
    refused(await check({ WEIGHLOCK_KEY }), 'CONFIG_INVALID', /no variable for the key/, 78);
    refused(await check({ WEIGHLOCK_KEY, RELEASE_KEY: '' }), 'CONFIG_INVALID', /no variable for the key/, 78);
  });

  it('is said completely and soundly, or the run does not begin (S16, S17)', async () => {
    const path = folder();
    const cases: [string[], RegExp][] = [
      [['--certificate-identity', SUBJECT], /without --certificate-oidc-issuer/],
      [['--certificate-oidc-issuer', ISSUER], /without --certificate-identity/],
      [['--certificate-identity-regexp', '.*', '--certificate-oidc-issuer', ISSUER], /matches anybody/],
      [['--certificate-identity-regexp', '.*|x', '--certificate-oidc-issuer', ISSUER], /matches anybody/],
      [['--certificate-identity-regexp', '(', '--certificate-oidc-issuer', ISSUER], /not a regular expression/],
      [['--certificate-identity-regexp', 'a)|(.*', '--certificate-oidc-issuer', ISSUER], /not a regular expression/],
      [['--key', join(work, 'nothing.pub')], /cannot be read/],
      [['--key', save('empty.pub', '')], /0 PEM blocks/],
      [['--key', save('two.pub', pemOf(publicKey) + pemOf(other.publicKey))], /2 PEM blocks/],
      [['--key', save('private.pub', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())], /private key/],
      [['--key', save('short.pub', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey))], /1024 bits/],
      [['--key', save('k1.pub', pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey))], /secp256k1/],
      [['--key', keyFile, '--key', keyFile], /given twice/],
      [['--key', keyFile, '--threshold=2'], /only 1/],
      [['--signature', keyFile], /nobody is named/],
      [['--insecure-ignore-tlog'], /nobody is named/],
      [['--key', keyFile, '--type', 'spdy'], /unknown predicate type/],
      [['--key', keyFile, '--condition', 'true'], /none is asked for/],
      [['--key', keyFile, '--trusted-root', keyFile], /not JSON/],
      [['--ca-roots', keyFile], /has no certificate/],
      [
        ['--ca-roots', fileURLToPath(new URL('../fixtures/private-pki/root.pem', import.meta.url))],
        /without --certificate-identity/,
      ],
    ];
    for (const [flags, message] of cases)
      refused(await run(['verify', path, '--sha256', 'a'.repeat(64), ...flags]), 'CONFIG_INVALID', message, 78);
  });

  it('never comes from the artifact itself', async () => {
    const path = folder({ ...FILES, 'key.pub': pemOf(publicKey) });
    refused(
      await run(['verify', path, '--key', join(path, 'key.pub')]),
      'CONFIG_INVALID',
      /lies inside the artifact/,
      78,
    );
  });

  it('is not what the pod says: MODEL_SIGNATURE alone is an error', async () => {
    const path = folder();
    writeFileSync(join(path, 'model.sig'), JSON.stringify(keyBundle(modelStatement(FILES), privateKey)));
    const environment = { MODEL_PATH: path, MODEL_SIGNATURE: join(path, 'model.sig') };
    refused(await run(['verify'], { environment }), 'CONFIG_INVALID', /nobody is named/, 78);
    passed(await run(['verify', '--key', keyFile], { environment }));
  });
});

describe('bundles of the public-good instance', () => {
  const fixtures = fileURLToPath(new URL('../fixtures/public-good', import.meta.url));
  const at = (name: string) => join(fixtures, name);

  it('are verified without a network, years later', async () => {
    const ask = (subject: string) =>
      run([
        'verify',
        at('a.txt'),
        '--signature',
        at('a.txt.sigstore'),
        '--certificate-identity',
        subject,
        '--certificate-oidc-issuer',
        'https://github.com/login/oauth',
      ]);
    passed(await ask('a@tny.town'));
    refused(await ask('b@tny.town'), 'SIGNER_UNTRUSTED', /a@tny\.town/);
    const changed = join(workFolder(), 'a.txt');
    cpSync(at('a.txt'), changed);
    writeFileSync(changed, 'x', { flag: 'a' });
    refused(
      await run([
        'verify',
        changed,
        '--signature',
        at('a.txt.sigstore'),
        '--certificate-identity',
        'a@tny.town',
        '--certificate-oidc-issuer',
        'https://github.com/login/oauth',
      ]),
      'DIGEST_MISMATCH',
    );
  });
});

describe('weighlock sign', () => {
  it('makes what verify accepts, with a key of keygen', async () => {
    const keys = workFolder();
    passed(await run(['keygen', '--output', join(keys, 'k')]));
    const path = folder({ ...FILES, '.git/HEAD': 'x' });
    passed(await run(['sign', path, '--key', join(keys, 'k.key')]));
    passed(await run(['verify', path, '--key', join(keys, 'k.pub')]));
    passed(await run(['sign', path, '--key', join(keys, 'k.key')]));
    passed(await run(['verify', path, '--key', join(keys, 'k.pub')]));
    writeFileSync(join(path, 'config.json'), '{ }');
    refused(await run(['verify', path, '--key', join(keys, 'k.pub')]), 'DIGEST_MISMATCH');
    refused(await run(['verify', path, '--key', otherKeyFile]), 'SIGNATURE_INVALID');
  });

  it('15.11: signs files of version control too, unless they are to be left out', async () => {
    const path = folder({ ...FILES, '.git/HEAD': 'x' });
    const keys = workFolder();
    passed(await run(['keygen', '--output', join(keys, 'k')]));
    const verify = () => run(['verify', path, '--key', join(keys, 'k.pub')]);
    passed(await run(['sign', path, '--key', join(keys, 'k.key')]));
    writeFileSync(join(path, '.git/HEAD'), 'y');
    refused(await verify(), 'DIGEST_MISMATCH', /\.git\/HEAD/);
    passed(await run(['sign', path, '--key', join(keys, 'k.key'), '--ignore-git-paths']));
    refused(await verify(), 'FILE_UNEXPECTED', /\.git\/HEAD/);
  });

  it('15.11: names the empty files of shards, and no other may be there', async () => {
    const path = folder({ ...FILES, 'pkg/__init__.py': '' });
    const keys = workFolder();
    passed(await run(['keygen', '--output', join(keys, 'k')]));
    passed(await run(['sign', path, '--key', join(keys, 'k.key'), '--shard-size=1M']));
    const verify = () => run(['verify', path, '--key', join(keys, 'k.pub')]);
    passed(await verify());
    writeFileSync(join(path, '__init__.py'), '');
    refused(await verify(), 'FILE_UNEXPECTED', /shards leave out empty files/);
    rmSync(join(path, '__init__.py'));
    writeFileSync(join(path, 'pkg/__init__.py'), 'x');
    refused(await verify(), 'FILE_UNEXPECTED', /pkg\/__init__/);
  });

  it('signs one file, under any name', async () => {
    const keys = workFolder();
    passed(await run(['keygen', '--output', join(keys, 'k')], { environment: { COSIGN_PASSWORD: 'secret' } }));
    const file = join(keys, 'model.gguf');
    writeFileSync(file, 'weights');
    const wrong = await run(['sign', file, '--key', join(keys, 'k.key')], {
      environment: { COSIGN_PASSWORD: 'wrong' },
    });
    assert.deepEqual([wrong.status, existsSync(`${file}.sigstore.json`)], [78, false]);
    assert.doesNotMatch(wrong.stdout + wrong.stderr, /\bwrong\b(?! password)|secret/);
    passed(await run(['sign', file, '--key', join(keys, 'k.key')], { environment: { COSIGN_PASSWORD: 'secret' } }));
    passed(await run(['verify', file, '--key', join(keys, 'k.pub')]));
    cpSync(file, join(keys, 'renamed'));
    passed(
      await run([
        'verify',
        join(keys, 'renamed'),
        '--key',
        join(keys, 'k.pub'),
        '--signature',
        `${file}.sigstore.json`,
      ]),
    );
  });

  it('signs by the identity of a CI job', async () => {
    const world = await World.create();
    const handlers = world.handlers();
    const asked: string[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text) => (body += text));
      request.on('end', async () => {
        asked.push(request.url ?? '');
        const handler = handlers.find(({ path }) => path === request.url);
        const answer = await handler?.fn(body);
        response.writeHead(answer?.statusCode ?? 404, { 'content-type': answer?.contentType ?? 'application/json' });
        response.end(answer?.response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none' })}.${part({ iss: ISSUER, sub: SUBJECT })}.${part({ secret: 'hunter2' })}`;
    try {
      const path = folder();
      const services = ['--fulcio-url', url, '--rekor-url', url];
      const signed = await run(['sign', path, ...services], { environment: { SIGSTORE_ID_TOKEN: token } });
      passed(signed);
      assert.doesNotMatch(
        signed.stdout + signed.stderr + readFileSync(join(path, 'model.sig'), 'utf8'),
        new RegExp(token.slice(-10)),
      );
      const root = save('ci-root.json', world.root);
      const trust = ['--trusted-root', root, '--certificate-oidc-issuer', ISSUER, '--certificate-identity'];
      passed(await run(['verify', path, ...trust, SUBJECT]));
      refused(await run(['verify', path, ...trust, 'https://github.com/evil/x']), 'SIGNER_UNTRUSTED');
      const stamped = await run([
        'sign',
        path,
        ...services,
        '--timestamp-server-url',
        url,
        '--identity-token',
        save('token', token),
      ]);
      passed(stamped);
      passed(await run(['verify', path, '--use-signed-timestamps', ...trust, SUBJECT]));
      assert.ok(asked.includes('/api/v1/timestamp'), asked.join());
      const nowhere = await run([
        'sign',
        path,
        '--fulcio-url',
        `${url}/nothing`,
        '--rekor-url',
        url,
        '--identity-token',
        token,
      ]);
      assert.equal(nowhere.status, 75);
      assert.doesNotMatch(nowhere.stdout + nowhere.stderr, new RegExp(token.slice(-10)));
    } finally {
      server.close();
    }
    const nobody = await run(['sign', folder()]);
    assert.equal(nobody.status, 64);
  });

  it('never overwrites a key', async () => {
    const keys = workFolder();
    passed(await run(['keygen', '--output', join(keys, 'k')]));
    const again = await run(['keygen', '--output', join(keys, 'k')]);
    assert.equal(again.status, 78);
  });
});
