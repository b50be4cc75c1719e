// The same chains with new keys, held against the program `openssl` that is installed here.
import { describe, it } from 'node:test';
import { makeCases } from '../evidence/certificate-paths.ts';
import { ask, version } from '../evidence/openssl.ts';
import { requireAgreement } from '../evidence/path-verdicts.ts';

describe('15.6: certificate paths', () => {
  it(`15.6: are judged as ${version()} judges them`, async () => {
    for (const question of makeCases()) await requireAgreement(question, ask(question));
  });
});
