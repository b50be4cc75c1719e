import { readFileSync } from 'node:fs';
import { cell, page } from './markdown.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

/** Every field of a policy, from its schema. */
export function policy(): string {
  const file = new URL('../../schemas/policy.v1alpha1.schema.json', import.meta.url);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as Schema;
  const sections = [
    ['The document', schema] as const,
    ...Object.entries(schema.$defs ?? {}).map(([name, one]) => [name, one] as const),
  ];
  return page('Policy', [
    'The [schema](../../schemas/policy.v1alpha1.schema.json) in words. A field that is not here is an error. How they work',
    'together: [policies.md](../policies.md).',
    '',
    ...sections.flatMap(([name, one]) => section(name, one)),
  ]);
}

function section(name: string, schema: Schema): string[] {
  const rows = fieldsOf(schema, '');
  const table = ['| field | type | |', '|---|---|---|', ...rows];
  const about = schema.description === undefined ? [] : [schema.description, ''];
  return [`## ${name}`, '', ...about, ...(rows.length === 0 ? [typeOf(schema)] : table), ''];
}

function fieldsOf(schema: Schema, prefix: string): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const needed = schema.required?.includes(name) ? ', required' : '';
    const row = `| \`${path}\` | ${typeOf(field)}${needed} | ${cell(field.description ?? '')} |`;
    const inside =
      field.items?.properties === undefined ? fieldsOf(field, `${path}.`) : fieldsOf(field.items, `${path}[].`);
    return [row, ...inside];
  });
  return [
    ...new Set([...own, ...[...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap((one) => fieldsOf(one, prefix))]),
  ];
}

function typeOf({ $ref, type, const: only, enum: some, items, pattern, default: usual, oneOf, anyOf }: Schema): string {
  const told = usual === undefined ? '' : `, default \`${String(usual)}\``;
  if ($ref !== undefined) {
    const name = $ref.replace('#/$defs/', '');
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (only !== undefined) return `\`${String(only)}\``;
  if (some !== undefined) return some.map((one) => `\`${String(one)}\``).join(' or ') + told;
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const either = [...(oneOf ?? []), ...(anyOf ?? [])].filter((one) => one.type !== undefined || one.$ref !== undefined);
  if (type === undefined && either.length > 0) return [...new Set(either.map(typeOf))].join(' or ');
  return `${[type ?? 'object'].flat().join(' or ')}${pattern === undefined ? '' : ` \`${cell(pattern)}\``}${told}`;
}
