// What whoever writes to a volume can make of the files that evidence is read from: never more than
// a refusal, and never a way to hide what is good.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { EXIT_CODE_OF, WeighlockError } from '../../src/error/index.ts';
import { ChecksumsParser } from '../../src/evidence/checksums.ts';
import { loadChecksums, readSignatureFile } from '../../src/evidence/index.ts';
import type { Engine } from '../../src/hash/index.ts';
import type { ArtifactPlan, SignatureRequirement } from '../../src/plan/index.ts';
import { loadPolicies } from '../../src/plan/policy/load.ts';
import { ArtifactEvidence } from '../../src/run/evidence.ts';
import type { Attestor } from '../../src/trust/index.ts';
import { hex, keyBundle, modelStatement } from '../evidence/world.ts';

const work = mkdtempSync(join(tmpdir(), 'weighlock-test-'));
after(() => rmSync(work, { recursive: true, force: true }));
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** A kernel's file that is regular, and whose first byte is an I/O error. */
const BROKEN = `/proc/${process.pid}/mem`;

class NodeEngine {
  #hash = createHash('sha256');
  init() {
    this.#hash = createHash('sha256');
  }
  update(bytes: Uint8Array) {
    this.#hash.update(bytes);
  }
  digest() {
    return this.#hash.digest();
  }
}
const engine = new NodeEngine() as unknown as Engine;

let count = 0;
const place = (): string => join(work, `f${count++}`);

/** Every way to be no file that can be read. */
const WAYS: [string, (path: string) => void][] = [
  ['a folder', (path) => mkdirSync(path)],
  ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ['a link that leads nowhere', (path) => symlinkSync('nowhere', path)],
  ['a link to itself', (path) => symlinkSync(path, path)],
  ['a link to a folder', (path) => symlinkSync('/etc', path)],
  ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
  ['a link to what answers with an I/O error', (path) => symlinkSync(BROKEN, path)],
  ['nothing', () => {}],
  ['below a file', (path) => writeFileSync(join(path, '..', 'file'), '')],
];

const RELEASE: Attestor = {
  kind: 'key',
  name: 'release',
  pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  fingerprint: '',
  logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
  trustedRoot: 'public-good',
};

const codeOf = (error: unknown) => (error instanceof WeighlockError ? error.code : 'none');
function isVerificationFailure(error: unknown): boolean {
  assert.equal(EXIT_CODE_OF[codeOf(error) as 'INTERNAL'], 65, String(error));
  return true;
}

describe('15.9: a file that evidence is read from', () => {
  for (const [name, make] of WAYS) {
    const prepared = () => {
      const path = place();
      make(path);
      return name === 'below a file' ? join(work, 'file', 'x') : path;
    };
    it(`15.9: a signature that is ${name} is a verification that failed`, async () => {
      await assert.rejects(async () => readSignatureFile(prepared()), isVerificationFailure);
    });
    it(`15.9: a listing that is ${name} is a verification that failed`, async () => {
      await assert.rejects(
        loadChecksums(prepared(), () => {}, engine),
        isVerificationFailure,
      );
    });
  }

  it('15.9: a socket is none either', async (t) => {
    const path = place();
    const server = createServer().listen(path);
    t.after(() => server.close());
    await assert.rejects(readSignatureFile(path), isVerificationFailure);
    await assert.rejects(
      loadChecksums(path, () => {}, engine),
      isVerificationFailure,
    );
  });

  it('15.9: one that is too large is a verification that failed, and is not kept', async () => {
    const path = place();
    writeFileSync(path, '{');
    truncateSync(path, (64 << 20) + 1);
    await assert.rejects(readSignatureFile(path), /too large/);
    truncateSync(path, (512 << 20) + 1);
    await assert.rejects(
      loadChecksums(path, () => {}, engine),
      (error) => codeOf(error) === 'LIMIT_EXCEEDED',
    );
  });

  it('15.9: is read to its end, whatever its size is said to be', async () => {
    assert.equal((await readSignatureFile('/proc/version')).bytes.length > 20, true);
  });

  it('15.9: storage that answers with an error is a question that is open', async () => {
    await assert.rejects(readSignatureFile(BROKEN), (error) => codeOf(error) === 'SOURCE_UNAVAILABLE');
    await assert.rejects(
      loadChecksums(BROKEN, () => {}, engine),
      (error) => codeOf(error) === 'SOURCE_UNAVAILABLE',
    );
  });
});

describe('15.26: a listing', () => {
  const LINE = `${'a'.repeat(64)}  x\n`;

  it('15.26: is not parsed before it is known to be the right one', async (t) => {
    const path = place();
    writeFileSync(path, LINE.repeat(10_000));
    const push = t.mock.method(ChecksumsParser.prototype, 'push');
    await assert.rejects(
      loadChecksums(path, () => Promise.reject(new WeighlockError({ code: 'DIGEST_MISMATCH', message: 'no' })), engine),
      /no/,
    );
    assert.equal(push.mock.callCount(), 0);
    const asked: string[] = [];
    const { checksums } = await loadChecksums(path, (digests) => void asked.push(digests.get('sha256') ?? ''), engine);
    assert.deepEqual(asked, [hex(LINE.repeat(10_000))]);
    assert.deepEqual([...checksums.keys()], ['x']);
  });

  it('15.26: that becomes another one after it was checked is refused, whatever it says then', async () => {
    for (const more of [`${'b'.repeat(64)}  evil.py\n`, 'nonsense']) {
      const path = place();
      writeFileSync(path, LINE);
      await assert.rejects(
        loadChecksums(path, () => appendFileSync(path, more), engine),
        (error) => codeOf(error) === 'SOURCE_CHANGED',
      );
    }
  });
});

describe('15.20: several signature files', () => {
  const FILES = { a: 'a' };
  const good = () => write(JSON.stringify(keyBundle(modelStatement(FILES), privateKey)));
  const foreign = () => write(JSON.stringify(keyBundle(modelStatement(FILES), stranger.privateKey)));
  function write(text: string): string {
    const path = place();
    writeFileSync(path, text);
    return path;
  }

  async function codes(files: readonly string[], anyOther: Partial<SignatureRequirement> = {}): Promise<string[]> {
    const requirement: SignatureRequirement = {
      kind: 'signature',
      attestors: [RELEASE],
      threshold: 1,
      files,
      conditions: [],
      origin: 'a test',
      ...anyOther,
    };
    const artifact: ArtifactPlan = { name: 'x', source: { kind: 'volume', path: work }, requirements: [requirement] };
    const evidence = new ArtifactEvidence(artifact);
    try {
      return (await evidence.load([work], async () => engine)).map(({ code }) => code);
    } catch (error) {
      return [codeOf(error)];
    }
  }

  it('15.20: a good one counts, whatever lies beside it', async () => {
    const bad = [
      ...WAYS.slice(0, 8).map(([, make]) => made(make)),
      BROKEN,
      write('{'),
      write('x'.repeat(9000)),
      foreign(),
    ];
    for (const other of bad) {
      assert.deepEqual(await codes([good(), other]), [], other);
      assert.deepEqual(await codes([other, good()]), [], other);
    }
    assert.deepEqual(await codes([...bad, good()]), []);
  });

  function made(make: (path: string) => void): string {
    const path = place();
    make(path);
    return path;
  }

  it('15.20: without a good one, what the storage did not give leaves the question open', async () => {
    assert.deepEqual(await codes([BROKEN, foreign()]), ['SOURCE_UNAVAILABLE']);
    assert.deepEqual(await codes([BROKEN]), ['SOURCE_UNAVAILABLE']);
    assert.deepEqual(await codes([BROKEN, good()], { threshold: 2 }), ['SOURCE_UNAVAILABLE']);
  });

  it('15.20: without a good one, what a writer made of the others is a verification that failed', async () => {
    for (const [name, make] of WAYS.slice(0, 8)) {
      for (const found of [...(await codes([made(make), foreign()])), ...(await codes([made(make)]))])
        assert.equal(EXIT_CODE_OF[found as 'INTERNAL'], 65, `${name}: ${found}`);
    }
  });
});

describe('15.8: what the platform wants signed', () => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const said = (content: string, predicateType: string) =>
    JSON.stringify(
      keyBundle(
        {
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ name: 'x', digest: { sha256: hex(content) } }],
          predicateType,
          predicate: { verdict: 'REJECTED' },
        },
        privateKey,
      ),
    );
  const REVIEW = 'https://acme.example/review/v1';
  const SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';
  const CASES: [string, (content: string) => string, boolean][] = [
    ['a statement of cosign sign', (content) => said(content, SIGNATURE), true],
    ['weighlock sign', (content) => JSON.stringify(keyBundle(modelStatement({ x: content }), privateKey)), true],
    ['cosign sign-blob', (content) => sign('sha256', Buffer.from(content), privateKey).toString('base64'), true],
    ['a review that says REJECTED', (content) => said(content, REVIEW), false],
    ['a scan', (content) => said(content, 'https://cosign.sigstore.dev/attestation/vuln/v1'), false],
    ['a signature of something else', () => said('else', SIGNATURE), false],
    [
      'a model with one more file',
      (content) => JSON.stringify(keyBundle(modelStatement({ x: content, y: '' }), privateKey)),
      false,
    ],
  ];

  for (const [name, make, isSigned] of CASES) {
    it(`15.8: ${name} ${isSigned ? 'signs' : 'does not sign'} a policy`, async () => {
      const policy = place();
      const key = place();
      writeFileSync(key, pem);
      const text = JSON.stringify({
        apiVersion: 'weighlock.dev/v1alpha1',
        kind: 'VerificationPolicy',
        metadata: { name: 'x' },
        spec: { artifacts: [{ name: 'x', path: '/x', require: [{ sha256: 'a'.repeat(64) }] }] },
      });
      writeFileSync(policy, text);
      writeFileSync(`${policy}.sigstore.json`, make(text));
      const loaded = loadPolicies({ files: [policy], key, signatures: [] });
      if (isSigned) assert.equal((await loaded).length, 1);
      else await assert.rejects(loaded, /the policy is not signed by/);
    });

    it(`15.8: ${name} ${isSigned ? 'signs' : 'does not sign'} a listing`, async () => {
      const file = place();
      const text = `${'a'.repeat(64)}  x\n`;
      writeFileSync(file, text);
      writeFileSync(`${file}.sig`, make(text));
      const signature: SignatureRequirement = {
        kind: 'signature',
        attestors: [RELEASE],
        threshold: 1,
        files: [`${file}.sig`],
        conditions: [],
        origin: 'a test',
      };
      const requirement = { kind: 'checksums' as const, file, digest: 'release', signature, origin: 'a test' };
      const evidence = new ArtifactEvidence({
        name: 'x',
        source: { kind: 'volume', path: work },
        requirements: [requirement],
      });
      const loaded = evidence.load([work], async () => engine);
      if (isSigned) assert.deepEqual(await loaded, []);
      else await assert.rejects(loaded, /the checksums file: no signature that counts/);
    });
  }
});
