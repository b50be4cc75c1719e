// Every parser of hostile bytes ends with a value or with a refusal. `npm run fuzz` does the same
// for hours.
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { feed, TARGETS } from '../fuzz/index.ts';

/** Of each target; a campaign takes millions. */
const INPUTS = 150;

describe('whatever bytes it gets', () => {
  for (const target of TARGETS)
    it(`the parser of ${target.name} returns a value or refuses`, async () => {
      const property = fc.asyncProperty(target.input, (input) => feed(target, input));
      // The same inputs each time: what a campaign finds becomes a test of its own.
      await fc.assert(property, { numRuns: INPUTS, seed: 20_261_126 });
    });
});
