import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { isSea } from 'node:sea';

/** Milliseconds a credential helper may take; cloud helpers ask a metadata server. */
const HELPER_TIMEOUT = 30_000;
const HELPER_MAX_BYTES = 1 << 20;

/** Runs `docker-credential-<suffix> get` with this text on its standard input; what it prints. */
export type RunHelper = (suffix: string, input: string) => Promise<{ status: number; stdout: string }>;

/** Where an image has its programs. */
const FOLDERS = ['/usr/local/bin', '/usr/bin', '/bin'];

/**
 * What helpers of clouds are told by the platform: who this pod is, and where to ask. Not what
 * names a file with commands in it (`AWS_CONFIG_FILE` has `credential_process`), nor a home that
 * may hold one, nor a way to load code.
 */
const VARIABLES = new RegExp(
  `^(${[
    'AWS_(REGION|DEFAULT_REGION|ROLE_ARN|ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|STS_REGIONAL_ENDPOINTS)',
    'AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)',
    'AWS_CONTAINER_(CREDENTIALS_(FULL|RELATIVE)_URI|AUTHORIZATION_TOKEN(_FILE)?)',
    'AZURE_(CLIENT_ID|TENANT_ID|FEDERATED_TOKEN_FILE|AUTHORITY_HOST)',
    '(HTTPS?|NO)_PROXY|(https?|no)_proxy',
  ].join('|')})$`,
);

export interface HelperCommand {
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Which program is a helper, and what it is told. In the executable it is one of the image: `PATH`
 * and `DOCKER_CONFIG` may both be of the pod's author, who would name a program on a volume. In a
 * checkout both are of the person who runs it.
 *
 * @param isThere - whether a file can be run
 * @returns undefined when there is none
 */
export function helperCommand(
  suffix: string,
  environment: HelperCommand['environment'],
  isExecutable: boolean,
  isThere: (file: string) => boolean = canRun,
): HelperCommand | undefined {
  const name = `docker-credential-${suffix}`;
  if (!isExecutable) return { file: name, environment };
  const file = FOLDERS.map((folder) => `${folder}/${name}`).find(isThere);
  if (file === undefined) return undefined;
  const told = Object.entries(environment).filter(([variable]) => VARIABLES.test(variable));
  return { file, environment: { ...Object.fromEntries(told), PATH: FOLDERS.join(':'), HOME: '/nonexistent' } };
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function execHelper(suffix: string, input: string): Promise<{ status: number; stdout: string }> {
  const command = helperCommand(suffix, process.env, isSea());
  if (command === undefined) return Promise.resolve({ status: 127, stdout: '' });
  return new Promise((resolve) => {
    const options = {
      timeout: HELPER_TIMEOUT,
      // One that ignores a polite signal must not keep us.
      killSignal: 'SIGKILL',
      maxBuffer: HELPER_MAX_BYTES,
      cwd: '/',
      env: { ...command.environment },
    } as const;
    const child = execFile(command.file, ['get'], options, (error, stdout) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ status: code, stdout });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
