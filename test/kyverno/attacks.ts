// Pods to inject the verifier into, and what somebody may do to such a pod. Used with the CEL
// evaluated in the unit tests, and with the Kyverno command line in the system tests.
import type { Json } from './evaluate.ts';

/**
 * An inference pod with a model on a claim, one part of it mounted by itself, and a scratch volume.
 */
export function injectable(): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'infer', namespace: 'ml', labels: { 'app.kubernetes.io/component': 'inference' } },
    spec: {
      containers: [
        {
          name: 'server',
          image: 'registry.example.com/vllm',
          env: [{ name: 'MODEL_SHA256', value: 'a'.repeat(64) }],
          volumeMounts: [
            { name: 'model', mountPath: '/models', readOnly: true },
            { name: 'model', mountPath: '/part', subPath: 'a:b', readOnly: true },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
        { name: 'sidecar', image: 'registry.example.com/proxy' },
      ],
      volumes: [
        { name: 'model', persistentVolumeClaim: { claimName: 'mistral' } },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  };
}

function podWith(volume: object, more: { mount?: object; pod?: object; spec?: object; container?: object } = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', namespace: 'ml', ...more.pod },
    spec: {
      containers: [
        {
          name: 'app',
          image: 'registry.example.com/app',
          volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, ...more.mount }],
          ...more.container,
        },
      ],
      volumes: [{ name: 'v', ...volume }],
      ...more.spec,
    },
  };
}

/** Every kind of volume, and of pod, that decides differently. */
export const PODS: Readonly<Record<string, Json>> = {
  'an inference pod': injectable(),
  'a claim': podWith({ persistentVolumeClaim: { claimName: 'data' } }),
  'a scratch claim': podWith({ persistentVolumeClaim: { claimName: 'ckpt' } }, { mount: { readOnly: false } }),
  'a scratch claim that is named': podWith(
    { persistentVolumeClaim: { claimName: 'ckpt' } },
    { pod: { annotations: { 'weighlock.dev/volumes': 'v' } } },
  ),
  'an image volume': podWith(
    { image: { reference: `registry.example.com/model@sha256:${'a'.repeat(64)}` } },
    { mount: { readOnly: undefined } },
  ),
  'an NFS share': podWith({ nfs: { server: 'nfs', path: '/' } }),
  'a CSI volume': podWith({ csi: { driver: 'gcsfuse.csi.storage.gke.io' } }),
  'a CSI volume of secrets': podWith({ csi: { driver: 'secrets-store.csi.k8s.io' } }),
  'a claim of its own': podWith({ ephemeral: { volumeClaimTemplate: { spec: {} } } }, { mount: { readOnly: false } }),
  ...Object.fromEntries(
    Object.entries({
      volumeName: 'pv-1',
      selector: { matchLabels: { a: 'b' } },
      dataSource: { kind: 'PersistentVolumeClaim', name: 'other' },
      storageClassName: '',
    }).map(([key, value]) => [
      `a claim of its own with ${key}`,
      podWith({ ephemeral: { volumeClaimTemplate: { spec: { [key]: value } } } }),
    ]),
  ),
  ...Object.fromEntries(
    ['volume.beta.kubernetes.io/storage-class', 'cdi.kubevirt.io/storage.import.endpoint'].map((name) => [
      `a claim of its own with the annotation ${name}`,
      podWith({ ephemeral: { volumeClaimTemplate: { metadata: { annotations: { [name]: '' } }, spec: {} } } }),
    ]),
  ),
  'a claim of its own of a class': podWith(
    { ephemeral: { volumeClaimTemplate: { spec: { storageClassName: 'fast' } } } },
    { mount: { readOnly: false } },
  ),
  'libraries of the node that an admin lists': podWith({ hostPath: { path: '/usr/lib/nvidia' } }),
  'a scratch folder of its own around the model': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    {
      spec: {
        containers: [
          {
            name: 'app',
            image: 'x',
            volumeMounts: [
              { name: 'cache', mountPath: '/cache' },
              { name: 'v', mountPath: '/cache/models', readOnly: true },
            ],
          },
          { name: 'proxy', image: 'x' },
        ],
        volumes: [
          { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'cache', emptyDir: {} },
        ],
      },
    },
  ),
  'a folder of the node beside libraries that an admin lists': podWith(
    { hostPath: { path: '/usr/lib/nvidia-models' } },
    {
      spec: {
        volumes: [
          { name: 'v', hostPath: { path: '/usr/lib/nvidia-models' } },
          { name: 'libraries', hostPath: { path: '/usr/lib/nvidia' } },
        ],
      },
    },
  ),
  'a folder of the node': podWith({ hostPath: { path: '/usr/lib/nvidia/../models' } }),
  'a FUSE sidecar': podWith(
    { csi: { driver: 'gcsfuse.csi.storage.gke.io' } },
    {
      spec: {
        initContainers: [
          { name: 'index', image: 'registry.example.com/index' },
          {
            name: 'gke-gcsfuse-sidecar',
            image: 'gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1.9.0-gke.2@sha256:1',
            restartPolicy: 'Always',
            volumeMounts: [{ name: 'gke-gcsfuse-tmp', mountPath: '/gcsfuse-tmp' }],
          },
          { name: 'after', image: 'registry.example.com/after' },
        ],
      },
    },
  ),
  'a sidecar that an admin lists, with a folder that the app shares': {
    ...podWith({ persistentVolumeClaim: { claimName: 'data' } }),
    spec: {
      initContainers: [
        {
          name: 'juicefs',
          image: 'registry.example.com/juicefs:v1',
          restartPolicy: 'Always',
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        },
      ],
      containers: [
        {
          name: 'app',
          image: 'x',
          volumeMounts: [
            { name: 'v', mountPath: '/v', readOnly: true },
            { name: 'shared', mountPath: '/shared' },
          ],
        },
      ],
      volumes: [
        { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'shared', emptyDir: {} },
      ],
    },
  },
  'a container whose image only begins like a listed one': {
    ...podWith({ emptyDir: {} }),
    spec: {
      initContainers: [
        {
          name: 'juicefs',
          image: 'registry.example.com/juicefs-of-mine:v1',
          volumeMounts: [{ name: 'v', mountPath: '/out' }],
        },
      ],
      containers: [{ name: 'app', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] }],
      volumes: [{ name: 'v', emptyDir: {} }],
    },
  },
  'a download of an init container': {
    ...podWith({ emptyDir: {} }),
    spec: {
      initContainers: [
        { name: 'download', image: 'curlimages/curl', volumeMounts: [{ name: 'v', mountPath: '/out' }] },
        { name: 'migrate', image: 'registry.example.com/migrate' },
      ],
      containers: [{ name: 'app', image: 'x', volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }] }],
      volumes: [{ name: 'v', emptyDir: {} }],
    },
  },
  'a scratch folder of an init container alone': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    {
      spec: {
        initContainers: [{ name: 'own', image: 'x', volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }],
        volumes: [
          { name: 'v', persistentVolumeClaim: { claimName: 'data' } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  ),
  'a pod for Windows': podWith({ persistentVolumeClaim: { claimName: 'data' } }, { spec: { os: { name: 'windows' } } }),
  'a user and group of the container that mounts the volume': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    {
      spec: {
        containers: [
          { name: 'proxy', image: 'x', securityContext: { runAsUser: 1337 } },
          {
            name: 'app',
            image: 'x',
            securityContext: { runAsUser: 2000, runAsGroup: 3000 },
            volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true }],
          },
        ],
      },
    },
  ),
  'a claim of its own from a snapshot': podWith({
    ephemeral: { volumeClaimTemplate: { spec: { dataSourceRef: { kind: 'VolumeSnapshot', name: 's' } } } },
  }),
  'a kind of volume of tomorrow': podWith({ novel: {} }),
  'a scratch folder': podWith({ emptyDir: {} }, { mount: { readOnly: false } }),
  'a folder that KServe fills': {
    ...podWith({ emptyDir: {} }),
    spec: {
      initContainers: [
        { name: 'warm-up', image: 'registry.example.com/warm' },
        {
          name: 'storage-initializer',
          image: 'kserve/storage-initializer',
          volumeMounts: [{ name: 'kserve-provision-location', mountPath: '/mnt/models' }],
        },
        { name: 'after', image: 'registry.example.com/after' },
      ],
      containers: [
        {
          name: 'kserve-container',
          image: 'registry.example.com/vllm',
          volumeMounts: [{ name: 'kserve-provision-location', mountPath: '/mnt/models', readOnly: true }],
        },
      ],
      volumes: [{ name: 'kserve-provision-location', emptyDir: {} }],
    },
  },
  'an init container that reads': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    {
      spec: {
        initContainers: [
          {
            name: 'index',
            image: 'registry.example.com/index',
            volumeMounts: [{ name: 'v', mountPath: '/in', subPath: 'index', readOnly: true }],
          },
        ],
      },
    },
  ),
  'a user of its own': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    { spec: { securityContext: { runAsUser: 1000 } } },
  ),
  'a user of the container': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    { container: { securityContext: { runAsUser: 2000 } }, spec: { securityContext: { runAsUser: 1000 } } },
  ),
  root: podWith({ persistentVolumeClaim: { claimName: 'data' } }, { spec: { securityContext: { runAsUser: 0 } } }),
  'evidence twice, and with signs in it': podWith(
    { persistentVolumeClaim: { claimName: 'data' } },
    {
      container: {
        env: [
          { name: 'DATASET_SOURCE_URL', value: 'https://x/y?a=b=c' },
          { name: 'DATASET_SHA256', value: 'b'.repeat(64) },
          { name: 'WEIGHLOCK_MODE', value: 'Audit' },
        ],
      },
    },
  ),
};

export interface Attack {
  readonly name: string;
  readonly refusal: RegExp;
  /** Changes a pod that the verifier was injected into. */
  readonly apply: (pod: Json) => void;
}

const verifier = (pod: Json) => pod.spec.initContainers.find((c: Json) => c.name === 'weighlock');
const server = (pod: Json) => pod.spec.containers[0];
const set = (name: string, refusal: RegExp, values: object): Attack => ({
  name,
  refusal,
  apply: (pod) => Object.assign(verifier(pod), values),
});
const env = (name: string, value: object): Attack => ({
  name,
  refusal: /env is not exactly/,
  apply: (pod) => verifier(pod).env.push(value),
});
const rest = (name: string, refusal: RegExp, apply: (pod: Json) => void): Attack => ({ name, refusal, apply });

const MODIFIED = /was modified/;
const TWICE = /in the pod a second time/;
const WRITABLE = /readOnly, and never as a block device/;
const UNVERIFIED = /every protected mount must be verified/;

export const ATTACKS: readonly Attack[] = [
  rest('the verifier is left out', /exactly one weighlock/, (pod) => {
    pod.spec.initContainers = [];
  }),
  rest('it is there under another name', /exactly one weighlock/, (pod) => {
    verifier(pod).name = 'weighlock-2';
  }),
  rest('it is a sidecar, or an app container', /exactly one weighlock/, (pod) =>
    pod.spec.containers.push(pod.spec.initContainers.pop()),
  ),
  rest('something runs before it', /must be first/, (pod) =>
    pod.spec.initContainers.unshift({ name: 'first', image: 'x' }),
  ),
  set('another image', /image is not the pinned/, { image: 'evil.example/weighlock@sha256:0' }),
  set('the same image by tag', /image is not the pinned/, { image: 'ghcr.io/weighlock/weighlock:latest' }),
  set('another command', MODIFIED, { command: ['/bin/true'] }),
  set('other arguments', MODIFIED, { args: ['verify', '--mode=Audit'] }),
  set('no arguments', MODIFIED, { args: [] }),
  set('help instead of a verdict', MODIFIED, { args: ['--help'] }),
  set('a message path over the program', MODIFIED, { terminationMessagePath: '/weighlock' }),
  set('another folder to work in', MODIFIED, { workingDir: '/models' }),
  set('a restart policy of its own (sidecar)', MODIFIED, { restartPolicy: 'Always' }),
  set('rules that forgive its exit code', MODIFIED, {
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [65] } }],
  }),
  set('a hook', MODIFIED, { restartPolicy: 'Always', lifecycle: { postStart: { exec: { command: ['x'] } } } }),
  set('a startup probe', MODIFIED, { restartPolicy: 'Always', startupProbe: { exec: { command: ['x'] } } }),
  set('a liveness probe that kills it', MODIFIED, {
    restartPolicy: 'Always',
    livenessProbe: { exec: { command: ['x'] } },
  }),
  set('a readiness probe', MODIFIED, { restartPolicy: 'Always', readinessProbe: { exec: { command: ['x'] } } }),
  set('environment from elsewhere', MODIFIED, { envFrom: [{ configMapRef: { name: 'x' } }] }),
  rest('a block device', MODIFIED, (pod) => {
    pod.spec.volumes.push({ name: 'raw', persistentVolumeClaim: { claimName: 'raw' } });
    verifier(pod).volumeDevices = [{ name: 'raw', devicePath: '/dev/x' }];
  }),
  set('an open standard input', MODIFIED, { stdin: true }),
  rest('a device that a driver of the node prepares', MODIFIED, (pod) => {
    pod.spec.resourceClaims = [{ name: 'd', resourceClaimName: 'd' }];
    verifier(pod).resources = { claims: [{ name: 'd' }] };
  }),
  set('a device of a plug-in', MODIFIED, { resources: { limits: { 'example.com/fuse': '1' } } }),
  env('NODE_OPTIONS', { name: 'NODE_OPTIONS', value: '--require=/verify/0/evil.js' }),
  env('LD_PRELOAD', { name: 'LD_PRELOAD', value: '/verify/0/evil.so' }),
  env('a mode of the author', { name: 'WEIGHLOCK_MODE', value: 'Audit' }),
  env('a policy of the author', { name: 'WEIGHLOCK_POLICY', value: '/verify/0/policy.yaml' }),
  env('targets twice, the last wins', { name: 'WEIGHLOCK_TARGETS', value: '/verify/0' }),
  env('another trust folder', { name: 'WEIGHLOCK_TRUST', value: '/verify/0' }),
  env('a target from elsewhere', {
    name: 'WEIGHLOCK_TARGETS',
    valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
  }),
  env('a digest that the app does not have', { name: 'DATASET_SHA256', value: 'c'.repeat(64) }),
  env('a digest from elsewhere', { name: 'DATASET_SHA256', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }),
  rest('no trust folder', /env is not exactly/, (pod) => {
    verifier(pod).env = verifier(pod).env.filter((e: Json) => e.name !== 'WEIGHLOCK_TRUST');
  }),
  rest('no targets', /env is not exactly/, (pod) => {
    verifier(pod).env = verifier(pod).env.filter((e: Json) => e.name !== 'WEIGHLOCK_TARGETS');
  }),
  rest('empty targets', /env is not exactly/, (pod) => {
    verifier(pod).env.find((e: Json) => e.name === 'WEIGHLOCK_TARGETS').value = '';
  }),
  rest('another digest for the verifier than for the app', /env is not exactly/, (pod) => {
    verifier(pod).env.find((e: Json) => e.name === 'MODEL_SHA256').value = 'd'.repeat(64);
  }),
  rest('a digest that only the app has', /must be literals/, (pod) => {
    server(pod).env.push({ name: 'DATASET_SHA256', value: 'e'.repeat(64) });
  }),
  rest('a digest from elsewhere', /must be literals/, (pod) => {
    pod.spec.containers[1].env = [{ name: 'DATASET_SHA256', valueFrom: { configMapKeyRef: { name: 'x', key: 'y' } } }];
  }),
  set('a privileged verifier', /securityContext/, {
    securityContext: {
      privileged: true,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
    },
  }),
  set('no security context', /securityContext/, { securityContext: undefined }),
  set('a writable root', /securityContext/, {
    securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  }),
  set('a capability', /securityContext/, {
    securityContext: {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['SYS_PTRACE'] },
    },
  }),
  ...(['seccompProfile', 'appArmorProfile'] as const).flatMap((field) => [
    rest(`a ${field} that the author chose on the node`, /securityContext/, (pod) => {
      verifier(pod).securityContext[field] = { type: 'Localhost', localhostProfile: 'mine.json' };
    }),
    rest(`a ${field} of the whole pod that the author chose on the node`, /securityContext/, (pod) => {
      delete verifier(pod).securityContext[field];
      pod.spec.securityContext = { [field]: { type: 'Localhost', localhostProfile: 'mine.json' } };
    }),
  ]),
  rest('an unmasked /proc', /securityContext/, (pod) => {
    pod.spec.hostUsers = false;
    verifier(pod).securityContext.procMount = 'Unmasked';
  }),
  rest('a mount over the program (peer: verbatim mounts)', /mount that the policy did not inject/, (pod) =>
    verifier(pod).volumeMounts.push({ name: 'model', mountPath: '/nodejs/bin', readOnly: true }),
  ),
  rest('a mount out of /verify', /mount that the policy did not inject/, (pod) =>
    verifier(pod).volumeMounts.push({ name: 'model', mountPath: '/verify/../app', readOnly: true }),
  ),
  rest('a mount of an unprotected volume', /mount that the policy did not inject/, (pod) =>
    verifier(pod).volumeMounts.push({ name: 'tmp', mountPath: '/verify/7', readOnly: true }),
  ),
  rest(
    'an unverified claim under the name of the trust, where nothing else is verified',
    /must be the whole/,
    (pod) => {
      pod.metadata.labels = {};
      pod.spec.initContainers = [];
      pod.spec.volumes = [{ name: 'weighlock-trust', persistentVolumeClaim: { claimName: 'unsigned' } }];
      pod.spec.containers = [
        { name: 'server', image: 'x', volumeMounts: [{ name: 'weighlock-trust', mountPath: '/models' }] },
      ];
    },
  ),
  rest('a part of the trust', /mount that the policy did not inject/, (pod) => {
    verifier(pod).volumeMounts[0].subPath = 'weaker';
  }),
  rest('no trust at all', /mount that the policy did not inject/, (pod) => verifier(pod).volumeMounts.shift()),
  rest('trust over the targets', /mount that the policy did not inject/, (pod) => {
    verifier(pod).volumeMounts[0].mountPath = '/verify/9';
  }),
  rest('a ConfigMap of the author as trust', /must be the whole ConfigMap/, (pod) => {
    pod.spec.volumes[0].configMap.name = 'mine';
  }),
  rest('one key of the ConfigMap as trust', /must be the whole ConfigMap/, (pod) => {
    pod.spec.volumes[0].configMap.items = [{ key: 'weaker.yaml', path: 'policy.yaml' }];
  }),
  rest('trust that may be missing', /must be the whole ConfigMap/, (pod) => {
    pod.spec.volumes[0].configMap.optional = true;
  }),
  rest('an empty folder as trust', /must be the whole ConfigMap/, (pod) => {
    pod.spec.volumes[0] = { name: 'weighlock-trust', emptyDir: {} };
  }),
  rest('a target that is not verified', UNVERIFIED, (pod) => {
    verifier(pod).env.find((e: Json) => e.name === 'WEIGHLOCK_TARGETS').value = '/verify/0';
  }),
  rest('another part of the volume', UNVERIFIED, (pod) => {
    server(pod).volumeMounts[1].subPath = 'other';
  }),
  rest('a sub-path expression', /subPathExpr/, (pod) => {
    server(pod).volumeMounts[0].subPathExpr = '$(X)';
  }),
  rest('an annotation that points to a decoy', UNVERIFIED, (pod) => {
    pod.metadata.annotations = { ...pod.metadata.annotations, 'weighlock.dev/volumes': 'tmp' };
    // Only ever adds: the annotation alone, later, changes nothing.
    pod.spec.tolerations = [{ key: 'x', operator: 'Exists' }];
  }),
  rest('another claim mounted beside', UNVERIFIED, (pod) => {
    pod.spec.volumes.push({ name: 'second', persistentVolumeClaim: { claimName: 'unsigned' } });
    server(pod).volumeMounts.push({ name: 'second', mountPath: '/second', readOnly: true });
  }),
  rest('an app container that writes (TOCTOU)', WRITABLE, (pod) => {
    server(pod).volumeMounts[0].readOnly = false;
  }),
  rest('a later init container that writes', WRITABLE, (pod) =>
    pod.spec.initContainers.push({ name: 'late', image: 'x', volumeMounts: [{ name: 'model', mountPath: '/m' }] }),
  ),
  rest('an ephemeral container that writes', WRITABLE, (pod) => {
    pod.spec.ephemeralContainers = [{ name: 'debug', image: 'x', volumeMounts: [{ name: 'model', mountPath: '/m' }] }];
  }),
  rest('an early sidecar that goes on writing', /before weighlock has verified/, (pod) =>
    pod.spec.initContainers.unshift({
      name: 'istio-proxy',
      image: 'x',
      restartPolicy: 'Always',
      volumeMounts: [{ name: 'model', mountPath: '/m' }],
    }),
  ),
  rest('the volume as a block device', WRITABLE, (pod) => {
    pod.spec.volumes.push({ name: 'raw', persistentVolumeClaim: { claimName: 'raw' } });
    server(pod).volumeDevices = [{ name: 'raw', devicePath: '/dev/model' }];
  }),
  rest('a debugger in its namespace', /process namespace/, (pod) => {
    pod.spec.ephemeralContainers = [{ name: 'debug', image: 'x', targetContainerName: 'weighlock' }];
  }),
  rest('a debugger in a pod that shares its processes', /process namespace/, (pod) => {
    pod.spec.shareProcessNamespace = true;
    pod.spec.ephemeralContainers = [{ name: 'debug', image: 'x' }];
  }),
  rest('a debugger in a pod with the processes of the node', /process namespace/, (pod) => {
    pod.spec.hostPID = true;
    pod.spec.ephemeralContainers = [{ name: 'debug', image: 'x' }];
  }),
  rest('a sidecar that shares its processes', /process namespace/, (pod) => {
    pod.spec.shareProcessNamespace = true;
    pod.spec.initContainers.unshift({ name: 'istio-proxy', image: 'x', restartPolicy: 'Always' });
  }),
  ...['/models/config.json', '/models/', '/models/sub/../config.json', 'models/x', '/./models', '//models'].map((at) =>
    rest(`a file of the author's own at ${at}`, /mounted over, or into/, (pod) => {
      pod.spec.volumes.push({ name: 'mine', configMap: { name: 'mine' } });
      server(pod).volumeMounts.push({ name: 'mine', mountPath: at, subPath: 'config.json' });
    }),
  ),
  rest("a file of the author's own at a path without the slash", /mounted over, or into/, (pod) => {
    server(pod).volumeMounts[0].mountPath = '/models/';
    server(pod).volumeMounts[2].mountPath = '/models';
  }),
  rest('a scratch folder inside of the model', /mounted over, or into/, (pod) =>
    server(pod).volumeMounts.push({ name: 'tmp', mountPath: '/models/custom_code' }),
  ),
  rest('another verified volume inside of the model', /mounted over, or into/, (pod) => {
    server(pod).volumeMounts[1].mountPath = '/models/part';
  }),
  rest('everything below the root', /mounted over, or into/, (pod) => {
    server(pod).volumeMounts[0].mountPath = '/';
  }),
  rest('a debugger that sees the model with a file of its own', /mounted over, or into/, (pod) => {
    pod.spec.ephemeralContainers = [
      {
        name: 'debug',
        image: 'x',
        volumeMounts: [
          { name: 'model', mountPath: '/m', readOnly: true },
          { name: 'tmp', mountPath: '/m/x' },
        ],
      },
    ];
  }),
  rest('the model inside of a folder that a sidecar may rename', /inside of a volume that others/, (pod) => {
    server(pod).volumeMounts[2].mountPath = '/models';
    server(pod).volumeMounts[0].mountPath = '/models/mistral';
    pod.spec.containers[1].volumeMounts = [{ name: 'tmp', mountPath: '/tmp', readOnly: false }];
  }),
  rest('the model inside of a scratch claim, which other pods mount', /inside of a volume that others/, (pod) => {
    pod.spec.volumes.push({ name: 'ckpt', persistentVolumeClaim: { claimName: 'ckpt' } });
    server(pod).volumeMounts.push({ name: 'ckpt', mountPath: '/work/' });
    server(pod).volumeMounts[0].mountPath = '/work/models';
  }),
  ...['/usr/lib/nvidia/models', '/usr/lib', '/usr/lib/', '/', '/usr/lib//nvidia/models', '/usr/lib/./nvidia'].map(
    (path) =>
      rest(`the folder ${path} of the node, which a listed one overlaps`, TWICE, (pod) => {
        pod.spec.volumes[1] = { name: 'model', hostPath: { path } };
        pod.spec.volumes.push({ name: 'libraries', hostPath: { path: '/usr/lib/nvidia' } });
        pod.spec.containers[1].volumeMounts = [{ name: 'libraries', mountPath: '/own' }];
      }),
  ),
  rest('mounts that spread', /mountPropagation/, (pod) => {
    server(pod).volumeMounts[0].mountPropagation = 'HostToContainer';
  }),
  ...['storage-initializer', 'istio-proxy', 'vault-agent-init', 'linkerd-init'].map((name) =>
    rest(`a container that is called ${name} reads the claim first`, /before weighlock has verified/, (pod) =>
      pod.spec.initContainers.unshift({
        name,
        image: 'evil.example/x',
        volumeMounts: [{ name: 'model', mountPath: '/m', readOnly: true }],
      }),
    ),
  ),
  rest("the platform's own image reads the claim first", /before weighlock has verified/, (pod) =>
    pod.spec.initContainers.unshift({
      name: 'vault-agent-init',
      image: 'hashicorp/vault:1',
      volumeMounts: [{ name: 'model', mountPath: '/m', readOnly: true }],
    }),
  ),
  rest('the claim as a block device, first', /before weighlock has verified/, (pod) =>
    pod.spec.initContainers.unshift({
      name: 'istio-init',
      image: 'x',
      volumeDevices: [{ name: 'model', devicePath: '/dev/m' }],
    }),
  ),
  ...['evil.example/sidecar', 'gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter.evil.example/x:1'].map((image) =>
    rest(`somebody's FUSE sidecar, ${image}`, /must run the platform's image/, (pod) =>
      pod.spec.initContainers.unshift({ name: 'gke-gcsfuse-sidecar', image, restartPolicy: 'Always' }),
    ),
  ),
  rest('an init container that downloads behind the verifier', UNVERIFIED, (pod) => {
    pod.spec.initContainers.push({ name: 'late', image: 'x', volumeMounts: [{ name: 'tmp', mountPath: '/out' }] });
  }),
  rest('an init container that downloads in front of it', /every protected mount must be verified/, (pod) => {
    pod.spec.initContainers.unshift({ name: 'early', image: 'x', volumeMounts: [{ name: 'tmp', mountPath: '/out' }] });
  }),
  rest('a sidecar that goes on downloading', UNVERIFIED, (pod) => {
    pod.spec.initContainers.push({
      name: 'side',
      image: 'x',
      restartPolicy: 'Always',
      volumeMounts: [{ name: 'tmp', mountPath: '/out' }],
    });
  }),
  rest('a downloader that borrows a name of the platform', UNVERIFIED, (pod) => {
    pod.spec.initContainers.push({
      name: 'vault-agent-init',
      image: 'evil.example/hashicorp/vault:1',
      volumeMounts: [{ name: 'tmp', mountPath: '/out' }],
    });
  }),
  rest('a downloader from another port of a registry that the platform names', UNVERIFIED, (pod) => {
    pod.spec.initContainers.push({
      name: 'mirror',
      image: 'registry.example.com:5000/evil:1',
      volumeMounts: [{ name: 'tmp', mountPath: '/out' }],
    });
  }),
  ...[':v1', '', '@sha256:abc', `@sha256:${'a'.repeat(64)}:v1`].map((suffix) =>
    rest(`an image volume that can be moved (model${suffix})`, /image volume must be named by digest/, (pod) => {
      pod.spec.volumes.push({ name: 'moving', image: { reference: `registry.example.com/model${suffix}` } });
    }),
  ),
  ...Object.entries({
    volumeName: 'pv-1',
    selector: { matchLabels: { model: 'unsigned' } },
    dataSource: { kind: 'PersistentVolumeClaim', name: 'unsigned' },
    dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'unsigned' },
  }).map(([key, value]) =>
    rest(`a claim of its own that leads elsewhere (${key})`, UNVERIFIED, (pod) => {
      const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, [key]: value };
      pod.spec.volumes.push({ name: 'own', ephemeral: { volumeClaimTemplate: { spec } } });
      server(pod).volumeMounts.push({ name: 'own', mountPath: '/own', readOnly: true });
    }),
  ),
  rest('a claim of its own that has no class, by its annotation', UNVERIFIED, (pod) => {
    const metadata = { annotations: { 'volume.beta.kubernetes.io/storage-class': '' } };
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    pod.spec.volumes.push({ name: 'own', ephemeral: { volumeClaimTemplate: { metadata, spec } } });
    server(pod).volumeMounts.push({ name: 'own', mountPath: '/own', readOnly: true });
  }),
  rest('a folder of the node beside the listed one', UNVERIFIED, (pod) => {
    pod.spec.volumes.push({ name: 'host', hostPath: { path: '/usr/lib/nvidia-models' } });
    server(pod).volumeMounts.push({ name: 'host', mountPath: '/host', readOnly: true });
  }),
  rest('two containers with different digests', /different values/, (pod) => {
    pod.spec.containers[1].env = [{ name: 'MODEL_SHA256', value: 'b'.repeat(64) }];
  }),
  rest('no volume behind the label', /nothing to verify/, (pod) => {
    pod.spec.containers = [{ name: 'server', image: 'x' }];
    pod.spec.initContainers = [];
    pod.spec.volumes = [];
  }),
];
