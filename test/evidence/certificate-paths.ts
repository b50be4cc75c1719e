// Some hundreds of chains, most with one defect: what `openssl verify` and we are asked about.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  ALGORITHM,
  type Algorithm,
  aki,
  bc,
  certificate,
  context,
  type Draft,
  der,
  type Extension,
  eku,
  general,
  ID,
  integer,
  ku,
  type Name,
  nc,
  octets,
  oid,
  raw,
  san,
  seq,
  ski,
} from './certificates.ts';

/** One question. */
export interface PathCase {
  readonly name: string;
  readonly purpose: 'codeSigning' | 'timeStamping';
  readonly time: Date;
  /** DER. */
  readonly leaf: Buffer;
  readonly between: readonly Buffer[];
  readonly roots: readonly Buffer[];
  /** Why we refuse it although OpenSSL does not. */
  readonly stricter?: string;
  /** Which of `between` are the way, where OpenSSL only looks at one of several ways. */
  readonly way?: readonly number[];
}

const NOW = new Date('2026-06-01T00:00:00Z');
const FROM = new Date('2025-01-01T00:00:00Z');
const TO = new Date('2035-01-01T00:00:00Z');

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve }) as Pair;

type Position = 'root' | 'a' | 'b' | 'leaf';
const POSITIONS: readonly Position[] = ['root', 'a', 'b', 'leaf'];
const AUTHORITIES = ['root', 'a', 'b'] as const;

/** What is changed in one certificate of a good chain. */
interface Change extends Partial<Draft> {
  /** In the place of those of the same kind; `undefined` takes it away. */
  readonly with?: Readonly<Record<string, Extension | undefined>>;
  readonly add?: readonly Extension[];
  readonly pair?: Pair;
}
type Changes = Partial<Record<Position, Change>>;

/** A new set of keys, and all chains that are made with them. */
export function makeCases(): PathCase[] {
  const pairs: Record<Position, Pair> = { root: ec(), a: ec(), b: ec(), leaf: ec() };
  const cases: PathCase[] = [];
  const names: Record<Position, Name> = {
    root: [
      ['O', 'Acme'],
      ['CN', 'Root'],
    ],
    a: [
      ['O', 'Acme'],
      ['CN', 'A'],
    ],
    b: [
      ['O', 'Acme'],
      ['CN', 'B'],
    ],
    leaf: [
      ['O', 'Acme'],
      ['CN', 'Signer'],
    ],
  };

  const chain = (changes: Changes, purpose: PathCase['purpose']): Buffer[] => {
    const pairOf = (position: Position) => changes[position]?.pair ?? pairs[position];
    return POSITIONS.map((position, i) => {
      const above = POSITIONS[Math.max(0, i - 1)] ?? 'root';
      const { with: replaced = {}, add = [], pair: _, ...fields } = changes[position] ?? {};
      const { publicKey } = pairOf(position);
      const usual: Record<string, Extension | undefined> = {
        bc: bc(position !== 'leaf'),
        ku: ku(position === 'leaf' ? [0] : [5, 6]),
        ski: ski(publicKey),
        aki: aki(pairOf(above).publicKey),
        ...(position === 'leaf'
          ? {
              eku: purpose === 'codeSigning' ? eku(['code']) : eku(['time'], true),
              san: san([general.email('ml@acme.example')]),
            }
          : {}),
        ...replaced,
      };
      const draft: Draft = {
        subject: names[position],
        issuer: changes[above]?.subject ?? names[above],
        key: publicKey,
        extensions: [...Object.values(usual).filter((one) => one !== undefined), ...add],
        from: FROM,
        to: TO,
        serial: 10 + i,
        algorithm: ALGORITHM.ecSha256,
        ...fields,
      };
      return certificate(draft, pairOf(above).privateKey);
    });
  };
  type More = Partial<Pick<PathCase, 'stricter' | 'time' | 'way' | 'purpose'>>;
  const add = (name: string, changes: Changes, { purpose = 'codeSigning', ...more }: More = {}) => {
    const [root = Buffer.alloc(0), a = root, b = root, leaf = root] = chain(changes, purpose);
    cases.push({ name, purpose, time: NOW, leaf, between: [b, a], roots: [root], ...more });
  };

  add('good', {});
  add('good, for time stamping', {}, { purpose: 'timeStamping' });

  // Path lengths.
  for (const [position, enough] of [
    ['root', 2],
    ['a', 1],
    ['b', 0],
  ] as const) {
    for (const length of [0, 1, 2, 5])
      add(`${position} allows ${length} below it`, { [position]: { with: { bc: bc(true, length) } } });
    if (enough > 0) add(`${position} allows too few`, { [position]: { with: { bc: bc(true, enough - 1) } } });
  }
  add('a path length in a leaf', { leaf: { with: { bc: bc(false, 0) } } }, { stricter: 'RFC 5280 4.2.1.9' });
  add('a negative path length', {
    a: { with: { bc: raw(ID.bc, true, seq(der(1, Buffer.from([255])), der(2, Buffer.from([255])))) } },
  });

  // Whether somebody is an authority.
  for (const position of AUTHORITIES) {
    add(`${position} is no authority`, { [position]: { with: { bc: bc(false) } } });
    add(`${position} does not say that it is an authority`, { [position]: { with: { bc: undefined } } });
    add(`${position} is not to sign certificates`, { [position]: { with: { ku: ku([0, 6]) } } });
    add(`${position} says nothing of usages`, { [position]: { with: { ku: undefined } } });
    add(`${position} has basic constraints that are not critical`, {
      [position]: { with: { bc: bc(true, undefined, false) } },
    });
    add(`${position} has usages that are not critical`, { [position]: { with: { ku: ku([5, 6], false) } } });
    add(`${position} has an empty usage`, { [position]: { with: { ku: ku([]) } } });
    add(`${position} has no key identifier`, { [position]: { with: { ski: undefined } } });
    for (const [words, purposes, isStricter] of [
      ['code signing', ['code'], false],
      ['any purpose', ['any'], false],
      ['web servers', ['server'], true],
      ['mail', ['mail', 'server'], true],
      ['time stamping', ['time'], true],
    ] as const)
      add(
        `${position} is for ${words}`,
        { [position]: { add: [eku(purposes)] } },
        isStricter ? { stricter: 'purposes nest' } : {},
      );
    add(
      `${position} is for code only, and a stamp is asked for`,
      { [position]: { add: [eku(['code'])] } },
      { purpose: 'timeStamping', stricter: 'purposes nest' },
    );
  }

  // The leaf.
  const leaf = (name: string, change: Change, more: More = {}) => add(name, { leaf: change }, more);
  leaf('a leaf without digitalSignature', { with: { ku: ku([2]) } }, { stricter: 'it is to sign' });
  leaf('a leaf for contentCommitment alone', { with: { ku: ku([1]) } }, { stricter: 'it is to sign' });
  leaf('a leaf with more usages', { with: { ku: ku([0, 1, 2]) } });
  leaf('a leaf without usages', { with: { ku: undefined } });
  leaf(
    'a leaf without usages and purposes',
    { with: { ku: undefined, eku: undefined } },
    { stricter: 'nothing says that it signs' },
  );
  leaf('a leaf without purposes', { with: { eku: undefined } });
  leaf('a leaf for web servers', { with: { eku: eku(['server']) } }, { stricter: 'it is to sign code' });
  leaf('a leaf for any purpose', { with: { eku: eku(['any']) } }, { stricter: 'it is to sign code' });
  leaf('a leaf for code and more', { with: { eku: eku(['code', 'mail']) } });
  leaf('a leaf with a critical purpose', { with: { eku: eku(['code'], true) } });
  leaf('a leaf that is an authority', { with: { bc: bc(true), ku: ku([0, 5]) } });
  leaf(
    'a leaf that is an authority and signs nothing else',
    { with: { bc: bc(true), ku: ku([5, 6]) } },
    { stricter: 'it is to sign' },
  );
  leaf(
    'a leaf that signs certificates without being an authority',
    { with: { ku: ku([0, 5]) } },
    { stricter: 'RFC 5280 4.2.1.3' },
  );
  leaf('a leaf without basic constraints', { with: { bc: undefined } });
  leaf('a leaf without alternative names', { with: { san: undefined } });
  leaf('a leaf with an empty list of names', { with: { san: san([]) } }, { stricter: 'RFC 5280 4.2.1.6' });
  leaf('a leaf without a subject', { subject: [], with: { san: san([general.email('ml@acme.example')], true) } });
  leaf('a leaf without a subject whose names are not critical', { subject: [] }, { stricter: 'RFC 5280 4.2.1.6' });
  leaf('a leaf without an authority key identifier', { with: { aki: undefined } });
  leaf('a leaf with another authority key identifier', { with: { aki: aki(pairs.root.publicKey) } });
  leaf('a leaf of another issuer', {
    issuer: [
      ['O', 'Acme'],
      ['CN', 'Other'],
    ],
  });
  leaf('a leaf whose issuer is written differently', {
    issuer: [
      ['O', ' ACME', 'printable'],
      ['CN', 'b', 'printable'],
    ],
  });
  for (const [name, change] of [
    ['for time stamping, not critical', { with: { eku: eku(['time']) } }],
    ['for time stamping and more', { with: { eku: eku(['time', 'code'], true) } }],
    ['for code', { with: { eku: eku(['code'], true) } }],
    ['for nothing in particular', { with: { eku: undefined } }],
    ['for any purpose', { with: { eku: eku(['any'], true) } }],
    ['with a key for encipherment', { with: { ku: ku([0, 2]) } }],
    ['with a key for commitment', { with: { ku: ku([1]) } }],
    ['without usages', { with: { ku: undefined } }],
  ] as const)
    leaf(`an authority for stamps ${name}`, change, { purpose: 'timeStamping' });

  // Times.
  for (const position of POSITIONS) {
    add(`${position} has expired`, { [position]: { to: new Date('2026-05-31T00:00:00Z') } });
    add(`${position} is not valid yet`, { [position]: { from: new Date('2026-06-02T00:00:00Z') } });
    add(`${position} ends this second`, { [position]: { to: NOW } });
    add(`${position} begins this second`, { [position]: { from: NOW } });
    add(`${position} ends after 2050`, { [position]: { to: new Date('2060-01-01T00:00:00Z') } });
  }

  // Extensions.
  const unknown = (critical: boolean) => raw('1.3.6.1.4.1.99999.1', critical, octets(Buffer.from('?')));
  for (const position of POSITIONS) {
    add(`${position} has an unknown extension`, { [position]: { add: [unknown(false)] } });
    add(`${position} has an unknown critical extension`, { [position]: { add: [unknown(true)] } });
    add(
      `${position} has an unknown extension twice`,
      { [position]: { add: [unknown(false), unknown(false)] } },
      { stricter: 'RFC 5280 4.2' },
    );
    add(`${position} has basic constraints twice`, { [position]: { add: [bc(position !== 'leaf')] } });
    add(`${position} has two different basic constraints`, { [position]: { add: [bc(position === 'leaf')] } });
    add(`${position} has usages twice`, { [position]: { add: [ku([0, 5])] } });
    add(`${position} has a key identifier twice`, { [position]: { add: [ski(pairs[position].publicKey)] } });
    add(`${position} has a critical key identifier`, {
      [position]: { with: { ski: ski(pairs[position].publicKey, true) } },
    });
    add(`${position} has policies`, { [position]: { add: [raw('2.5.29.32', true, seq(seq(oid('1.2.3.4'))))] } });
    add(
      `${position} requires policies`,
      { [position]: { add: [raw('2.5.29.36', true, seq(context(0, Buffer.from([0]), false)))] } },
      { stricter: 'policies are not processed' },
    );
    add(
      `${position} requires policies, not critical`,
      { [position]: { add: [raw('2.5.29.36', false, seq(context(0, Buffer.from([0]), false)))] } },
      { stricter: 'policies are not processed' },
    );
    add(
      `${position} maps policies`,
      { [position]: { add: [raw('2.5.29.33', true, seq(seq(oid('1.2.3'), oid('1.2.4'))))] } },
      { stricter: 'policies are not processed' },
    );
    add(
      `${position} inhibits any policy`,
      { [position]: { add: [raw('2.5.29.54', true, integer(0))] } },
      { stricter: 'policies are not processed' },
    );
    add(`${position} is a proxy`, {
      [position]: { add: [raw('1.3.6.1.5.5.7.1.14', true, seq(seq(oid('1.3.6.1.5.5.7.21.1'))))] },
    });
    add(`${position} has critical names of its issuer`, {
      [position]: { add: [raw('2.5.29.18', true, seq(general.dns('acme.example')))] },
    });
    add(
      `${position} has basic constraints that are not DER`,
      {
        [position]: { with: { bc: raw(ID.bc, true, Buffer.from('30800101ff0000', 'hex')) } },
      },
      { stricter: 'it is not DER' },
    );
    add(
      `${position} has bytes after its basic constraints`,
      {
        [position]: {
          with: { bc: raw(ID.bc, true, Buffer.concat([bc(position !== 'leaf').value, Buffer.from([5, 0])])) },
        },
      },
      { stricter: 'it is not DER' },
    );
    add(
      `${position} is of version 1`,
      {
        [position]: {
          version: 1,
          with: { bc: undefined, ku: undefined, ski: undefined, aki: undefined, eku: undefined, san: undefined },
        },
      },
      position === 'root' || position === 'leaf' ? { stricter: 'it has no extensions' } : {},
    );
    add(
      `${position} is of version 1 with extensions`,
      { [position]: { version: 1 } },
      { stricter: 'RFC 5280 4.1.2.9' },
    );
    add(`${position} says one algorithm and is signed with another`, {
      [position]: { innerAlgorithm: ALGORITHM.ecSha384 },
    });
  }

  // Strength.
  const rsa = (modulusLength: number): Pair => generateKeyPairSync('rsa', { modulusLength });
  const [rsa1024, rsa2048, p384, p521, k1, ed] = [
    rsa(1024),
    rsa(2048),
    ec('P-384'),
    ec('P-521'),
    ec('secp256k1'),
    generateKeyPairSync('ed25519'),
  ];
  const below: Record<Position, Position | undefined> = { root: 'a', a: 'b', b: 'leaf', leaf: undefined };
  const keyed = (name: string, position: Position, pair: Pair, algorithm: Algorithm, more: More = {}) => {
    const next = below[position];
    add(
      `${position} ${name}`,
      {
        [position]: { pair, ...(position === 'root' ? { algorithm } : {}) },
        ...(next === undefined ? {} : { [next]: { algorithm } }),
      },
      more,
    );
  };
  for (const position of POSITIONS) {
    keyed('has RSA of 2048 bits', position, rsa2048, ALGORITHM.rsaSha256);
    keyed('has RSA of 1024 bits', position, rsa1024, ALGORITHM.rsaSha256, { stricter: 'a weak key' });
    keyed('has P-384', position, p384, ALGORITHM.ecSha384);
    keyed('has P-521', position, p521, ALGORITHM.ecSha384);
    keyed('has secp256k1', position, k1, ALGORITHM.ecSha256, { stricter: 'a curve that nobody should use' });
    keyed('has Ed25519', position, ed, ALGORITHM.ed25519);
    if (position !== 'leaf') {
      keyed('signs with SHA-1 and RSA', position, rsa2048, ALGORITHM.rsaSha1, { stricter: 'a weak hash' });
      keyed('signs with MD5', position, rsa2048, ALGORITHM.rsaMd5, { stricter: 'a weak hash' });
      keyed('signs with SHA-1', position, pairs[position], ALGORITHM.ecSha1, { stricter: 'a weak hash' });
    }
  }
  add('a root that signed itself with SHA-1', { root: { algorithm: ALGORITHM.ecSha1 } });

  for (const one of nameCases()) {
    for (const position of AUTHORITIES) {
      const { subject, names: alternatives = [general.email('ml@acme.example')], permitted = [], excluded = [] } = one;
      add(
        `${position}: ${one.name}`,
        {
          [position]: { add: [nc(permitted, excluded)] },
          leaf: { with: { san: san(alternatives) }, ...(subject === undefined ? {} : { subject }) },
        },
        one.stricter === undefined ? {} : { stricter: one.stricter },
      );
    }
  }
  add('constraints that are not critical', {
    a: { add: [nc([general.dns('acme.example')], [], false)] },
    leaf: { with: { san: san([general.dns('evil.example')]) } },
  });
  add('constraints without any', { a: { add: [raw(ID.nc, true, seq())] } }, { stricter: 'RFC 5280 4.2.1.10' });
  add('constraints with a minimum', {
    a: {
      add: [raw(ID.nc, true, seq(context(0, seq(general.email('acme.example'), context(0, Buffer.from([1]), false)))))],
    },
  });
  add('constraints in a leaf', { leaf: { add: [nc([general.email('other.example')])] } });
  add('an authority whose own name is not permitted', { root: { add: [nc([general.directory([['O', 'Other']])])] } });
  add('an authority below whose name is excluded', {
    root: {
      add: [
        nc(
          [],
          [
            general.directory([
              ['O', 'Acme'],
              ['CN', 'B'],
            ]),
          ],
        ),
      ],
    },
  });
  add('constraints above that are narrower', {
    root: { add: [nc([general.email('acme.example')])] },
    a: { add: [nc([general.email('example')])] },
    leaf: { with: { san: san([general.email('x@example')]) } },
  });

  cases.push(...waysOf(pairs, names, chain));
  return cases;
}

interface NameCase {
  readonly name: string;
  readonly subject?: Name;
  readonly names?: readonly Buffer[];
  readonly permitted?: readonly Buffer[];
  readonly excluded?: readonly Buffer[];
  readonly stricter?: string;
}

/** Names against constraints; each is asked as permitted and as excluded. */
function nameCases(): NameCase[] {
  const { email, dns, uri, ip, directory, registered, other } = general;
  const acme: Name = [['O', 'Acme']];
  const SMTP = '1.3.6.1.5.5.7.8.9';
  const table: readonly (readonly [string, Buffer | Name, Buffer, { p?: string; x?: string }?])[] = [
    ['mail of the host', email('ml@acme.example'), email('acme.example')],
    ['mail of the host, in capitals', email('ml@ACME.example'), email('acme.EXAMPLE')],
    ['mail of a host below', email('ml@a.acme.example'), email('acme.example')],
    ['mail below a domain', email('ml@a.acme.example'), email('.acme.example')],
    ['mail of the domain itself', email('ml@acme.example'), email('.acme.example')],
    ['mail of a host that ends alike', email('ml@evilacme.example'), email('acme.example')],
    ['mail of one box', email('ml@acme.example'), email('ml@acme.example')],
    [
      'mail of the box in capitals',
      email('ML@acme.example'),
      email('ml@acme.example'),
      { x: 'who is excluded stays so' },
    ],
    ['mail of another box', email('eve@acme.example'), email('ml@acme.example')],
    ['mail without a host', email('ml'), email('acme.example')],
    [
      'mail with two hosts',
      email('ml@evil.example@acme.example'),
      email('acme.example'),
      { p: 'the name cannot be read' },
    ],
    ['mail and a constraint of nothing', email('ml@acme.example'), email(''), { x: 'it is everybody' }],
    ['mail and a constraint on hosts', email('ml@evil.example'), dns('acme.example')],
    ['a host', dns('acme.example'), dns('acme.example')],
    ['a host below', dns('a.b.acme.example'), dns('acme.example')],
    ['a host that ends alike', dns('evilacme.example'), dns('acme.example')],
    ['a host below with a dot', dns('a.acme.example'), dns('.acme.example')],
    ['the host itself with a dot', dns('acme.example'), dns('.acme.example'), { x: 'who is excluded stays so' }],
    ['a wildcard', dns('*.acme.example'), dns('acme.example')],
    ['a wildcard above', dns('*.acme.example'), dns('a.acme.example'), { x: 'the wildcard is the host, too' }],
    ['a host with a dot at its end', dns('acme.example.'), dns('acme.example'), { x: 'the name cannot be read' }],
    ['a host and a constraint of nothing', dns('acme.example'), dns('')],
    ['a URI', uri('https://acme.example/model'), uri('acme.example')],
    ['a URI with a port', uri('https://acme.example:8443/model'), uri('acme.example')],
    ['a URI of a host below', uri('https://a.acme.example/'), uri('acme.example')],
    ['a URI below a domain', uri('https://a.acme.example/'), uri('.acme.example')],
    [
      'a URI with a user',
      uri('https://acme.example@evil.example/'),
      uri('evil.example'),
      { x: 'the name cannot be read' },
    ],
    [
      'a URI with another user',
      uri('https://acme.example:x@evil.example/'),
      uri('acme.example'),
      { p: 'the name cannot be read' },
    ],
    ['a URI without a host', uri('urn:acme:model'), uri('acme.example')],
    ['a URI of an address', uri('https://192.0.2.1/'), uri('192.0.2.1'), { p: 'an address is no host' }],
    ['a URI with a question', uri('https://acme.example?x'), uri('acme.example'), { x: 'the name cannot be read' }],
    ['a SPIFFE URI', uri('spiffe://acme.example/ml'), uri('acme.example')],
    ['an address', ip('c0000201'), ip('c0000200ffffff00')],
    ['another address', ip('c6336401'), ip('c0000200ffffff00')],
    ['an address of the other version', ip('20010db8000000000000000000000001'), ip('c0000200ffffff00')],
    [
      'an address of version 6',
      ip('20010db8000000000000000000000001'),
      ip('20010db8000000000000000000000000ffffffff000000000000000000000000'),
    ],
    ['an address of another length', ip('c00002'), ip('c0000200ffffff00')],
    ['an address and a constraint of another length', ip('c0000201'), ip('c00002')],
    ['a directory name', directory([...acme, ['CN', 'x']]), directory(acme)],
    [
      'another directory name',
      directory([
        ['O', 'Evil'],
        ['CN', 'x'],
      ]),
      directory(acme),
    ],
    ['a directory name written differently', directory([['O', ' aCME ', 'printable']]), directory(acme)],
    ['a subject', [...acme, ['CN', 'x']], directory(acme)],
    [
      'another subject',
      [
        ['O', 'Evil'],
        ['CN', 'x'],
      ],
      directory(acme),
    ],
    ['a subject that is above', acme, directory([...acme, ['CN', 'Signer']])],
    [
      'a subject with wide letters',
      [
        ['O', 'Ｗide'],
        ['CN', 'x'],
      ],
      directory([['O', 'Wide']]),
      { x: 'who is excluded stays so' },
    ],
    ['a subject and everybody', [['CN', 'x']], directory([])],
    ['mail in a subject', [...acme, ['E', 'ml@evil.example', 'ia5']], email('evil.example')],
    ['mail in a subject that is not asked about', [...acme, ['E', 'ml@evil.example', 'ia5']], email('acme.example')],
    ['a host for a common name', [...acme, ['CN', 'www.evil.example']], dns('evil.example')],
    ['a host for a common name that is not asked about', [...acme, ['CN', 'www.evil.example']], dns('acme.example')],
    ['a registered number', registered('1.2.3'), registered('1.2.3')],
    ['a registered number and hosts', registered('1.2.3'), dns('acme.example')],
    [
      'a mail address in UTF-8',
      other(SMTP, 'ml@acme.example'),
      email('acme.example'),
      { p: 'this form is not supported' },
    ],
    ['a name of another form', other('1.3.6.1.4.1.311.20.2.3', 'ml@acme.example'), email('acme.example')],
  ];
  return table.flatMap(([name, value, base, stricter = {}]) => {
    const given = Buffer.isBuffer(value) ? { names: [value] } : { subject: value as Name };
    // Everything below an authority is Acme's, so that only the leaf decides.
    return [
      {
        name: `${name}, permitted`,
        ...given,
        permitted: [base],
        ...(stricter.p === undefined ? {} : { stricter: stricter.p }),
      },
      {
        name: `${name}, excluded`,
        ...given,
        excluded: [base],
        ...(stricter.x === undefined ? {} : { stricter: stricter.x }),
      },
    ];
  });
}

type Chain = (changes: Changes, purpose: PathCase['purpose']) => Buffer[];

/** Several ways from the leaf up, circles, and certificates that are in the way. */
function waysOf(pairs: Record<Position, Pair>, names: Record<Position, Name>, chain: Chain): PathCase[] {
  const common = { purpose: 'codeSigning', time: NOW } as const;
  const parts = (changes: Changes = {}) => {
    const [root = Buffer.alloc(0), a = root, b = root, leaf = root] = chain(changes, 'codeSigning');
    return { root, a, b, leaf };
  };
  const good = parts();
  const { root, a, b, leaf } = good;
  const other = ec();
  const stranger = parts({
    root: {
      pair: other,
      subject: [
        ['O', 'Evil'],
        ['CN', 'Root'],
      ],
    },
  });
  const authority = (
    subject: Name,
    key: KeyObject,
    issuer: Name,
    signer: Pair,
    more: readonly Extension[] = [bc(true)],
  ) =>
    certificate(
      {
        subject,
        issuer,
        key,
        extensions: [...more, ku([5, 6]), ski(key), aki(signer.publicKey)],
        from: FROM,
        to: TO,
        serial: 77,
        algorithm: ALGORITHM.ecSha256,
      },
      signer.privateKey,
    );
  const narrow = parts({ a: { with: { bc: bc(true, 0) } } }).a;
  const expired = parts({ a: { to: new Date('2026-05-31T00:00:00Z') } }).a;
  const crossAB = authority(names.a, pairs.a.publicKey, names.b, pairs.b);
  const rollover = authority(names.a, other.publicKey, names.a, pairs.a);
  const viaRollover = parts({ a: { pair: other } });
  const selfSignedLeaf = certificate(
    {
      subject: names.leaf,
      issuer: names.leaf,
      key: pairs.leaf.publicKey,
      from: FROM,
      to: TO,
      serial: 5,
      extensions: [bc(true), ku([0, 5]), eku(['code']), ski(pairs.leaf.publicKey), aki(pairs.leaf.publicKey)],
      algorithm: ALGORITHM.ecSha256,
    },
    pairs.leaf.privateKey,
  );
  const plainSelfSigned = parts({ leaf: { issuer: names.leaf, with: { aki: aki(pairs.leaf.publicKey) } } }).leaf;
  const long = Array.from({ length: 12 }, () => ec());
  const longName = (i: number): Name => [['CN', `Authority ${i}`]];
  const longChain = long.map((pair, i) =>
    i === 0
      ? authority(longName(0), pair.publicKey, names.root, pairs.root)
      : authority(longName(i), pair.publicKey, longName(i - 1), long[i - 1] ?? pair),
  );
  const longLeaf = certificate(
    {
      subject: names.leaf,
      issuer: longName(11),
      key: pairs.leaf.publicKey,
      from: FROM,
      to: TO,
      serial: 5,
      extensions: [bc(false), ku([0]), eku(['code']), ski(pairs.leaf.publicKey), aki((long[11] ?? other).publicKey)],
      algorithm: ALGORITHM.ecSha256,
    },
    (long[11] ?? other).privateKey,
  );
  return [
    { ...common, name: 'without what is between', leaf, between: [], roots: [root] },
    { ...common, name: 'without one of what is between', leaf, between: [b], roots: [root] },
    { ...common, name: 'in another order', leaf, between: [a, b], roots: [root] },
    { ...common, name: 'an anchor that is not a root', leaf, between: [b], roots: [a] },
    { ...common, name: 'the issuer as anchor', leaf, between: [], roots: [b] },
    { ...common, name: 'no anchor', leaf, between: [b, a, root], roots: [stranger.root] },
    {
      ...common,
      name: 'the leaf as anchor',
      leaf,
      between: [b, a],
      roots: [leaf],
      stricter: 'a signer is no authority',
    },
    {
      ...common,
      name: 'a signer by itself, as anchor and authority',
      leaf: selfSignedLeaf,
      between: [],
      roots: [selfSignedLeaf],
    },
    {
      ...common,
      name: 'a signer by itself that nobody trusts',
      leaf: selfSignedLeaf,
      between: [selfSignedLeaf],
      roots: [root],
    },
    {
      ...common,
      name: 'a signer who says to be its own issuer',
      leaf: plainSelfSigned,
      between: [b, a],
      roots: [root],
    },
    {
      ...common,
      name: 'a namesake of the root',
      leaf,
      between: [b, a],
      roots: [parts({ root: { pair: other } }).root],
    },
    {
      ...common,
      name: 'a namesake beside what is between',
      leaf,
      between: [parts({ b: { pair: other } }).b, b, a],
      roots: [root],
    },
    {
      ...common,
      name: 'an expired certificate beside the one in force',
      leaf,
      between: [b, expired, a],
      roots: [root],
      way: [0, 2],
    },
    {
      ...common,
      name: 'a narrow certificate beside a wide one',
      leaf,
      between: [b, narrow, a],
      roots: [root],
      way: [0, 2],
    },
    { ...common, name: 'a narrow certificate alone', leaf, between: [b, narrow], roots: [root] },
    {
      ...common,
      name: 'authorities for each other, and a root',
      leaf,
      between: [b, crossAB, a],
      roots: [root],
      way: [0, 2],
    },
    {
      ...common,
      name: 'authorities for each other, in a circle',
      leaf,
      between: [b, crossAB, a],
      roots: [stranger.root],
    },
    {
      ...common,
      name: 'an authority with a new key, by itself',
      leaf: viaRollover.leaf,
      between: [viaRollover.b, rollover, a],
      roots: [root],
    },
    {
      ...common,
      name: 'an authority with a new key where none may be below',
      leaf: viaRollover.leaf,
      between: [viaRollover.b, rollover, parts({ a: { with: { bc: bc(true, 1) } } }).a],
      roots: [root],
    },
    {
      ...common,
      name: 'a chain that is too long',
      leaf: longLeaf,
      between: longChain,
      roots: [root],
      stricter: 'nobody needs it',
    },
    { ...common, name: 'a foreign root beside the right one', leaf, between: [b, a], roots: [stranger.root, root] },
    {
      ...common,
      name: 'a leaf that signs as if it were an authority',
      leaf: certificate(
        {
          subject: names.leaf,
          issuer: names.leaf,
          key: other.publicKey,
          from: FROM,
          to: TO,
          serial: 9,
          extensions: [bc(false), ku([0]), eku(['code']), ski(other.publicKey), aki(pairs.leaf.publicKey)],
          algorithm: ALGORITHM.ecSha256,
        },
        pairs.leaf.privateKey,
      ),
      between: [leaf, b, a],
      roots: [root],
    },
    {
      ...common,
      name: 'a signature that is broken',
      leaf: Buffer.concat([leaf.subarray(0, -1), Buffer.from([(leaf.at(-1) ?? 0) ^ 1])]),
      between: [b, a],
      roots: [root],
    },
    {
      ...common,
      name: 'what is between has a broken signature',
      leaf,
      between: [b, Buffer.concat([a.subarray(0, -1), Buffer.from([(a.at(-1) ?? 0) ^ 1])])],
      roots: [root],
    },
  ];
}
