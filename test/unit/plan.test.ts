import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, WeighlockError } from '../../src/error/index.ts';
import { buildPlan, type Environment, parseDuration, parsePin, type VerifyRequest } from '../../src/plan/index.ts';
import { locationText } from '../../src/source/index.ts';
import { storeSettings } from '../../src/store/index.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

function request(overrides: Partial<VerifyRequest> = {}): VerifyRequest {
  return {
    sources: [],
    files: { include: [], exclude: [] },
    sha256: [],
    mode: 'Enforce',
    failurePolicy: 'Fail',
    hasher: 'wasm',
    concurrency: 1,
    remote: {
      registry: {
        credentials: { named: [], usual: [] },
        caFiles: [],
        plainHttp: [],
        mirrors: new Map(),
        proxy: { noProxy: '' },
      },
      platform: { os: 'linux', architecture: 'amd64' },
      allowUnknownLayers: false,
      unpack: false,
      stores: storeSettings({}),
      replace: false,
    },
    trust: {
      keys: [],
      keysInVariables: new Map(),
      signatures: [],
      conditions: [],
      ignoreTlog: false,
      ignoreSct: false,
      signedTimestamps: false,
      extensions: new Map(),
      annotations: new Map(),
      allowLegacy: false,
      ignorePaths: [],
    },
    policies: [],
    targets: [],
    limits: { maxFiles: 10, allowSymlinks: false, timeout: 0, idleTimeout: 0, ioRate: 0, ioDepth: 0 },
    ...overrides,
  };
}

function plan(overrides: Partial<VerifyRequest>, environment: Environment = {}) {
  return buildPlan(request(overrides), environment).artifacts.map(({ name, source, destination, requirements }) => ({
    name,
    source: locationText(source),
    ...(destination === undefined ? {} : { destination }),
    pins: requirements.map(
      (requirement) => `${requirement.origin} ${'digest' in requirement ? requirement.digest : requirement.kind}`,
    ),
  }));
}

function refused(
  code: ErrorCode,
  message: RegExp,
  overrides: Partial<VerifyRequest>,
  environment: Environment = {},
): void {
  assert.throws(
    () => buildPlan(request(overrides), environment),
    (error) => error instanceof WeighlockError && error.code === code && message.test(error.message),
  );
}

describe('a plan', () => {
  it('takes several paths, each with its pin', () => {
    assert.deepEqual(plan({ sources: ['/m', '/d'], sha256: [A, B] }), [
      { name: 'm', source: '/m', pins: [`--sha256 ${A}`] },
      { name: 'd', source: '/d', pins: [`--sha256 ${B}`] },
    ]);
  });

  it('takes the form of KServe: URL, path, URL, path', () => {
    assert.deepEqual(plan({ sources: ['file:///a', '/mnt/models', 'file:///b%20c', '/mnt/two'], sha256: [A, B] }), [
      { name: 'models', source: '/a', destination: '/mnt/models', pins: [`--sha256 ${A}`] },
      { name: 'two', source: '/b c', destination: '/mnt/two', pins: [`--sha256 ${B}`] },
    ]);
  });

  it('takes MODEL_* and DATASET_* when there are no arguments', () => {
    const environment = {
      MODEL_PATH: '/m',
      MODEL_SHA256: A,
      DATASET_SOURCE_URL: 'file:///src',
      DATASET_PATH: '/d',
      DATASET_SHA256: B,
    };
    assert.deepEqual(plan({}, environment), [
      { name: 'model', source: '/m', pins: [`MODEL_SHA256 ${A}`] },
      { name: 'dataset', source: '/src', destination: '/d', pins: [`DATASET_SHA256 ${B}`] },
    ]);
  });

  it('takes a path as DATASET_SOURCE_URL, and verifies it where it lies without DATASET_PATH', () => {
    assert.deepEqual(plan({}, { DATASET_SOURCE_URL: '/src', DATASET_SHA256: B }), [
      { name: 'dataset', source: '/src', pins: [`DATASET_SHA256 ${B}`] },
    ]);
  });

  it('lets the environment add artifacts and pins to the arguments, never replace them', () => {
    assert.deepEqual(
      plan({ sources: ['/m'], sha256: [A] }, { MODEL_SHA256: B, DATASET_PATH: '/d', DATASET_SHA256: B }),
      [
        { name: 'm', source: '/m', pins: [`MODEL_SHA256 ${B}`, `--sha256 ${A}`] },
        { name: 'dataset', source: '/d', pins: [`DATASET_SHA256 ${B}`] },
      ],
    );
  });

  it('is refused when nothing would be checked', () => {
    refused('CONFIG_INVALID', /nothing to verify/, {});
    refused('CONFIG_INVALID', /nothing is required/, { sources: ['/m'] });
    refused('CONFIG_INVALID', /nothing is required/, {}, { MODEL_PATH: '/m' });
    refused('CONFIG_INVALID', /nothing is required/, { sources: ['/m'], sha256: [A] }, { DATASET_PATH: '/d' });
  });

  it('is refused when a pin belongs to nothing', () => {
    refused('CONFIG_INVALID', /not clear what it belongs to/, {}, { MODEL_SHA256: A });
    refused(
      'CONFIG_INVALID',
      /not clear what it belongs to/,
      { sources: ['/a', '/b'], sha256: [A, B] },
      { MODEL_SHA256: A },
    );
    refused('USAGE', /given 1 times for 2 sources/, { sources: ['/a', '/b'], sha256: [A] });
  });

  it('is refused when the same path is named twice', () => {
    refused('CONFIG_INVALID', /twice/, { sources: ['/m', '/m'], sha256: [A, A] });
    refused('CONFIG_INVALID', /twice/, { sources: ['/m', '/x/../m/'], sha256: [A, B] });
    refused('CONFIG_INVALID', /twice/, { sources: ['/m'], sha256: [A] }, { MODEL_PATH: '/m', MODEL_SHA256: A });
  });

  it('is refused when a checksums file is not pinned, or has no one folder', () => {
    refused('CONFIG_INVALID', /not pinned/, { sources: ['/m'], checksums: 'S' });
    refused('USAGE', /without --checksums/, { sources: ['/m'], checksumsSha256: A });
    refused('USAGE', /exactly one/, { sources: ['/a', '/b'], sha256: [A, B], checksums: 'S', checksumsSha256: A });
  });

  it('is refused when a variable is empty, or says whom to trust', () => {
    refused('CONFIG_INVALID', /MODEL_SHA256 is set but empty/, {}, { MODEL_PATH: '/m', MODEL_SHA256: '' });
    refused(
      'CONFIG_INVALID',
      /nobody is named whose signature counts/,
      {},
      { MODEL_PATH: '/m', MODEL_SHA256: A, MODEL_SIGNATURE: '/m.sig' },
    );
    refused('CONFIG_INVALID', /MODEL_PATH is a URL/, {}, { MODEL_PATH: 'file:///m', MODEL_SHA256: A });
    refused('CONFIG_INVALID', /file:\/\/ URL/, { sources: ['file://host/x'], sha256: [A] });
  });

  it('keeps secrets of a URL out of what it shows', () => {
    assert.deepEqual(plan({ sources: ['https://user:pass@host/x?sig=secret#frag', '/d'], sha256: [A] }), [
      { name: 'd', source: 'https://host/x?...', destination: '/d', pins: [`--sha256 ${A}`] },
    ]);
  });
});

describe('a pin (S29)', () => {
  for (const [what, value, message] of [
    ['63 digits', 'a'.repeat(63), /63 hexadecimal digits/],
    ['65 digits', 'a'.repeat(65), /65 hexadecimal digits/],
    ['upper case', 'A'.repeat(64), /upper-case/],
    ['a space in front', ` ${A}`, /white space/],
    ['a newline behind', `${A}\n`, /white space/],
    ['a sha256: prefix', `sha256:${A}`, /prefix/],
    ['nothing', '', /empty/],
    ['nothing but the prefix', 'sha256:', /prefix/],
    ['two values', `${A},${B}`, /more than one/],
    ['a byte order mark', `\ufeff${A}`, /SHA-256/],
    ['other characters', 'g'.repeat(64), /not hexadecimal/],
    ['a sha512 digest', 'a'.repeat(128), /128 hexadecimal digits/],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => parsePin(value, 'DATASET_SHA256'),
        (error) => error instanceof WeighlockError && error.code === 'CONFIG_INVALID' && message.test(error.message),
      );
    });
  }

  it('is accepted bare, lower case, 64 digits', () => {
    assert.equal(parsePin(A, 'DATASET_SHA256'), A);
  });
});

describe('a duration', () => {
  it('is written as in Kubernetes', () => {
    assert.equal(parseDuration('90s'), 90_000);
    assert.equal(parseDuration('1h30m'), 5_400_000);
    assert.equal(parseDuration('1.5s'), 1500);
    assert.equal(parseDuration('50ms'), 50);
    assert.equal(parseDuration('0'), 0);
  });

  it('is nothing else', () => {
    for (const text of ['', '5', '-1s', 's', '1d', '1e3s', ' 1s', '1s ', '99999999h'])
      assert.equal(parseDuration(text), undefined, text);
  });
});
