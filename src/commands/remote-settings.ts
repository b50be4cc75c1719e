import { affordableConnections } from '../hash/index.ts';
import {
  type Environment,
  givenCredential,
  parsePlatform,
  type RemoteSettings,
  registrySettings,
} from '../plan/index.ts';
import { registriesOf } from '../source/index.ts';
import { type Patterns, storeSettings } from '../store/index.ts';
import { countOf, durationOf, flagOf, listOf, namesOf, quantityOf, type RawValues, textOf } from './option-values.ts';
import { variableOf } from './option-variables.ts';

/** More than any registry or storage gives one client. */
const MAX_CONNECTIONS = 64;

const CREDENTIAL = ['registry-username', 'registry-password', 'registry-password-file', 'registry-token'];

function isOfVariable(values: RawValues, key: string, environment: Environment): boolean {
  return values[key] !== undefined && environment[variableOf(key)] === values[key];
}

/** True when no part of the credential is on the command line. */
function areOfVariables(values: RawValues, environment: Environment): boolean {
  return CREDENTIAL.every((key) => values[key] === undefined || isOfVariable(values, key, environment));
}

/** Which files of a store are wanted. */
export function patternsOf(values: RawValues): Patterns {
  return { include: namesOf(values, 'include'), exclude: namesOf(values, 'exclude') };
}

/** The options of `REMOTE_OPTIONS`; several values in one variable are separated by commas. */
export function remoteSettings(values: RawValues, environment: Environment): RemoteSettings {
  const words = [...listOf(values, 'sources'), ...listOf(values, 'source')];
  const variables = [environment['MODEL_SOURCE_URL'] ?? '', environment['DATASET_SOURCE_URL'] ?? ''];
  const registries = registriesOf([...words, ...variables]);
  const optional = <K extends string>(name: K, key: string): { [P in K]?: string } => {
    const text = textOf(values, key);
    return text === undefined ? {} : ({ [name]: text } as { [P in K]?: string });
  };
  const credential = {
    ...optional('username', 'registry-username'),
    ...optional('password', 'registry-password'),
    ...optional('passwordFile', 'registry-password-file'),
    ...optional('token', 'registry-token'),
  };
  const held = Object.values(environment).map((value) => (value ?? '').toLowerCase());
  const given = givenCredential(credential, {
    ...optional('server', 'registry-server'),
    isServerOfOthers: isOfVariable(values, 'registry-server', environment) && !areOfVariables(values, environment),
    registries,
    // Kubernetes puts variables into words too: `$(MODEL_SOURCE_URL)`.
    written: registriesOf(words.filter((word) => !held.includes(word.toLowerCase()))).filter(
      (registry) => !held.some((value) => value.includes(registry.toLowerCase())),
    ),
  });
  const flags = {
    configs: namesOf(values, 'registry-config'),
    caFiles: namesOf(values, 'registry-cacert'),
    plainHttp: [...namesOf(values, 'plain-http'), ...(flagOf(values, 'allow-http-registry') ? registries : [])],
    mirrors: namesOf(values, 'mirror'),
    responseTimeout: durationOf(values, 'response-timeout'),
    connections: countOf(values, 'connections', MAX_CONNECTIONS) ?? affordableConnections(),
    ...(given === undefined ? {} : { given }),
  };
  const maxBytes = quantityOf(values, 'max-bytes', 'give bytes: 500M, 200G, 1Ti', 1);
  return {
    registry: registrySettings(flags, environment),
    // Only what a hub or bucket is fetched with needs to look at its variables.
    get stores() {
      return storeSettings(environment);
    },
    platform: parsePlatform(textOf(values, 'platform')),
    allowUnknownLayers: flagOf(values, 'allow-unknown-layers'),
    replace: flagOf(values, 'replace'),
    unpack: flagOf(values, 'unpack'),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}
