// Credentials by another program (client.authentication.k8s.io): how clusters of the large
// providers are signed in to.
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { errno } from '../error/index.ts';
import { jsonObject } from '../json-object.ts';
import type { Credentials } from './api.ts';
import { type Fields, fieldsOf, invalidField, textIn } from './kubeconfig-fields.ts';

const VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** A person may have to sign in; a program that asks nobody is done sooner. */
const PLUGIN_MILLISECONDS = 300_000;

const MAX_OUTPUT_BYTES = 1 << 20;

/** Seconds before its end from which a credential is asked for anew. */
const EARLY_SECONDS = 30;

/** @returns asks the program, and once more when what it gave is about to expire */
export function execCredentials(
  plugin: Fields,
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<Credentials> {
  const apiVersion = textIn(plugin, 'apiVersion') ?? '';
  if (!VERSIONS.includes(apiVersion))
    throw invalidField(`exec: apiVersion "${apiVersion}" is none of ${VERSIONS.join(', ')}`);
  let known: { readonly credentials: Credentials; readonly until: number } | undefined;
  return async () => {
    if (known !== undefined && Date.now() / 1000 < known.until) return known.credentials;
    const status = statusIn(await run(plugin, folder, apiVersion, environment), apiVersion);
    const expires = Date.parse(textIn(status, 'expirationTimestamp') ?? '');
    const until = Number.isFinite(expires) ? expires / 1000 - EARLY_SECONDS : Number.POSITIVE_INFINITY;
    known = { credentials: credentialsIn(status), until };
    return known.credentials;
  };
}

function run(
  plugin: Fields,
  folder: string,
  apiVersion: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const command = textIn(plugin, 'command') ?? '';
  if (command === '') throw invalidField('exec has no command');
  // A path is relative to the file; a bare name is looked for in PATH.
  const program = command.includes(sep) && !isAbsolute(command) ? resolve(folder, command) : command;
  const args = (Array.isArray(plugin['args']) ? (plugin['args'] as unknown[]) : []).map(String);
  const added = (Array.isArray(plugin['env']) ? (plugin['env'] as unknown[]) : []).map((one) => {
    const entry = fieldsOf(one, 'exec.env');
    return [textIn(entry, 'name') ?? '', textIn(entry, 'value') ?? ''] as const;
  });
  const mayAsk = textIn(plugin, 'interactiveMode') !== 'Never' && process.stdin.isTTY === true;
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: mayAsk } };
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, args, {
    cwd: isAbsolute(program) ? dirname(program) : undefined,
    env: { ...environment, ...Object.fromEntries(added), KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: [mayAsk ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    timeout: PLUGIN_MILLISECONDS,
  });
  const hint = textIn(plugin, 'installHint');
  const why = (text: string) => invalidField(`${command} ${text}${hint === undefined ? '' : `. ${hint}`}`);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > MAX_OUTPUT_BYTES) child.kill();
  });
  return new Promise((done, fail) => {
    child.on('error', (error) => fail(why(`cannot be run: ${errno(error) ?? error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) done(output);
      else fail(why(`ended with ${signal ?? code} instead of a credential`));
    });
  });
}

function statusIn(output: string, apiVersion: string): Fields {
  const answer = jsonObject(output);
  if (answer['kind'] !== 'ExecCredential' || answer['apiVersion'] !== apiVersion)
    throw invalidField('the exec plug-in did not print an ExecCredential of the version that was asked for');
  return fieldsOf(answer['status'], 'ExecCredential.status');
}

function credentialsIn(status: Fields): Credentials {
  const token = textIn(status, 'token');
  const cert = textIn(status, 'clientCertificateData');
  const key = textIn(status, 'clientKeyData');
  if (token === undefined && (cert === undefined || key === undefined))
    throw invalidField('the exec plug-in gave neither a token nor a certificate with its key');
  return {
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}
