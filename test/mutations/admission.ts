// Admission: the policies of examples/kyverno, `weighlock inject` and the reporter.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const KYVERNO = ['test/unit/kyverno.test.ts'];
const INJECT = ['test/integration/inject.test.ts'];
const REPORT = ['test/integration/report.test.ts'];
const REQUIRE_FILE = 'examples/kyverno/base/pods/require.yaml';
const PROTECTED_FILE = 'src/inject/protected.ts';

const policy = (id: string, from: string, to: string): Mutation => ({
  id: `15.13-policy-${id}`,
  file: REQUIRE_FILE,
  from,
  to,
  tests: KYVERNO,
  // The policies must also agree with each other: that alone is not what must see it.
  name: 'is refused|makes a pod that is admitted|cannot make good',
});

const trust = (id: string, from: string, to: string): Mutation => ({
  id: `17-trust-${id}`,
  file: 'examples/kyverno/base/trust.yaml',
  from,
  to,
  tests: ['test/unit/kyverno-rights.test.ts'],
  name: '17\\.2',
});

/** Needs the real helm, and what a cluster needs. */
const chart = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `17-chart-${id}`,
  file: `charts/weighlock/${file}`,
  from,
  to,
  tests: ['test/cluster/chart.test.ts'],
  name: '17: is refused|17: means',
});

export default [
  chart('checks', 'templates/trust.yaml', '{{- include "weighlock.checks" . }}', ''),
  chart('place', 'templates/trust.yaml', '{{- include "weighlock.place" . }}', ''),
  chart('null-in-quotes', 'templates/trust.yaml', '{{ .Release.Namespace | quote }}', '{{ .Release.Namespace }}'),
  // The schema says the same: where helm is told to leave it out, only this counts.
  chart('everybody-an-admin', 'templates/_checks.tpl', '"system:authenticated" ', ''),
  {
    ...chart('two-engines', 'templates/trust.yaml', '{{- include "weighlock.alone" . }}', ''),
    name: 'is installed, upgraded',
  },
  policy('image-of-a-running-pod', 'variables.standing &&', 'oldObject != null &&'),
  policy('image-that-ran', "o.name == 'weighlock' && o.image == c.image", "o.name == 'weighlock'"),
  {
    ...policy(
      'scope-limits',
      '      !variables.inScope || (\n        !variables.labelled',
      '      (!variables.labelled',
    ),
    name: '17.1',
  },
  trust('delete-collection', "(request.operation == 'DELETE' ? oldObject : object).?metadata.?name", 'request.?name'),
  trust('writers', 'request.userInfo.username in variables.writers', "request.userInfo.username.startsWith('system:')"),
  trust('status', 'namespaces, namespaces/status, namespaces/finalize', 'namespaces, namespaces/finalize'),
  trust(
    'made-with',
    'operations: [CREATE, UPDATE]\n      resources: [namespaces,',
    'operations: [UPDATE]\n      resources: [namespaces,',
  ),
  trust('deleted', "? oldObject.metadata.name == 'weighlock-system' :", '? false :'),
  trust('deleted-others', "? oldObject.metadata.name == 'weighlock-system' :", '? true :'),
  trust('annotations', "['labels', 'annotations'].exists(f,", "['labels'].exists(f,"),
  trust('removed', 'oldObject.metadata[f][k] != object.metadata', 'object.metadata[f][k] != object.metadata'),
  trust(
    'removed-whole',
    '(oldObject != null && has(oldObject.metadata) && oldObject.metadata[?f].orValue({}).exists',
    '(oldObject != null && has(oldObject.metadata) && object.metadata[?f].orValue({}).exists',
  ),
  trust(
    'every-key',
    "k.startsWith('weighlock.dev/') && object.metadata[f][k] !=",
    "k == 'weighlock.dev/enforce' && object.metadata[f][k] !=",
  ),
  policy('registry-with-a-port', ").substring(p.size()).contains('/'))", ").contains('no such text'))"),
  {
    id: '17-inject-registry-with-a-port',
    file: PROTECTED_FILE,
    from: '/^[:@][^/]*$/',
    to: '/^[:@]/',
    tests: KYVERNO,
    name: 'registry with a port',
  },
  policy('before-mounts', '!(m.name in variables.protectedVols) || m.name in variables.filled) &&', 'true) &&'),
  policy(
    'before-devices',
    'c.?volumeDevices.orValue([]).all(d, !(d.name in variables.protectedVols))))\n  - message: weighlock must be first',
    'true))\n  - message: weighlock must be first',
  ),
  policy(
    'must-be-first',
    "variables.before.all(c, c.name in ['istio-init'",
    "variables.before.all(c, true || c.name in ['istio-init'",
  ),
  policy('fuse-sidecar', "c.name != 'gke-gcsfuse-sidecar')", 'true)'),
  policy('image-by-digest', "matches('@sha256:[a-f0-9]{64}$'))", "matches('.'))"),
  policy('image-by-digest-to-the-end', "matches('@sha256:[a-f0-9]{64}$'))", "matches('@sha256:[a-f0-9]{64}'))"),
  policy('sub-path-expression', 'has(m.subPathExpr)))', 'false))'),
  policy('mounted-over', "!(m.mountPath + '/').startsWith(", "true || !(m.mountPath + '/').startsWith("),
  policy('mounted-over-prefix', "!(m.mountPath + '/').startsWith(", '!m.mountPath.startsWith('),
  policy('plain-paths', "&& !m.mountPath.matches('//|/[.][.]?(/|$)')", ''),
  policy('absolute-paths', "m.mountPath.matches('^/') && ", ''),
  policy('propagation', "m.?mountPropagation.orValue('None') == 'None'", 'true'),
  policy('two-digests', 'distinct().size() <= 1)', 'distinct().size() <= 9)'),
  policy(
    'filled-needs-image',
    "(c.name + '=' + c.?image.orValue('')).startsWith(p + ':') ||",
    'p.startsWith(c.name) ||',
  ),
  policy('empty-claim-volume-name', '!v.ephemeral.?volumeClaimTemplate.?spec.?volumeName.hasValue() &&', ''),
  policy(
    'empty-claim-annotation',
    'v.ephemeral.?volumeClaimTemplate.?metadata.?annotations.orValue({}).size() == 0 &&',
    '',
  ),
  policy('empty-claim-selector', '!v.ephemeral.?volumeClaimTemplate.?spec.?selector.hasValue() &&', ''),
  policy(
    'empty-claim-class',
    "storageClassName.orValue('default') != ''",
    "storageClassName.orValue('default') != 'x'",
  ),
  policy('filled', 'v.name in variables.filled ||\n', 'false ||\n'),
  policy('host-path', 'v.hostPath.path in variables.hostPaths', "v.hostPath.path.startsWith('/usr/lib/nvidia')"),
  policy('writable', '!(m.name in variables.mutableVols) || m.?readOnly.orValue(false)', 'true'),
  policy('image', 'c.image == variables.image', "c.image != ''"),
  policy('arguments', "c.?args.orValue([]) == ['verify']", 'true'),
  policy('process-namespace', "e.?targetContainerName.orValue('') != 'weighlock'", 'true'),
  {
    id: '15.13-inject-volume-name',
    file: PROTECTED_FILE,
    from: "'volumeName', 'selector'",
    to: "'selector'",
    tests: KYVERNO,
  },
  {
    id: '15.13-inject-class',
    file: PROTECTED_FILE,
    from: "claim['storageClassName'] === '' ||",
    to: '',
    tests: KYVERNO,
  },
  {
    id: '17-inject-claim-annotation',
    file: PROTECTED_FILE,
    from: ' || Object.keys(annotations ?? {}).length > 0) return false',
    to: ') return false',
    tests: KYVERNO,
  },
  {
    id: '15.13-inject-platform-image',
    file: PROTECTED_FILE,
    from: 'known.some((one) => text.startsWith(',
    to: 'known.some((one) => text.startsWith(one) || text.startsWith(',
    tests: KYVERNO,
    name: 'weighlock inject',
  },
  {
    id: '15.13-inject-shared',
    file: PROTECTED_FILE,
    from: 'beginsEmpty(volume) && written.includes(volume.name)',
    to: 'false',
    tests: KYVERNO,
  },
  {
    id: '15.13-inject-windows',
    file: 'src/inject/pod.ts',
    from: "spec.os?.name === 'windows'",
    to: 'false',
    tests: KYVERNO,
  },
  {
    id: '15.23-inject-user',
    file: 'src/inject/pod.ts',
    from: 'const reader = containers.find(({ volumeMounts = [] }) => volumeMounts.some(isVerified));',
    to: 'const [reader] = containers;',
    tests: KYVERNO,
  },
  {
    id: '15.13-inject-not-understood',
    file: 'src/inject/manifest.ts',
    from: 'if (pods.length === 0)',
    to: "if (pods.length === 0) return [{ name, result: 'no pod', reasons: [] }];\n  if (false)",
    tests: INJECT,
  },
  {
    id: '15.13-inject-elsewhere',
    file: 'src/inject/find-pods.ts',
    from: 'if (OF_CONTAINERS.includes(String(key)))',
    to: 'if (false)',
    tests: INJECT,
  },
  {
    id: '15.13-inject-group',
    file: 'src/inject/find-pods.ts',
    from: 'NO_POD.has(kind) && GROUPS.test(group)',
    to: 'NO_POD.has(kind)',
    tests: INJECT,
  },
  {
    id: '15.13-inject-merge',
    file: 'src/inject/manifest.ts',
    from: 'const document = isShared(parsed, visit) ? writtenOut(parsed, Document) : parsed;',
    to: 'const document = parsed;',
    tests: INJECT,
  },
  {
    id: '15.13-inject-exit-code',
    file: 'src/commands/inject.ts',
    from: 'isOpen || isMissing ?',
    to: 'isMissing ?',
    tests: INJECT,
  },
  {
    id: '15.13-inject-device',
    file: 'src/inject/problems.ts',
    from: 'volumeDevices.filter(isVerified)',
    to: 'volumeDevices.filter(() => false)',
    tests: INJECT,
  },
  {
    id: '15.13-inject-evidence',
    file: 'src/inject/problems.ts',
    from: 'new Set(values).size > 1',
    to: 'false',
    tests: INJECT,
  },
  {
    id: '15.14-report-injected',
    file: 'src/cluster/injected.ts',
    from: 'if (shape(actual) !== shape(expected))',
    to: 'if (false)',
    tests: REPORT,
  },
  {
    id: '15.14-report-namespace',
    file: 'src/cluster/injected.ts',
    from: "namespace.labels?.['weighlock.dev/enforce'] !== 'true'",
    to: 'false',
    tests: REPORT,
  },
  {
    id: '15.14-report-trust',
    file: 'src/cluster/injected.ts',
    from: 'name === TRUST && items === undefined',
    to: 'true',
    tests: REPORT,
  },
  {
    id: '15.14-report-changed',
    file: 'src/cluster/injected.ts',
    from: 'FOREIGN.some((key) => actual[key] !== undefined)',
    to: 'false',
    tests: REPORT,
  },
  {
    id: '15.14-report-bytes',
    file: 'src/cut-bytes.ts',
    from: '& 0xc0) === 0x80',
    to: '& 0xc0) === 0x7f',
    tests: REPORT,
  },
  {
    id: '15.14-machine-line',
    file: 'src/report/termination.ts',
    from: 'for (let named = short.length; named >= 0; named--) yield short.slice(0, named);',
    to: 'yield [];',
    tests: ['test/unit/report.test.ts'],
  },
] satisfies Mutation[];
