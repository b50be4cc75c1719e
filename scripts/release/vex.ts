// What is known of vulnerabilities in what the image carries, in OpenVEX: image/vex.json has the
// statements, this adds what belongs to a release.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../../image/vex.json', import.meta.url));

/** https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md, version 0.2.0 */
export const STATUSES = ['not_affected', 'affected', 'fixed', 'under_investigation'] as const;
export const JUSTIFICATIONS = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
] as const;

export interface Statement {
  readonly vulnerability: { readonly name: string };
  readonly status: (typeof STATUSES)[number];
  /** Needed with `not_affected`, and with it alone. */
  readonly justification?: (typeof JUSTIFICATIONS)[number];
  readonly impact_statement?: string;
  /** Needed with `affected`. */
  readonly action_statement?: string;
}

export interface OpenVex {
  readonly '@context': string;
  readonly '@id': string;
  readonly author: string;
  readonly timestamp: string;
  readonly version: number;
  readonly statements: readonly (Statement & { readonly products: readonly { readonly '@id': string }[] })[];
}

/** The document of one release. */
export function vex(version: string, statements: readonly Statement[] = read()): OpenVex {
  const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  const products = [
    `pkg:oci/weighlock?repository_url=ghcr.io/weighlock/weighlock&tag=${version}`,
    `pkg:npm/weighlock@${version}`,
  ];
  return {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `https://weighlock.dev/vex/${version}`,
    author: 'The Weighlock authors',
    timestamp: `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`,
    version: 1,
    statements: statements.map((one) => ({ ...one, products: products.map((id) => ({ '@id': id })) })),
  };
}

function read(): Statement[] {
  return (JSON.parse(readFileSync(FILE, 'utf8')) as { statements: Statement[] }).statements;
}
