// Templates that refuse what values.schema.json refuses: helm leaves the schema out where it is
// told to (`--skip-schema-validation`), and values stand in CEL, between quotes.
// biome-ignore lint/suspicious/noExplicitAny: JSON Schema
type Schema = any;

/** The template `weighlock.checks`, which fails for values that do not meet a schema. */
export function checksOf(schema: Schema): string {
  const lines = checks(schema, '.Values', 'values', schema);
  return [
    '{{/* Made by charts/make.ts from values.schema.json; change it there. */}}',
    '{{- define "weighlock.checks" -}}',
    ...lines,
    '{{- end }}',
    '',
  ].join('\n');
}

/**
 * @param at - what a template calls the value
 * @param name - what a message calls it
 */
function checks(schema: Schema, at: string, name: string, root: Schema): string[] {
  const { $ref } = schema;
  if ($ref !== undefined) return checks(root.definitions[$ref.split('/').at(-1)], at, name, root);
  if (schema.enum !== undefined) return [unless(`has ${at} (list ${words(schema.enum)})`, name)];
  switch (schema.type) {
    case 'string':
      return ofString(schema, at, name);
    case 'boolean':
      return [unless(`kindIs "bool" ${at}`, name)];
    case 'array':
      return [
        unless(`kindIs "slice" ${at}`, name),
        ...(schema.minItems === undefined ? [] : [unless(`ge (len ${at}) ${schema.minItems}`, name)]),
        `{{- range ${at} }}`,
        ...checks(schema.items, '.', name, root),
        '{{- end }}',
      ];
    case 'object':
      return ofObject(schema, at, name, root);
    default:
      throw new Error(`${name}: no check for ${JSON.stringify(schema)}`);
  }
}

function ofString({ pattern, not }: Schema, at: string, name: string): string[] {
  const rules = [`kindIs "string" ${at}`];
  if (pattern !== undefined) rules.push(`regexMatch \`${pattern}\` ${at}`);
  if (not !== undefined) rules.push(`not (has ${at} (list ${words(not.enum)}))`);
  return rules.map((rule) => unless(rule, name));
}

function ofObject(schema: Schema, at: string, name: string, root: Schema): string[] {
  const { required = [], properties = {}, additionalProperties, propertyNames } = schema;
  const lines = [unless(`kindIs "map" ${at}`, name)];
  for (const key of required) lines.push(unless(`hasKey ${at} "${key}"`, `${name}.${key}`));
  if (additionalProperties === false)
    lines.push(
      `{{- range $key, $_ := ${at} }}`,
      unless(`has $key (list ${words(Object.keys(properties))})`, `an unknown key of ${name}`),
      '{{- end }}',
    );
  else if (additionalProperties !== undefined)
    lines.push(
      `{{- range $key, $value := ${at} }}`,
      ...(propertyNames === undefined ? [] : checks({ type: 'string', ...propertyNames }, '$key', name, root)),
      ...checks(additionalProperties, '$value', name, root),
      '{{- end }}',
    );
  // An object of anybody's own is none of ours: `global`.
  for (const [key, one] of Object.entries(properties))
    if (required.includes(key)) lines.push(...checks(one, `${at}.${key}`, `${name}.${key}`, root));
  return lines;
}

function unless(rule: string, name: string): string {
  return `{{- if not (${rule}) }}{{ fail "${name} is not what values.schema.json allows" }}{{ end }}`;
}

function words(values: readonly string[]): string {
  return values.map((one) => JSON.stringify(one)).join(' ');
}
