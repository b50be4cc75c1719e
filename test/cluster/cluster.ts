// A whole Kubernetes on this machine: etcd, API server, controller manager and scheduler on
// loopback, each a process. A node (node.ts) and Kyverno (kyverno.ts) are added where a test needs
// them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ApiServer, TOKENS } from './api-server.ts';
import { kubernetes } from './build.ts';
import { eventually, ProcessGroup } from './process-group.ts';

export interface Cluster extends AsyncDisposable {
  readonly folder: string;
  readonly processes: ProcessGroup;
  readonly api: ApiServer;
  /** Runs kubectl as the admin and gives what it prints. */
  kubectl(words: readonly string[], input?: string): string;
  /** A file with the address of the API server and a token. */
  kubeconfig(name: string, token: string): string;
  /** Stops the API server and starts it again, on the same port. */
  restartApiServer(): Promise<void>;
}

/** Name, group and token of each user. */
const USERS = [
  [TOKENS.admin, 'admin', 'system:masters'],
  [TOKENS.bob, 'bob', 'weighlock-admins'],
  [TOKENS.alice, 'alice', 'ml-devs'],
  [TOKENS.kubelet, 'system:node:node-1', 'system:nodes'],
];

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'weighlock-cluster-'));
  const keys = join(folder, 'pki');
  const logs = join(folder, 'logs');
  for (const name of [keys, logs, join(folder, 'etcd')]) mkdirSync(name, { mode: 0o700 });
  const processes = new ProcessGroup(logs, folder);
  const [etcd, peer, secure, manager, scheduler] = await freePorts(5);
  const key = join(keys, 'sa.key');
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-out', join(keys, 'sa.pub')], { stdio: 'ignore' });
  const tokens = join(folder, 'tokens.csv');
  writeFileSync(tokens, USERS.map(([token, name, group]) => `${token},${name},${name},"${group}"\n`).join(''));

  const store = `http://127.0.0.1:${etcd}`;
  const peers = `http://127.0.0.1:${peer}`;
  processes.start('etcd', [
    'etcd',
    ...flags({
      'data-dir': join(folder, 'etcd'),
      'listen-client-urls': store,
      'advertise-client-urls': store,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': `default=${peers}`,
    }),
  ]);
  const url = `https://127.0.0.1:${secure}`;
  const startApiServer = () =>
    processes.start('kube-apiserver', [
      ...kubernetes('kube-apiserver'),
      ...flags({
        'etcd-servers': store,
        'bind-address': '127.0.0.1',
        'secure-port': secure,
        'cert-dir': keys,
        'endpoint-reconciler-type': 'none',
        'service-cluster-ip-range': '10.96.0.0/16',
        'authorization-mode': 'Node,RBAC',
        'service-account-issuer': 'https://kubernetes.default.svc',
        'service-account-key-file': join(keys, 'sa.pub'),
        'service-account-signing-key-file': key,
        'token-auth-file': tokens,
        'allow-privileged': true,
        'enable-admission-plugins': 'NodeRestriction',
        'kubelet-preferred-address-types': 'Hostname',
      }),
    ]);
  startApiServer();
  const certificate = join(keys, 'apiserver.crt');
  const authority = await eventually('the certificate of the API server', async () =>
    readFileSync(certificate, 'utf8'),
  );
  const api = new ApiServer(url, authority);
  const ready = () =>
    eventually('readiness of the API server', async () => {
      if (!processes.isRunning('kube-apiserver')) throw new Error(processes.log('kube-apiserver').slice(-2000));
      return (await api.ask('admin', 'GET', '/readyz')).status === 200 || undefined;
    });
  await ready();
  const kubeconfig = (name: string, token: string) => {
    const file = join(folder, `${name}.kubeconfig`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': certificate } }],
      users: [{ name, user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: name } }],
      'current-context': 'c',
    };
    writeFileSync(file, stringify(config), { mode: 0o600 });
    return file;
  };
  const admin = kubeconfig('admin', TOKENS.admin);
  const common = { kubeconfig: admin, 'bind-address': '127.0.0.1', 'cert-dir': keys, 'leader-elect': false };
  processes.start('kube-controller-manager', [
    ...kubernetes('kube-controller-manager'),
    ...flags({
      ...common,
      'secure-port': manager,
      'service-account-private-key-file': key,
      'root-ca-file': certificate,
      'use-service-account-credentials': true,
    }),
  ]);
  processes.start('kube-scheduler', [
    ...kubernetes('kube-scheduler'),
    ...flags({ ...common, 'secure-port': scheduler }),
  ]);
  await eventually('a service account', async () => {
    const { status } = await api.ask('admin', 'GET', '/api/v1/namespaces/default/serviceaccounts/default');
    return status === 200 || undefined;
  });
  return {
    folder,
    processes,
    api,
    kubeconfig,
    kubectl(words, input) {
      const [program = '', ...before] = kubernetes('kubectl');
      const options = { encoding: 'utf8', env: { ...process.env, KUBECONFIG: admin }, maxBuffer: 1 << 28 } as const;
      return execFileSync(program, [...before, ...words], { ...options, ...(input === undefined ? {} : { input }) });
    },
    async restartApiServer() {
      await processes.stop('kube-apiserver');
      startApiServer();
      await ready();
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      await processes.stopAll();
      if (process.env['WEIGHLOCK_KEEP_CLUSTER'] === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function flags(values: Readonly<Record<string, string | number | boolean | undefined>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Ports of loopback that nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
