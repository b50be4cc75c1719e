import type { KeyObject } from 'node:crypto';
import { WeighlockError } from '../error/index.ts';
import { IN_TOTO_TYPE, preAuthEncoding } from '../evidence/index.ts';
import { type FileTable, hexAt, isValidUtf8, nameAt, type PathBytes, toBuffer } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { hashesFor, kindOfKey, pemHint } from '../trust/index.ts';

export interface ModelToSign {
  /** What the artifact is called; for people. */
  readonly name: string;
  /** All files, hashed, in byte order. */
  readonly files: FileTable;
  /** Digests in hex, by file and shard; without them the files' own are signed. */
  readonly shards?: { readonly bytes: number; readonly digests: ReadonlyMap<PathBytes, readonly string[]> };
  /** True when links were followed: whoever verifies has to follow them, too. */
  readonly allowSymlinks: boolean;
  /** Paths that are left out, with all that is below them: the signature itself, and what was asked for. */
  readonly ignored: readonly PathBytes[];
}

/**
 * What is signed: the payload of an OpenSSF Model Signing v1.0 bundle.
 *
 * @throws WeighlockError `SOURCE_EMPTY`, `UNSAFE_ENTRY`
 */
export function modelPayload(model: ModelToSign): Buffer {
  return Buffer.from(JSON.stringify(statementOf(model)));
}

/**
 * Makes an OpenSSF Model Signing v1.0 bundle with a local key.
 *
 * @returns JSON text
 * @throws WeighlockError `CONFIG_INVALID` for a key that the specification has no algorithm for
 */
export function signModel(payload: Buffer, privateKey: KeyObject): string {
  const publicKey = nodeCrypto().createPublicKey(privateKey);
  const kind = kindOfKey(publicKey);
  const [hash] = kind === undefined ? [] : hashesFor(kind);
  if (hash === undefined || kind?.startsWith('P-') !== true) {
    throw new WeighlockError({
      code: 'CONFIG_INVALID',
      message: `models are not signed with keys of this kind: ${kind ?? 'unknown'}`,
      remedy: 'use an ECDSA key (P-256, P-384 or P-521): weighlock keygen',
    });
  }
  const envelope = { payloadType: IN_TOTO_TYPE, payload, signature: Buffer.alloc(0) };
  const signature = nodeCrypto().sign(hash, preAuthEncoding(envelope), privateKey);
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: pemHint(publicKey) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: IN_TOTO_TYPE,
      signatures: [{ sig: signature.toString('base64') }],
    },
  };
  return `${JSON.stringify(bundle)}\n`;
}

function statementOf({ name, files, ignored, shards, allowSymlinks }: ModelToSign): object {
  const root = nodeCrypto().createHash('sha256');
  const resources: { name: string; algorithm: string; digest: string }[] = [];
  const empty: string[] = [];
  // What the specification wants for shards is the plain name; every implementation writes and compares this.
  const algorithm = shards === undefined ? 'sha256' : `sha256-sharded-${shards.bytes}`;
  for (let i = 0; i < files.count; i++) {
    const path = nameAt(files, i);
    if (ignored.some((one) => path === one || path.startsWith(`${one}/`))) continue;
    if (!isValidUtf8(path)) throw unnameable(path);
    const text = toBuffer(path).toString('utf8');
    // It has no shard to list (OMS section 6.4): named here, it is known that an empty file belongs there.
    if (shards !== undefined && files.size[i] === 0) empty.push(text);
    for (const [part, digest] of partsOf(files, i, shards))
      resources.push({ name: `${text}${part}`, algorithm, digest });
  }
  // In the order of the whole names (OMS section 6.5.1), not of the numbers in them.
  if (shards !== undefined) resources.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  for (const { digest } of resources) root.update(digest, 'hex');
  if (resources.length === 0) throw nothing();
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: root.digest('hex') } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: shards === undefined ? 'files' : 'shards',
        hash_type: 'sha256',
        allow_symlinks: allowSymlinks,
        ...(shards === undefined ? {} : { shard_size: shards.bytes }),
        ignore_paths: [...ignored.map((path) => toBuffer(path).toString('utf8')), ...empty].sort(),
      },
      resources,
    },
  };
}

/** What is listed of a file: itself, or its shards as `:START:END` in bytes (OMS section 6.4). */
function partsOf(files: FileTable, index: number, shards: ModelToSign['shards']): [part: string, digest: string][] {
  if (shards === undefined) return [['', hexAt(files, index) ?? '']];
  const size = files.size[index] ?? 0;
  return (shards.digests.get(nameAt(files, index)) ?? []).map((digest, shard) => {
    const start = shard * shards.bytes;
    return [`:${start}:${Math.min(size, start + shards.bytes)}`, digest];
  });
}

function unnameable(path: string): WeighlockError {
  return new WeighlockError({
    code: 'UNSAFE_ENTRY',
    message: 'a name that is not UTF-8 cannot be signed',
    file: path,
    remedy: 'rename the file',
  });
}

function nothing(): WeighlockError {
  return new WeighlockError({
    code: 'SOURCE_EMPTY',
    message: 'there is no file to sign',
    expected: 'at least one file',
    found: 'none',
    remedy: 'name the folder that has the model',
  });
}
