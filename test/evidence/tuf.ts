// A TUF repository that lives in a test, honest or not.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { type Draft, hex } from './world.ts';

const SPEC = '1.0.31';
const HOUR = 3_600_000;

interface Person {
  readonly key: Key;
  readonly privateKey: KeyObject;
}

function person(): Person {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const key = new Key({ keyID: hex(raw), keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: raw } });
  return { key, privateKey };
}

const expiry = (hours: number) => `${new Date(Date.now() + hours * HOUR).toISOString().slice(0, 19)}Z`;

function signed(metadata: Draft, by: readonly Person[]): Buffer {
  for (const { key, privateKey } of by)
    metadata.sign(
      (data: Buffer) => new Signature({ keyID: key.keyID, sig: sign(null, data, privateKey).toString('hex') }),
    );
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

export class TufRepository {
  readonly files = new Map<string, Buffer>();
  readonly #root = person();
  readonly #online = person();
  /** The first `root.json`. */
  readonly root: string;

  constructor(trustedRoot: string) {
    this.root = this.publishRoot(1).toString('utf8');
    this.publish(trustedRoot);
  }

  publishRoot(version: number, { by = [this.#root], hours = 24, next = this.#root } = {}): Buffer {
    const root = new Root({ version, specVersion: SPEC, expires: expiry(hours), consistentSnapshot: true } as Draft);
    root.addKey(next.key, 'root');
    for (const role of ['timestamp', 'snapshot', 'targets']) root.addKey(this.#online.key, role);
    const bytes = signed(new Metadata(root), [...new Set([...by, next])]);
    this.files.set(`${version}.root.json`, bytes);
    return bytes;
  }

  /** Replaces the key of the root, as a ceremony does; `stranger` lets somebody else sign it. */
  rotate(version: number, stranger = false): void {
    const next = person();
    this.publishRoot(version, { by: stranger ? [] : [this.#root], next });
  }

  /** What is published; `lie` changes a part after it was signed. */
  publish(trustedRoot: string, { version = 1, hours = 24, by = this.#online, target = trustedRoot } = {}): void {
    const bytes = Buffer.from(trustedRoot);
    const file = new TargetFile({ path: 'trusted_root.json', length: bytes.length, hashes: { sha256: hex(bytes) } });
    const common = { version, specVersion: SPEC, expires: expiry(hours) };
    const targets = signed(new Metadata(new Targets({ ...common, targets: { 'trusted_root.json': file } } as Draft)), [
      by,
    ]);
    const meta = (content: Buffer) =>
      new MetaFile({ version, length: content.length, hashes: { sha256: hex(content) } });
    const snapshot = signed(
      new Metadata(new Snapshot({ ...common, meta: { 'targets.json': meta(targets) } } as Draft)),
      [by],
    );
    const timestamp = signed(new Metadata(new Timestamp({ ...common, snapshotMeta: meta(snapshot) } as Draft)), [by]);
    this.files.set(`${version}.targets.json`, targets);
    this.files.set(`${version}.snapshot.json`, snapshot);
    this.files.set('timestamp.json', timestamp);
    this.files.set(`targets/${hex(bytes)}.trusted_root.json`, Buffer.from(target));
  }

  stranger(): Person {
    return person();
  }
}
