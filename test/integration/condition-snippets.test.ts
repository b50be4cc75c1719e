// Issue 21: the conditions of docs/conditions.md, on predicates of the shape that they are for:
// each is met, and each is missed by what it is against.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { compileConditions } from '../../src/evidence/index.ts';
import { soundSafetensors } from '../content/build.ts';
import { passed, refused, run, workFolder, write } from './cli.ts';

interface Snippet {
  readonly attestation: {
    readonly type: string;
    readonly attestors: readonly string[];
    readonly conditions: readonly string[];
  };
}
const page = readFileSync(new URL('../../docs/conditions.md', import.meta.url), 'utf8');
const snippets = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => parse(block) as Snippet);

// biome-ignore lint/suspicious/noExplicitAny: a predicate is changed at will
type Draft = any;

const MODEL_CARD = {
  license: 'apache-2.0',
  base_model: 'mistralai/Mistral-7B-v0.3',
  pipeline_tag: 'text-generation',
  library_name: 'transformers',
  datasets: ['allenai/c4'],
  'model-index': [
    {
      name: 'm',
      results: [
        {
          task: { type: 'text-generation' },
          dataset: { type: 'hellaswag', name: 'HellaSwag' },
          metrics: [
            { type: 'perplexity', value: 5.2 },
            { type: 'accuracy', value: 0.81 },
          ],
        },
      ],
    },
  ],
};

const SPDX = {
  '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld',
  '@graph': [
    { type: 'CreationInfo', '@id': '_:c', specVersion: '3.0.1', created: '2026-01-01T00:00:00Z', createdBy: ['urn:a'] },
    {
      type: 'ai_AIPackage',
      spdxId: 'urn:model',
      creationInfo: '_:c',
      name: 'm',
      ai_typeOfModel: ['transformer'],
      ai_safetyRiskAssessment: 'low',
      ai_useSensitivePersonalInformation: 'no',
      ai_hyperparameter: [{ type: 'DictionaryEntry', key: 'layers', value: '32' }],
    },
    { type: 'dataset_DatasetPackage', spdxId: 'urn:data', name: 'c4', dataset_datasetType: ['text'] },
    { type: 'Relationship', spdxId: 'urn:r', relationshipType: 'trainedOn', from: 'urn:model', to: ['urn:data'] },
    { type: 'simplelicensing_LicenseExpression', spdxId: 'urn:l', simplelicensing_licenseExpression: 'Apache-2.0' },
  ],
};

/** What `weighlock inspect` says of a model of two files. */
async function mlBom(): Promise<Draft> {
  const { stdout } = await run(['inspect', modelFolder(), '--format', 'cyclonedx']);
  return JSON.parse(stdout);
}

function modelFolder(): string {
  const folder = workFolder();
  const config = JSON.stringify({ architectures: ['LlamaForCausalLM'], max_position_embeddings: 4096 });
  const card = '---\nlicense: apache-2.0\n---\n# Model\n';
  write(folder, { 'model.safetensors': soundSafetensors(), 'config.json': config, 'README.md': card });
  return folder;
}

const ai = (draft: Draft) => draft['@graph'][1];
/** For each snippet, a predicate that meets it, and for each condition what breaks it. */
const CASES: readonly (readonly [
  what: string,
  good: () => Promise<Draft>,
  breaks: readonly ((draft: Draft) => void)[],
])[] = [
  [
    'a model card',
    async () => MODEL_CARD,
    [
      (draft) => (draft.license = 'cc-by-nc-4.0'),
      (draft) => delete draft.base_model,
      (draft) => (draft.pipeline_tag = 'text-to-image'),
      (draft) => draft.datasets.push('somebody/else'),
      (draft) => (draft.extra_gated_prompt = 'yes'),
      (draft) => (draft['model-index'][0].results[0].metrics[1].value = 0.6),
    ],
  ],
  [
    'SPDX 3',
    async () => SPDX,
    [
      (draft) => draft['@graph'].push({ type: 'ai_AIPackage', ai_safetyRiskAssessment: 'serious' }),
      (draft) => (ai(draft).ai_safetyRiskAssessment = 'high'),
      (draft) => (ai(draft).ai_useSensitivePersonalInformation = 'noAssertion'),
      (draft) => (ai(draft).ai_typeOfModel = ['diffusion']),
      (draft) => (draft['@graph'][3].to = []),
      (draft) => draft['@graph'].push({ ...draft['@graph'][4], simplelicensing_licenseExpression: 'GPL-3.0-only' }),
    ],
  ],
  [
    'an ML-BOM',
    mlBom,
    [
      (draft) => (draft.specVersion = '1.4'),
      (draft) => (draft.metadata.component.type = 'application'),
      (draft) => (draft.metadata.component.licenses = [{ license: { name: 'my own' } }]),
      (draft) => (draft.metadata.component.modelCard.modelParameters = {}),
      (draft) => draft.components.push({ name: 'x', properties: [{ name: 'weighlock:format', value: 'pickle' }] }),
    ],
  ],
];

describe('21: the conditions on the page', () => {
  it('are as many as are tested', () => {
    assert.deepEqual(
      snippets.map(({ attestation }) => attestation.conditions.length),
      CASES.map(([, , breaks]) => breaks.length),
    );
  });

  for (const [i, [what, good, breaks]] of CASES.entries()) {
    it(`on ${what} are met by one that is right, and each is missed by what it is against`, async () => {
      const conditions = await compileConditions(snippets[i]?.attestation.conditions ?? []);
      const told = (predicate: unknown) => {
        const statement = { predicateType: 't', predicate, subjects: [] } as never;
        return conditions.map((holds) =>
          holds(statement, { attestor: 'a', fingerprint: 'x', deviations: [] } as never),
        );
      };
      const predicate = await good();
      assert.deepEqual(
        told(predicate),
        conditions.map(() => undefined),
      );
      for (const [at, change] of breaks.entries()) {
        const broken = structuredClone(predicate);
        change(broken);
        assert.notEqual(told(broken)[at], undefined, `${snippets[i]?.attestation.conditions[at]}`);
      }
      // Nothing is met by a predicate that says nothing.
      const empty = told({});
      assert.ok(empty.filter((one) => one === undefined).length <= 1, JSON.stringify(empty));
    });

    it(`on ${what} hold a signed attestation of a folder to them`, async () => {
      const work = workFolder();
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileSync(join(work, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const data = publicKey.export({ type: 'spki', format: 'pem' });
      const predicate = await good();
      for (const [draft, isMet] of [
        [predicate, true],
        [{ ...predicate, license: 'other', '@graph': [], specVersion: '1.0' }, false],
      ] as const) {
        const folder = modelFolder();
        writeFileSync(join(work, 'predicate.json'), JSON.stringify(draft));
        const attestation = snippets[i]?.attestation ?? assert.fail();
        const words = [
          '--type',
          attestation.type,
          '--key',
          join(work, 'key'),
          '--predicate',
          join(work, 'predicate.json'),
        ];
        passed(await run(['attest', folder, ...words]));
        const attestors = [{ name: 'ml-ci', cosign: { key: { data }, ctlog: { insecureIgnoreTlog: true } } }];
        const spec = { attestors, artifacts: [{ name: 'm', path: folder, require: [{ attestation }] }] };
        const top = { apiVersion: 'weighlock.dev/v1alpha1', kind: 'VerificationPolicy', metadata: { name: 'p' }, spec };
        writeFileSync(join(work, 'policy.yaml'), stringify(top));
        const result = await run(['verify', '--policy', join(work, 'policy.yaml')]);
        if (isMet) passed(result);
        else refused(result, 'CONDITION_FAILED');
      }
    });
  }
});
