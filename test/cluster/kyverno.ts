// Kyverno's controllers as processes of this machine, each with its own service account and the
// rights that Kyverno's own manifests give it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Json } from './api-server.ts';
import { built, moduleFolder } from './build.ts';
import { type Cluster, flags, freePorts } from './cluster.ts';
import { eventually } from './process-group.ts';

/** Taken from Kyverno's manifests as they are; what runs there in pods runs here as processes. */
const LEFT_OUT = ['Deployment', 'CustomResourceDefinition', 'ServiceMonitor', 'Job', 'CronJob', 'Pod'];
const CONTROLLERS = ['admission', 'background', 'reports'] as const;

/** A policy that Kyverno's own webhook judges. */
const PROBE = {
  apiVersion: 'policies.kyverno.io/v1',
  kind: 'ValidatingPolicy',
  metadata: { name: 'probe' },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    },
    validations: [{ expression: 'true' }],
  },
};

export interface Kyverno {
  /** Stops the admission controller: nobody answers its webhooks. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startKyverno(cluster: Cluster): Promise<Kyverno> {
  const { api, folder, processes } = cluster;
  const config = join(moduleFolder('kyverno', 'github.com/kyverno/kyverno'), 'config');
  const crds = ['kyverno', 'policies.kyverno.io', 'policyreport', 'reports'].flatMap((name) => [
    '-f',
    join(config, 'crds', name),
  ]);
  cluster.kubectl(['apply', '--server-side', ...crds]);
  const documents = parseAllDocuments(readFileSync(join(config, 'install-latest-testing.yaml'), 'utf8'));
  const kept = (Array.isArray(documents) ? documents : [])
    .map((one) => one.toJS() as Json)
    .filter((one) => one !== null && !LEFT_OUT.includes(one.kind));
  cluster.kubectl(
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    kept.map((one) => stringify(one)).join('---\n'),
  );
  cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=120s']);
  const account = (name: string) => {
    const words = ['create', 'token', '-n', 'kyverno', `kyverno-${name}-controller`, '--duration=24h'];
    return cluster.kubeconfig(`kyverno-${name}`, cluster.kubectl(words).trim());
  };
  const configs = new Map(CONTROLLERS.map((name) => [name, account(name)]));
  const [port = 0, ...metrics] = await freePorts(5);
  const programs = built('kyverno');
  const envOf = (name: string) => ({
    KYVERNO_NAMESPACE: 'kyverno',
    INIT_CONFIG: 'kyverno',
    METRICS_CONFIG: 'kyverno-metrics',
    KYVERNO_SVC: 'kyverno-svc',
    KYVERNO_ROLE_NAME: 'kyverno:admission-controller',
    KYVERNO_SERVICEACCOUNT_NAME: `kyverno-${name}-controller`,
    KYVERNO_DEPLOYMENT: `kyverno-${name}-controller`,
    KYVERNO_POD_NAME: `kyverno-${name}-controller-0`,
    TUF_ROOT: join(folder, 'sigstore'),
  });
  const common = {
    loggingFormat: 'text',
    v: 2,
    omitEvents: 'PolicyApplied,PolicySkipped',
    enablePolicyException: false,
    enableReporting: 'validate,mutate,mutateExisting,imageVerify,generate',
    leaderElectionRetryPeriod: '2s',
  };
  const run = (name: (typeof CONTROLLERS)[number], program: string, more: Parameters<typeof flags>[0]) =>
    processes.start(
      `kyverno-${name}`,
      [join(programs, program), ...flags({ kubeconfig: configs.get(name), ...common, ...more })],
      { env: envOf(name) },
    );
  const startAdmission = async () => {
    run('admission', 'kyverno', {
      serverIP: `127.0.0.1:${port}`,
      webhookServerHost: '127.0.0.1',
      webhookServerPort: port,
      caSecretName: 'kyverno-svc.kyverno.svc.kyverno-tls-ca',
      tlsSecretName: 'kyverno-svc.kyverno.svc.kyverno-tls-pair',
      backgroundServiceAccountName: 'system:serviceaccount:kyverno:kyverno-background-controller',
      reportsServiceAccountName: 'system:serviceaccount:kyverno:kyverno-reports-controller',
      metricsPort: metrics[0],
      controllerRuntimeMetricsAddress: '0',
      enableConfigMapCaching: true,
      admissionReports: true,
    });
    await eventually('an answer of Kyverno', async () => {
      if (!processes.isRunning('kyverno-admission')) throw new Error(processes.log('kyverno-admission').slice(-2000));
      const path = '/apis/policies.kyverno.io/v1/validatingpolicies?dryRun=All';
      const { status, message } = await api.ask('admin', 'POST', path, PROBE);
      if (status !== 201) throw new Error(message);
      return true;
    });
  };
  execFileSync(join(programs, 'kyverno-init'), flags({ kubeconfig: configs.get('admission'), loggingFormat: 'text' }), {
    env: { ...process.env, ...envOf('admission') },
    stdio: 'ignore',
  });
  await startAdmission();
  run('background', 'background-controller', {
    metricsPort: metrics[1],
    controllerRuntimeMetricsAddress: '0',
  });
  run('reports', 'reports-controller', {
    backgroundScan: true,
    backgroundScanInterval: '1h',
    skipResourceFilters: true,
    metricsPort: metrics[2],
  });
  return { stop: () => processes.stop('kyverno-admission', 'SIGKILL'), start: startAdmission };
}

/**
 * Kyverno before 1.19 is not ready where its reports controller has no right to a subresource: that
 * is needed for reports alone.
 */
const REPORTS_ONLY = 'RBACPermissionsGranted';

function isInForce({ status }: Json): boolean {
  if (status?.conditionStatus?.ready === true) return true;
  const conditions = (status?.conditionStatus?.conditions ?? []) as Json[];
  return (
    process.env['WEIGHLOCK_KYVERNO'] !== undefined &&
    conditions.some((one) => one['type'] === 'WebhookConfigured' && one['status'] === 'True') &&
    conditions.every((one) => one['status'] === 'True' || one['type'] === REPORTS_ONLY)
  );
}

/** Waits until Kyverno says of every policy that it is in force. */
export async function policiesReady(cluster: Cluster): Promise<void> {
  await eventually('readiness of every policy', async () => {
    const kinds =
      'validatingpolicies.policies.kyverno.io,mutatingpolicies.policies.kyverno.io,generatingpolicies.policies.kyverno.io';
    const { items } = JSON.parse(cluster.kubectl(['get', kinds, '-o', 'json'])) as Json;
    const waiting = items.filter((one: Json) => !isInForce(one));
    if (waiting.length > 0)
      throw new Error(JSON.stringify(waiting.map((one: Json) => [one.metadata.name, one.status])));
    return items.length > 0 || undefined;
  });
}
