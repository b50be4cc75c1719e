// Some hundreds of chains with one defect each, and what `openssl verify` said of them (the fixture
// names version and command).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { PathCase } from '../evidence/certificate-paths.ts';
import type { Verdict } from '../evidence/openssl.ts';
import { answer, requireAgreement } from '../evidence/path-verdicts.ts';

interface Stored extends Omit<PathCase, 'time' | 'leaf' | 'between' | 'roots'> {
  readonly time: string;
  readonly leaf: number;
  readonly between: readonly number[];
  readonly roots: readonly number[];
  readonly openssl: Verdict;
}

const file = new URL('../fixtures/certificate-paths/cases.json', import.meta.url);
const { cases, certificates } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Stored[]; certificates: string[] };
const at = (index: number) => Buffer.from(certificates[index] ?? '', 'base64');
const questionOf = ({ time, leaf, between, roots, ...rest }: Stored): PathCase => ({
  ...rest,
  time: new Date(time),
  leaf: at(leaf),
  between: between.map(at),
  roots: roots.map(at),
});

describe('15.6: a certificate path', () => {
  it('15.6: is never taken where OpenSSL refuses it, and refused beyond that only where the case says why', async () => {
    assert.ok(cases.length > 500);
    for (const stored of cases) await requireAgreement(questionOf(stored), stored.openssl);
    const taken = cases.filter(({ openssl, stricter }) => openssl.plain === 'OK' && stricter === undefined);
    assert.ok(taken.length > 150, 'whoever refuses everything agrees with everybody');
  });

  it('15.6: says what is wrong with it', async () => {
    const why = async (name: string) => answer(questionOf(cases.find((one) => one.name === name) as Stored));
    const expected: Readonly<Record<string, RegExp>> = {
      'a allows too few': /allows 0 authorities below it, and there are 1/,
      'a leaf without digitalSignature': /not for signatures/,
      'a has an unknown critical extension': /critical extension 1\.3\.6\.1\.4\.1\.99999\.1, which is not known/,
      'root: another subject, permitted': /name constraint is violated: its subject is not permitted/,
      'a: mail of the host, excluded': /"ml@acme\.example" is excluded/,
      'a is for web servers': /A is not for signing code/,
      'b has expired': /was valid from/,
      'a has RSA of 1024 bits': /too weak: it has 1024 bits/,
      'a chain that is too long': /does not lead to a trusted root/,
      'a has an unknown extension twice': /the extension 1\.3\.6\.1\.4\.1\.99999\.1 twice/,
    };
    for (const [name, pattern] of Object.entries(expected)) assert.match((await why(name)) ?? 'OK', pattern, name);
  });

  it('15.6: with too many certificates, or too many ways, is refused early', async () => {
    const good = questionOf(cases[0] as Stored);
    const many = certificates.slice(0, 201).map((_, i) => at(i));
    assert.match((await answer({ ...good, between: many })) ?? 'OK', /more than 200 certificates/);
  });
});
