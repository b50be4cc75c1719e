// What a layout on a disk says, and how one is named.
import { deepEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { chooseEntry } from '../../src/image-layout/choose.ts';
import { LayoutFaults } from '../../src/image-layout/faults.ts';
import { layoutReferenceText, parseLayoutReference } from '../../src/image-layout/index.ts';
import { parseReferrers } from '../../src/registry/manifest.ts';
import { bytesOf, damaged, fixture, noise, reshaped } from './input.ts';
import type { Target } from './target.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const indexes = ['crane', 'oras', 'saved-new', 'saved-old', 'skopeo'].map((name) =>
  JSON.parse(fixture(`oci-layout/${name}/index.json`).toString()),
);
const faults = new LayoutFaults('/layout');

export const imageLayouts: readonly Target[] = [
  {
    name: 'image-layout-index',
    input: fc.oneof(reshaped(indexes), damaged(indexes.map((one) => Buffer.from(JSON.stringify(one)))), noise),
    parse: async (bytes) => {
      const { descriptors } = parseReferrers(bytes);
      for (const tag of ['v1', undefined])
        await chooseEntry(descriptors, tag, async (one) => one.endsWith('0'), faults).catch((error) => {
          if (error.code === undefined) throw error;
        });
    },
  },
  {
    name: 'image-layout-reference',
    input: fc.oneof(
      bytesOf(
        fc
          .array(fc.constantFrom('/', 'a', ':', '@', '.', '..', 'v1', digest, 'sha256:', '%2f', ' ', '\0', '\n', 'é'), {
            maxLength: 12,
          })
          .map((parts) => `oci-layout://${parts.join('')}`),
      ),
      damaged([Buffer.from(`oci-layout:///data/m:v1@${digest}`)]),
    ),
    // What is shown of it is read as the same again.
    parse: (bytes) => {
      const reference = parseLayoutReference(`oci-layout://${bytes.toString().slice('oci-layout://'.length)}`);
      deepEqual(parseLayoutReference(layoutReferenceText(reference)), reference);
    },
  },
];
