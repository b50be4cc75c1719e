// Second ways to what the verifier has judged: to its name, its process, its volumes, and to what
// brings a pod into scope.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

const KYVERNO = ['test/unit/kyverno.test.ts'];
const REQUIRE = 'examples/kyverno/base/pods/require.yaml';
const SHARED = 'src/inject/shared.ts';
const LATER = 'src/inject/later.ts';

const policy = (id: string, from: string, to: string, name = 'is refused|that is admitted'): Mutation => ({
  id: `17.way-${id}`,
  file: REQUIRE,
  from,
  to,
  tests: KYVERNO,
  name,
});

const inject = (id: string, file: string, from: string, to: string): Mutation => ({
  id: `17.way-inject-${id}`,
  file,
  from,
  to,
  tests: KYVERNO,
  name: 'is told by it, too',
});

/** Seen where both tellings of the rules are held against each other. */
const both = (id: string, from: string, to: string): Mutation => ({
  ...inject(id, LATER, from, to),
  name: 'exactly where "weighlock inject" refuses it',
});

const status = (id: string, from: string, to: string): Mutation => ({
  id: `17.way-status-${id}`,
  file: 'examples/kyverno/base/status.yaml',
  from,
  to,
  tests: ['test/unit/kyverno-rights.test.ts'],
  name: 'written past',
});

export default [
  policy('trust-name', "object.spec.?volumes.orValue([]).all(v, v.name != 'weighlock-trust' || (", '(true || ('),
  policy('devices', 'c.?resources.?claims.orValue([]) == [] &&', 'true &&'),
  policy('plug-ins', "r in ['cpu', 'memory', 'ephemeral-storage']", 'true'),
  policy('proc', '!has(c.securityContext.procMount) &&', 'true &&'),
  policy(
    'seccomp',
    "object.spec.?securityContext.?seccompProfile.?type.orValue('')) != 'Localhost'",
    "object.spec.?securityContext.?seccompProfile.?type.orValue('')) != 'x'",
  ),
  policy(
    'seccomp-of-the-pod',
    "object.spec.?securityContext.?seccompProfile.?type.orValue('')) != 'Localhost'",
    "'') != 'Localhost'",
  ),
  policy(
    'apparmor',
    "object.spec.?securityContext.?appArmorProfile.?type.orValue('')) != 'Localhost'",
    "object.spec.?securityContext.?appArmorProfile.?type.orValue('')) != 'x'",
  ),
  policy(
    'apparmor-of-the-pod',
    "object.spec.?securityContext.?appArmorProfile.?type.orValue('')) != 'Localhost'",
    "'') != 'Localhost'",
  ),
  policy('inside', 'k.volumeMounts.all(m, !(m.name in variables.sharedVols) ||', 'k.volumeMounts.all(m, true ||'),
  policy(
    'inside-of-two',
    'c.?volumeMounts.orValue([]).exists(m, m.name == v.name)).size() > 1))',
    'false).size() > 1))',
  ),
  policy(
    'inside-of-others',
    '(!(v.name in variables.emptyVols) || variables.everybody',
    '(false || variables.everybody',
  ),
  policy('inside-alone', 'm.name == v.name)).size() > 1)).map', 'm.name == v.name)).size() > 0)).map'),
  policy('host-plain', "!v.hostPath.path.matches('//|/[.](/|$)') &&", 'true &&'),
  policy('host-inside', "!(v.hostPath.path + '/').startsWith(", "true || !(v.hostPath.path + '/').startsWith("),
  policy('host-around', "!(o.hostPath.path + '/').startsWith(", "true || !(o.hostPath.path + '/').startsWith("),
  policy(
    'host-beside',
    "o.hostPath.path.endsWith('/') ? o.hostPath.path : o.hostPath.path + '/') &&",
    'o.hostPath.path) &&',
  ),
  policy('debugger', 'object.spec.?ephemeralContainers.orValue([]) == [] ||', 'true ||'),
  policy(
    'debugger-later',
    ".exists(s, s.name == 'weighlock' && s.?ready.orValue(false))",
    '.exists(s, s.?ready.orValue(false))',
    'once the verifier has passed',
  ),
  policy(
    'debugger-early',
    "s.name == 'weighlock' && s.?ready.orValue(false)",
    "s.name == 'weighlock'",
    'once the verifier has passed',
  ),
  status(
    'labels',
    "object.metadata[?f].orValue({}).exists(k, (k in ['app.kubernetes.io/component', 'workload-type'] ||",
    'object.metadata[?f].orValue({}).exists(k, (',
  ),
  status('annotations', "['labels', 'annotations'].exists(f,", "['labels'].exists(f,"),
  status('added', 'object.metadata[f][k] !=\n', "'' !=\n"),
  status('removed', '(oldObject != null && has(oldObject.metadata) && oldObject', '(false && oldObject'),
  status('bound', 'resources: [pods/binding, bindings]', 'resources: [pods/binding]'),
  status('bound-to-nothing-old', "(oldObject == null || !has(oldObject.metadata) ? '' :", "(true ? '' :"),
  status(
    'ours',
    "k.startsWith('weighlock.dev/') || k.startsWith('model.ai/')) && object",
    "k.startsWith('model.ai/')) && object",
  ),
  status('by-anybody', "g == 'system:nodes' ||", "g != '' ||"),
  status('not-by-a-node', "g == 'system:nodes' ||", ''),
  status('of-the-verifier', "['initContainerStatuses', 'containerStatuses']", "['initContainerStatuses']"),
  status(
    'of-others',
    "object.?status[?f].orValue([]).filter(s, s.name == 'weighlock') !=",
    'object.?status[?f].orValue([]) !=',
  ),
  inject('trust', 'src/inject/problems.ts', 'volume.name === TRUST && !isTrust(volume)', 'false'),
  inject('inside', LATER, "shared.has(outer.name ?? '') && asFolder(at)", 'false && asFolder(at)'),
  both('write', 'readOnly === true || fixed.has(name) ? []', 'true ? []'),
  both('fixed', 'readOnly === true || fixed.has(name) ? []', 'readOnly === true ? []'),
  both('propagation', "mountPropagation === 'None' ? []", 'true ? []'),
  both('plain', '...(isPlain(at) ? []', '...(true ? []'),
  both('ended', "restartPolicy !== 'Always'));", "restartPolicy !== 'x'));"),
  both('processes', 'shareProcessNamespace !== true && hostPID !== true', 'shareProcessNamespace !== true'),
  both(
    'sidecar',
    "before.filter(({ restartPolicy }) => restartPolicy === 'Always'), ...eph",
    'before.slice(0, 0), ...eph',
  ),
  inject('of-two', SHARED, "|| isMountedTwice(volume.name ?? '')", ''),
  inject('of-others', SHARED, '!beginsEmpty(volume) ||', ''),
  inject('host', SHARED, 'listed.some((one) => overlaps(path, one))', 'false'),
  inject('host-plain', SHARED, '!isPlain ||', ''),
  {
    id: '17.way-report-device',
    file: 'src/cluster/injected.ts',
    from: 'actual.resources?.claims)',
    to: 'false)',
    tests: ['test/integration/report.test.ts'],
    name: '15.14: counts as a pass',
  },
  {
    id: '17.way-report-plug-in',
    file: 'src/cluster/injected.ts',
    from: '!RESOURCES.includes(one)',
    to: 'false',
    tests: ['test/integration/report.test.ts'],
    name: '15.14: counts as a pass',
  },
] satisfies Mutation[];
