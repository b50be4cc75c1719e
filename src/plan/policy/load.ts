import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errno, WeighlockError } from '../../error/index.ts';
import { digestsOf, isOfFile, proveFiles, readSignatureFile } from '../../evidence/index.ts';
import { type Attestor, parsePublicKey } from '../../trust/index.ts';
import { readTrust } from '../trust-files.ts';
import type { Policy } from './policy.ts';
import { readPolicy } from './read-policy.ts';

/** Where the platform's policies are. */
export interface PolicyFlags {
  /** `--policy FILE` */
  readonly files: readonly string[];
  /** `--trust DIR`: every `*.yaml` in it is a policy. */
  readonly folder?: string;
  /** `--policy-key FILE`: then every policy must be signed by it. */
  readonly key?: string;
  /** `--policy-signature FILE`, one for each `--policy`; otherwise beside the policy. */
  readonly signatures: readonly string[];
}

/** More are a folder of something else. */
const MAX_POLICIES = 100;

/**
 * Loads every policy that was named.
 *
 * @throws WeighlockError `CONFIG_INVALID`; a policy that is not signed as it must be is one of
 * these, too: it is the platform's, and not the artifact's, fault
 */
export async function loadPolicies(flags: PolicyFlags): Promise<Policy[]> {
  const { key, signatures } = flags;
  if (signatures.length > 0 && key === undefined)
    throw invalid('--policy-signature was given, but not whose signature counts', 'add --policy-key');
  if (signatures.length > 0 && signatures.length !== flags.files.length)
    throw invalid('not every --policy has its --policy-signature', 'give one for each, in order');
  const files = [
    ...flags.files.map((file) => resolve(file)),
    ...(flags.folder === undefined ? [] : inFolder(flags.folder)),
  ];
  if (files.length === 0 && key !== undefined) throw invalid('--policy-key was given without a policy', 'add --policy');
  const policies: Policy[] = [];
  for (const [i, file] of files.entries()) {
    const text = readTrust(file, 'the policy');
    const also = key === undefined ? [] : [resolve(key)];
    if (key !== undefined) await requireSigned(text, file, signatures[i] ?? `${file}.sigstore.json`, key);
    const policy = await readPolicy(text, file);
    policies.push({ ...policy, files: [...policy.files, ...also] });
  }
  return policies;
}

/** Policies in the platform's folder. A folder without one would check nothing. */
function inFolder(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw invalid(
      `the trust folder ${folder} cannot be read: ${errno(error) ?? 'unknown error'}`,
      'mount the ConfigMap with the policy there',
      error,
    );
  }
  const policies = names.filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.')).sort();
  if (policies.length === 0)
    throw invalid(`the trust folder ${folder} has no policy`, 'put a policy into the ConfigMap, as policy.yaml');
  if (policies.length > MAX_POLICIES)
    throw invalid(`${folder} has ${policies.length} policies`, 'mount the right folder');
  return policies.map((name) => resolve(join(folder, name)));
}

async function requireSigned(text: string, file: string, signature: string, key: string): Promise<void> {
  const pem = readTrust(key, 'the key of policies');
  const { fingerprint } = parsePublicKey(pem, `the key ${key}`);
  const attestor: Attestor = {
    kind: 'key',
    name: key,
    pem,
    fingerprint,
    // A policy is made by hand and checked offline: its key alone counts.
    logs: { transparencyLogs: 0, certificateLogs: 0, timestampAuthorities: 0 },
    trustedRoot: 'public-good',
  };
  const digests = digestsOf(text);
  const unsigned = (why: string, cause?: unknown) =>
    new WeighlockError(
      {
        code: 'CONFIG_INVALID',
        file,
        message: `the policy is not signed by ${key}: ${why}`,
        remedy: `sign it: cosign sign-blob --key KEY --bundle ${file}.sigstore.json ${file}`,
      },
      { cause },
    );
  try {
    const file = await readSignatureFile(signature);
    const proving = proveFiles([file], [attestor], digests, 'signature');
    const { proofs, rejected } = await proving.finally(() => file.close?.());
    const isSigned = proofs.some(({ binding }) => isOfFile(binding, digests));
    if (!isSigned) throw unsigned(rejected[0]?.why ?? `${signature} is a signature of something else`);
  } catch (error) {
    if (!(error instanceof WeighlockError) || error.code === 'CONFIG_INVALID') throw error;
    throw unsigned(error.message, error);
  }
}

function invalid(message: string, remedy: string, cause?: unknown): WeighlockError {
  return new WeighlockError({ code: 'CONFIG_INVALID', message, remedy }, { cause });
}
