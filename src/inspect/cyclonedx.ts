import type { Inspection } from './inspection.ts';

/** Licences as SPDX writes them, by what model cards write. Another one goes by its name. */
const SPDX = new Map(
  'Apache-2.0 MIT BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 CC-BY-4.0 CC-BY-SA-4.0 CC-BY-NC-4.0 CC-BY-NC-SA-4.0 CC-BY-NC-ND-4.0 CC-BY-ND-4.0 ISC MPL-2.0 GPL-2.0-only GPL-3.0-only LGPL-3.0-only AGPL-3.0-only EPL-2.0 ECL-2.0 ODbL-1.0 PDDL-1.0 Unlicense WTFPL Zlib EUPL-1.2 AFL-3.0 Artistic-2.0 MS-PL NCSA OSL-3.0 PostgreSQL'
    .split(' ')
    .map((id) => [id.toLowerCase(), id]),
);

/**
 * A CycloneDX 1.6 bill of materials with the model as its subject, and its files.
 *
 * @param time - ISO 8601
 */
export function cyclonedx(inspection: Inspection, version: string, time: string): object {
  const { source, digest, model, files, claims } = inspection;
  const name =
    model.name ??
    source
      .replace(/^[a-z-]+:\/\//, '')
      .replace(/\/+$/, '')
      .split('/')
      .at(-1) ??
    source;
  const { licence } = model;
  const id = licence === undefined ? undefined : SPDX.get(licence.toLowerCase());
  const licenses =
    licence === undefined ? {} : { licenses: [{ license: id === undefined ? { name: licence } : { id } }] };
  const properties = Object.entries({
    'weighlock:formats': Object.keys(inspection.formats).sort().join(','),
    'weighlock:parameters': model.parameters,
    'weighlock:tensors': model.tensors,
    'weighlock:types': Object.entries(model.types ?? {})
      .map(([type, count]) => `${type}=${count}`)
      .join(','),
    'weighlock:contextLength': model.contextLength,
    'weighlock:tokenizer': model.tokenizer,
    'weighlock:bytes': inspection.bytes,
  }).flatMap(([key, value]) => (value === undefined || value === '' ? [] : [{ name: key, value: String(value) }]));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: time,
      tools: { components: [{ type: 'application', name: 'weighlock', version }] },
      component: {
        type: 'machine-learning-model',
        'bom-ref': 'model',
        name: name === '' ? 'model' : name,
        ...(digest === undefined ? {} : { version: digest }),
        ...licenses,
        modelCard: {
          modelParameters: {
            ...(model.architecture === undefined
              ? {}
              : { architectureFamily: model.architecture, modelArchitecture: model.architecture }),
          },
        },
        properties,
      },
    },
    components: files.map(({ name: file, format, size, findings }, i) => ({
      type: 'file',
      'bom-ref': `file-${i}`,
      name: file,
      properties: [
        { name: 'weighlock:format', value: format },
        { name: 'weighlock:bytes', value: String(size) },
        ...findings.map(({ text }) => ({ name: 'weighlock:finding', value: text })),
      ],
    })),
    dependencies: [{ ref: 'model', dependsOn: files.map((_, i) => `file-${i}`) }],
    ...(claims.length === 0
      ? {}
      : {
          properties: claims.map(({ where, kind, type, signer }) => ({
            name: `weighlock:claimed-${kind}`,
            value: [where, type, signer].filter((part) => part !== undefined).join(' '),
          })),
        }),
  };
}
