// Makes the templates of the chart from the same policies as everything else:
// examples/kyverno/base, and the reporter's manifests. What a value decides is put in here, each in
// quotes of YAML; values are checked first, by helm and by `_checks.tpl`, so that none can hold a
// quote or a line.
//   node charts/make.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { Document, isScalar, parse, parseAllDocuments, visit } from 'yaml';
import { nativeOf, readBase } from '../examples/make-policies.ts';
import { dashboardText } from '../examples/monitoring/make-dashboard.ts';
import { checksOf } from './checks.ts';

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes
type Json = any;

const HEAD = '# Made by charts/make.ts from examples/kyverno/base and examples/reporter; change it there.\n';

/** What stands in the policies, and what of the values takes its place. */
const VALUES: readonly [string | RegExp, string][] = [
  [
    /ghcr\.io\/weighlock\/weighlock(@sha256:0{64}|:[0-9.]+)/g,
    '{{ .Values.image.repository }}@{{ .Values.image.digest }}',
  ],
  [/sha256:0{64}/g, '{{ .Values.image.digest }}'],
  [/weighlock-system/g, '{{ .Release.Namespace }}'],
  [/serviceaccount:kyverno:/g, 'serviceaccount:{{ .Values.kyvernoNamespace }}:'],
  [/\['gke-gcsfuse-sidecar=[^\]]*\]/g, '{{ include `weighlock.platformContainers` . }}'],
  ["['system:masters', 'weighlock-admins']", '{{ include `weighlock.adminGroups` . }}'],
  [/members of\s+system:masters or weighlock-admins/g, 'members of {{ join ` or ` .Values.adminGroups }}'],
];
const SIZES: Readonly<Record<string, string>> = {
  cpu: 'limits.cpu',
  memory: 'limits.memory',
  cpuRequest: 'requests.cpu',
  memoryRequest: 'requests.memory',
};
/** Verifiers of before an upgrade, whose messages still count. */
const OLDER_IMAGES =
  '$1{{- range .Values.reporter.verifierImages }}\n$1- "--verifier-image={{ . }}"\n$1{{- end }}\n$1- --leader-elect';

/** Policies that `mode: audit` only lets speak. */
const AUDITED = /^(require|no-exec|inject)-/;
const ENFORCE = 'if eq .Values.mode "enforce"';

const POD_POLICIES = ['pods/inject.yaml', 'pods/require.yaml'];

/** Each template, by its name in `charts/weighlock/templates`. */
export const TEMPLATES: Readonly<Record<string, () => string>> = {
  'kyverno.yaml': () => engine('kyverno', (file) => readBase(file).flatMap(scoped)),
  'native.yaml': () => engine('native', (file) => readBase(file).flatMap(nativeOf)),
  'reporter.yaml': () => HEAD + when('.Values.reporter.enabled', render(reporter())),
  '_checks.tpl': () =>
    checksOf(JSON.parse(readFileSync(new URL('weighlock/values.schema.json', import.meta.url), 'utf8'))),
  'monitoring.yaml': () => HEAD + when('.Values.monitoring.enabled', monitoring()),
};

function engine(name: string, documents: (file: string) => Json[]): string {
  const part = (...files: string[]) => render(files.flatMap(documents));
  const all =
    part(...POD_POLICIES, 'trust.yaml', 'no-exec.yaml', 'status.yaml') +
    when('.Values.evidence', part('evidence.yaml')) +
    when('.Values.provenance', part('provenance.yaml'));
  return HEAD + when(`eq .Values.engine "${name}"`, all);
}

function when(condition: string, text: string): string {
  return `{{- if ${condition} }}\n${text}{{- end }}\n`;
}

/** What kustomize makes of a policy about pods in `base/enforced` and `base/labelled`. */
function scoped(policy: Json): Json[] {
  if (!/^(inject|require)-weighlock$/.test(policy.metadata.name)) return [policy];
  return ['enforced', 'labelled'].map((scope) => {
    const [{ nameSuffix = '', patches }] = readBase(`${scope}/kustomization.yaml`);
    const copy = structuredClone(policy);
    copy.metadata.name += nameSuffix;
    for (const { path, value } of patches.flatMap(({ patch }: Json) => parse(patch))) add(copy, path, value);
    return copy;
  });
}

/** RFC 6902 `add`: before an element of a list, or as a key. */
function add(object: Json, path: string, value: Json): void {
  const keys = path.split('/').slice(1);
  const last = keys.pop() ?? '';
  const parent = keys.reduce((node, key) => node[key], object);
  if (Array.isArray(parent)) parent.splice(Number(last), 0, value);
  else parent[last] = value;
}

function reporter(): Json[] {
  return readExample('reporter/reporter.yaml').filter(({ kind }) => kind !== 'Namespace');
}

function readExample(file: string): Json[] {
  const documents = parseAllDocuments(readFileSync(new URL(`../examples/${file}`, import.meta.url), 'utf8'));
  return (Array.isArray(documents) ? documents : []).map((one) => one.toJS() as Json);
}

/** Alerts and dashboards have templates of their own, which helm must leave alone. */
function monitoring(): string {
  const objects = ['monitoring/podmonitors.yaml', 'monitoring/rules.yaml'].flatMap(readExample);
  for (const { metadata } of objects) metadata.labels = 'MONITORING_LABELS';
  const board = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'weighlock-dashboard',
      namespace: 'weighlock-system',
      labels: { grafana_dashboard: '1' },
    },
    data: { 'weighlock.json': dashboardText() },
  };
  const documents = [...objects, board].map((one) => mapTexts(one, quoted));
  return render(documents)
    .replaceAll('{LEFT_BRACES', '{{ "{{" }}')
    .replaceAll('RIGHT_BRACES}', '{{ "}}" }}')
    .replaceAll('MONITORING_LABELS', '{{ toJson .Values.monitoring.labels }}');
}

const quoted = (text: string) => text.replaceAll('{{', '{LEFT_BRACES').replaceAll('}}', 'RIGHT_BRACES}');

function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapTexts(one, change)]));
}

function render(documents: readonly Json[]): string {
  return documents.map((one) => `---\n${withValues(one)}`).join('');
}

function withValues(object: Json): string {
  const copy = structuredClone(object);
  const { kind, spec } = copy;
  if (AUDITED.test(copy.metadata.name)) {
    if (spec.validationActions !== undefined) spec.validationActions = 'MODE_ACTIONS';
    if (spec.failurePolicy !== undefined) spec.failurePolicy = 'MODE_FAILURE';
    if (/^require-weighlock/.test(copy.metadata.name) && spec.autogen !== undefined)
      spec.autogen.validatingAdmissionPolicy.enabled = 'MODE_ENFORCED';
  }
  for (const variable of spec?.variables ?? []) {
    const size = SIZES[variable.name];
    if (size !== undefined) variable.expression = `'{{ .Values.resources.${size} }}'`;
  }
  for (const container of spec?.template?.spec.containers ?? []) container.resources = 'REPORTER_RESOURCES';
  const audit = kind === 'ValidatingAdmissionPolicyBinding' ? '[Warn, Audit]' : '[Audit]';
  const filled = mapTexts(copy, (text) => VALUES.reduce((all, [from, to]) => all.replaceAll(from, () => to), text));
  return yamlOf(filled)
    .replaceAll('MODE_ACTIONS', `{{ ${ENFORCE} }}[Deny]{{ else }}${audit}{{ end }}`)
    .replaceAll('MODE_ENFORCED', `{{ ${ENFORCE.slice(3)} }}`)
    .replaceAll('MODE_FAILURE', `{{ ${ENFORCE} }}Fail{{ else }}Ignore{{ end }}`)
    .replaceAll('REPORTER_RESOURCES', '{{ toJson .Values.reporter.resources }}')
    .replace(/^( *)- --leader-elect$/m, OLDER_IMAGES);
}

/** Where a value is put into a line, the line is in quotes: a namespace may be called `null`. */
function yamlOf(object: Json): string {
  const document = new Document(object, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      if (node.value.includes('{{') && !node.value.includes('\n')) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 });
}

if (import.meta.main)
  for (const [name, make] of Object.entries(TEMPLATES))
    writeFileSync(new URL(`weighlock/templates/${name}`, import.meta.url), make());
