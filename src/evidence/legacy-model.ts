import type { KeyObject } from 'node:crypto';
import { fromText } from '../fs/index.ts';
import { nodeCrypto } from '../library/index.ts';
import { GIT_PATHS, isSingleFile, type ModelManifest, requirePath } from './model-signature.ts';
import { SignedFilesBuilder } from './signed-files-builder.ts';
import type { Statement } from './statement.ts';
import { MalformedError } from './strict-json.ts';

/**
 * What model_signing 0.2 wrote: files are subjects, and nothing says how they were hashed or what
 * was left out.
 */
export const LEGACY_MODEL_TYPE = 'https://model_signing/Digests/v0.1';

/**
 * Reads the statement of a legacy model signature that was verified.
 *
 * @throws MalformedError
 */
export function parseLegacyManifest({ subjects, predicateType }: Statement): ModelManifest {
  if (predicateType !== LEGACY_MODEL_TYPE) throw new MalformedError(`${predicateType} is no legacy model signature`);
  const deviations = ['it is of a format before OpenSSF Model Signing 1.0'];
  const builder = new SignedFilesBuilder(32, 200 * subjects.length);
  for (const { name, digest } of subjects) {
    const sha256 = digest.get('sha256');
    if (name === undefined || !name.isWellFormed() || sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256))
      throw new MalformedError('a file in it has no name, or no SHA-256');
    requirePath(fromText(name), deviations);
    builder.add(name, sha256);
  }
  const files = builder.build();
  return {
    method: 'files',
    hash: 'sha256',
    shardBytes: undefined,
    files,
    isSingleFile: isSingleFile(files),
    ignored: new Set(GIT_PATHS.map(fromText)),
    allowsSymlinks: false,
    root: '',
    deviations: [...new Set(deviations)],
  };
}

/**
 * The encoding that version signed: a capital V, and the payload as Python writes bytes. Always
 * over SHA-256, and by keys of elliptic curves only.
 */
export function verifyLegacyEnvelope(payloadType: string, payload: Buffer, key: KeyObject, signature: Buffer): boolean {
  if (key.asymmetricKeyType !== 'ec') return false;
  const verify = nodeCrypto().createVerify('sha256');
  verify.update(`DSSEV1 ${payloadType.length} ${payloadType} ${payload.length} `);
  for (const piece of pythonBytes(payload)) verify.update(piece);
  try {
    return verify.verify(key, signature);
  } catch {
    // Not even the form of a signature.
    return false;
  }
}

/** Bytes that are written at a time: the text of all of them would take four times what they do. */
const PIECE_BYTES = 1 << 16;

/** `repr(bytes)` */
function* pythonBytes(bytes: Buffer): Generator<string> {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const named: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };
  yield `b${quote}`;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    let text = '';
    for (const byte of bytes.subarray(at, at + PIECE_BYTES)) {
      const plain =
        byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
      text += named[byte] ?? (plain === quote ? `\\${plain}` : plain);
    }
    yield text;
  }
  yield quote;
}
