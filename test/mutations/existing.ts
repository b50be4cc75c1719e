// Checks that were there before issue 15: archives, names, formats, signatures, registries,
// policies, verdicts.
import type { Mutation } from '../../scripts/mutate/mutation.ts';

type Broken = readonly [id: string, from: string, to: string, name?: string];

/** Mutations of one file that the same tests notice. */
function of(file: string, test: string, list: readonly Broken[]): Mutation[] {
  return list.map(([id, from, to, name]) => ({
    id,
    file: `src/${file}.ts`,
    from,
    to,
    tests: [`test/${test}.test.ts`],
    ...(name === undefined ? {} : { name }),
  }));
}

export default [
  ...of('archive/entry-path', 'unit/archive', [
    ['path-dots', "parts.includes('..')", 'false', 'a path from outside'],
    ['path-utf8', 'if (!isUtf8(bytes))', 'if (false)', 'a path from outside'],
    ['path-control', '\\x1f\\x7f\\\\]', '\\x1f\\x7f]', 'a path from outside'],
    ['path-drive', 'if (/^[a-zA-Z]:/.test(path))', 'if (false)', 'a path from outside'],
    ['path-short-form', "part === '' || part === '.'", 'false', 'a path from outside'],
    ['path-name-bytes', 'part.length > MAX_NAME_BYTES', 'false', 'a path from outside'],
    ['path-depth', 'if (parts.length > MAX_DEPTH)', 'if (false)', 'a path from outside'],
    ['path-case', '.toUpperCase().toLowerCase()', '', 'collides'],
  ]),
  ...of('archive/tar', 'unit/archive', [
    ['tar-end-mark', "if (this.#state !== 'after-end' || this.#filled > 0)", 'if (false)', 'cut off'],
    ['tar-after-end', 'if (!zero) throw', 'if (false) throw', 'cut off'],
    ['tar-after-zeros', 'if (this.#zeroBlocks > 0) throw', 'if (false) throw', 'cut off'],
    ['tar-checksum', 'if (sum !== number(block, 148, 8))', 'if (false)', 'checksum'],
    ['tar-meta-bytes', 'if (size > MAX_META_BYTES)', 'if (false)', 'gigabytes'],
    ['tar-negative-size', 'if (absurd)', 'if (false)', 'negative'],
    ['tar-pax-binds', 'this.#pax = {};\n    // Old', '// Old', 'pax'],
    ['tar-global-name', 'if (path !== undefined || size !== undefined) throw', 'if (false) throw', 'pax records'],
  ]),
  ...of('archive/decompress', 'unit/archive', [
    ['bomb-ratio', 'this.#out > this.#in * MAX_RATIO', 'false', 'bomb'],
    ['trailing-data', 'this.#stream.bytesWritten !== this.#in', 'false', 'junk'],
  ]),
  ...of('archive/tar', 'unit/archive-limits', [
    ['tar-sparse', "key.startsWith('GNU.sparse.')", 'false'],
    ['tar-pax-length', 'bytes[end - 1] === 0x0a', 'true'],
  ]),
  ...of('archive/decompress', 'unit/archive-limits', [['zstd-window', ': MAX_ZSTD_WINDOW_LOG }', ': 31 }']]),
  ...of('evidence/checksums', 'unit/checksums', [
    ['checksums-two-digests', 'before !== undefined && before !== hex', 'false'],
    ['checksums-dots', "if (parts.includes('..'))", 'if (false)'],
    ['checksums-absolute', "if (name.startsWith('/'))", 'if (false)'],
    ['checksums-short-form', "part === '' || part === '.'", 'false'],
    ['checksums-utf8', 'if (!isValidUtf8(name))', 'if (false)'],
    [
      'checksums-other-line',
      'if (hex === undefined || written === undefined) {',
      'if (hex === undefined || written === undefined) {\n      return;',
    ],
    ['checksums-no-file', 'if (this.#entries.size === 0)', 'if (false)'],
    ['checksums-line-bytes', 'if (this.#rest.length > MAX_LINE_BYTES)', 'if (false)'],
  ]),
  ...of('evidence/dsse', 'unit/evidence-formats', [
    ['dsse-type', 'if (payloadType !== IN_TOTO_TYPE)', 'if (false)'],
    ['dsse-one-signature', 'signature === undefined || more.length > 0', 'signature === undefined'],
    ['dsse-encoding', '${payloadType} ${length} `', '${payloadType} `'],
  ]),
  ...of('evidence/bundle', 'unit/evidence-formats', [
    ['bundle-media-type', 'if (!MEDIA_TYPES.has(mediaType))', 'if (false)'],
    ['bundle-one-signer', 'if (present.length !== 1)', 'if (present.length === 0)'],
    ['bundle-one-content', "if (hasEnvelope === fields.has('messageSignature'))", 'if (false)'],
    ['bundle-digest-length', 'if (bytes.length !== HASH_BYTES[hash])', 'if (false)'],
    ['bundle-entries', 'fields.objects(key, MAX_ENTRIES)', 'fields.objects(key, 1e9)'],
  ]),
  ...of('evidence/statement', 'unit/evidence-formats', [
    ['statement-type', 'if (!STATEMENT_TYPES.has(type))', 'if (false)'],
    ['statement-no-subject', 'if (subjects.length === 0)', 'if (false)'],
    ['statement-digests', 'keys.length === 0 || keys.length > MAX_DIGESTS', 'false'],
    ['statement-empty-digest', '/^[0-9a-f]{64}$/.test(sha256) && ', ''],
  ]),
  ...of('evidence/strict-json', 'unit/evidence-formats', [
    ['base64-canonical', 'if (!same) throw', 'if (false) throw'],
  ]),
  ...of('evidence/model-signature', 'unit/evidence-formats', [
    ['model-root', "if (subject.digest.get('sha256') !== root)", 'if (false)'],
    [
      'model-no-file',
      'if (this.#builder === undefined) throw',
      'this.#builder ??= new SignedFilesBuilder(32, 0);\n    if (false) throw',
    ],
    ['model-one-subject', 'subject === undefined || more.length > 0', 'subject === undefined'],
    ['model-algorithm', 'else if (algorithm !== hash)', 'else if (false)'],
    ['model-shard-gap', 'start === i * shardBytes', 'true'],
    ['model-shard-long', ' && end <= start + shardBytes', ''],
    ['model-shard-short', '(!isLast && end !== start + shardBytes)', 'false'],
    ['model-shard-size', '!Number.isSafeInteger(value) || value <= 0', 'false'],
    ['model-predicate-type', 'if (!MODEL_SIGNATURE_TYPE.test(predicateType))', 'if (false)'],
  ]),
  ...of('evidence/timestamp', 'unit/signature-checks', [
    ['stamp-imprint', 'if (!digest(imprint.hash, signed).equals(imprint.digest))', 'if (false)'],
    ['stamp-signature', 'if (!verifySigned({ hash: digestHash', 'if (false && !verifySigned({ hash: digestHash'],
    ['stamp-message-digest', '|| !digest(digestHash, token.info).equals(messageDigest)', ''],
    ['stamp-window', 'parsed.time < start || parsed.time > end', 'false'],
    ['stamp-refused', 'status !== 0n && status !== 1n', 'false'],
    ['stamp-too-large', 'if (token.length > MAX_TOKEN_BYTES)', 'if (false)'],
  ]),
  ...of('evidence/log-entry', 'integration/signature', [
    ['log-same-key', 'if (!same) throw', 'if (false) throw', 'S1, S2, S3'],
  ]),
  ...of('evidence/transparency', 'integration/signature', [
    [
      'log-body',
      'if (!isOldAttestation(entry)) verifyTLogBody(entry, subject.content);',
      'if (!isOldAttestation(entry)) {}',
      'a key alone asks for',
    ],
    ['log-duplicate', 'if (bodies.has(body))', 'if (false)', 'there once'],
  ]),
  ...of('evidence/transparency', 'integration/witnesses', [
    ['log-in-force', 'start <= time && time <= end', 'true', 'for their years'],
  ]),
  ...of('evidence/witnesses', 'integration/witnesses', [
    [
      'log-count',
      'if (found < needed)\n    throw invalidSignature(`${found} transparency',
      'if (false)\n    throw invalidSignature(`${found} transparency',
      'once each',
    ],
    [
      'authority-count',
      'if (found < needed)\n    throw invalidSignature(`it has',
      'if (false)\n    throw invalidSignature(`it has',
      'counts at the time',
    ],
  ]),
  ...of('evidence/verify-bundle', 'unit/signature-checks', [
    ['key-signature', 'if (!content.verifySignature(key)) throw', 'if (false) throw'],
    [
      'keyless-signature',
      'const leaf = parseCertificate(der);\n  if (!content',
      'const leaf = parseCertificate(der);\n  if (false && !content',
    ],
    [
      'certificate-signature',
      'attestor.subject, leaf);\n  if (!content',
      'attestor.subject, leaf);\n  if (false && !content',
    ],
    ['key-not-certificate', "if (bundle.material.kind !== 'key')", 'if (false)'],
    ['key-in-force', '(start === undefined || start <= time) &&', ''],
  ]),
  ...of('evidence/verify-bundle', 'integration/signature', [
    ['keyless-time', 'if (times.length === 0) throw', 'if (false) throw', 'nobody vouched'],
  ]),
  ...of('evidence/certificate', 'integration/witnesses', [
    ['identity-extensions', 'extensions.get(oid) !== value', 'false', 'S16'],
  ]),
  ...of('evidence/certificate', 'integration/signature', [
    ['identity-issuer', 'if (!(await matchesPattern(identity.issuer, issuer))) continue;', '', 'S17, S18'],
    ['identity-subject', 'if (!(await matchesPattern(identity.subject, subject))) continue;', '', 'S17, S18'],
  ]),
  ...of('evidence/revocation', 'unit/signature-checks', [
    ['revoked', 'revoked.has(serialNumber', 'new Set().has(serialNumber'],
    ['revocation-missing', 'if (own.length === 0)', 'if (false)'],
    ['revocation-signature', 'list.issuer.equals(issuer) &&\n', 'list.issuer.equals(issuer) ||\n'],
    ['revocation-outdated', 'if (current.length === 0)', 'if (false)'],
  ]),
  ...of('evidence/annotations', 'integration/stored-signatures', [
    ['annotations', 'if (text !== value)', 'if (false)', 'annotations'],
  ]),
  ...of('evidence/oci-signature', 'unit/signature-checks', [
    ['stored-subject', 'if (!isAbout(subjects, digest))', 'if (false)'],
  ]),
  ...of('evidence/conditions', 'unit/conditions', [
    ['condition-true-alone', 'value === true', 'Boolean(value)'],
    [
      'condition-time',
      'return `cannot be told of it',
      'if (Date.now() > 0) return undefined;\n        return `cannot be told of it',
    ],
  ]),
  ...of('trust/pattern', 'unit/trust', [
    ['pattern-anchors', '`^(?:${pattern.regexp})$`, text', '`(?:${pattern.regexp})`, text', 'pattern'],
    ['pattern-anybody', '.some((text) => compiled.test(text))', '.some((text) => text === compiled.source)', 'pattern'],
  ]),
  ...of('trust/public-key', 'unit/trust', [
    ['key-short-rsa', 'bits < MIN_RSA_BITS', 'false', 'public key'],
    ['key-one-block', 'if (blocks.length !== 1)', 'if (false)', 'public key'],
    ['rsa-length-bytes', 'if (isRsa(kind) && !hasLengthOfKey(key, signature))', 'if (false)', 'RSA has the length'],
    ['rsa-length-digest', 'if (!hasLengthOfKey(key, signature))', 'if (false)', 'RSA has the length'],
  ]),
  ...of('trust/public-key', 'unit/signature-checks', [
    ['key-private', "blocks[0]?.includes('PRIVATE') === true", 'false'],
  ]),
  ...of('registry/reference', 'unit/registry', [
    ['reference-digest', 'at >= 0 && digest === undefined', 'false', 'a reference'],
    ['reference-host', 'if (!HOST.test(registry))', 'if (false)', 'a reference'],
    ['reference-repository', 'if (!REPOSITORY.test(name))', 'if (false)', 'a reference'],
    ['reference-tag', 'tag !== undefined && !TAG.test(tag)', 'false', 'a reference'],
    ['reference-length', 'registry.length + 1 + name.length > MAX_NAME', 'false', 'a reference'],
  ]),
  ...of('registry/digest', 'unit/registry', [
    ['digest-form', '/^sha256:[a-f0-9]{64}$/', '/^sha256:[a-fA-F0-9]+/', 'digest'],
  ]),
  ...of('registry/manifest', 'unit/registry', [
    ['manifest-agrees', 'known !== undefined && own !== known', 'false', 'a manifest'],
    ['manifest-both', "if (isIndex && ('layers' in json || 'config' in json))", 'if (false)', 'a manifest'],
    ['manifest-schema', "if (json['schemaVersion'] !== 2)", 'if (false)', 'a manifest'],
    ['manifest-size', '!Number.isSafeInteger(size) || size < 0', 'false', 'a manifest'],
    ['manifest-layers', 'if (value.length > most)', 'if (false)', 'a manifest'],
  ]),
  ...of('json-structure', 'unit/registry', [
    ['manifest-depth', 'if (open.length === mostDepth)', 'if (false)', 'a manifest'],
  ]),
  ...of('registry/range', 'unit/registry', [
    ['range-offset', 'range.first !== offset', 'false', 'Content-Range'],
    ['range-end', 'range.last + 1 !== Math.min(end, range.total)', 'false', 'Content-Range'],
    ['range-total', 'range.total !== total', 'false', 'Content-Range'],
  ]),
  ...of('registry/docker-config', 'unit/registry', [
    ['docker-port', 'pattern.port !== wanted.port || ', '', 'credentials'],
    ['docker-labels', ' || pattern.labels.length !== wanted.labels.length', '', 'credentials'],
    [
      'docker-path',
      '`${repository}/`.startsWith(`${pattern.path}/`)',
      'repository.startsWith(pattern.path)',
      'credentials',
    ],
    ['docker-helper', '/^[a-z0-9][a-z0-9_-]{0,63}$/.test(value)', 'true', 'credentials'],
  ]),
  ...of('registry/challenge', 'unit/registry', [
    ['challenge-first', 'if (!current.parameters.has(name))', 'if (true)', 'WWW-Authenticate'],
  ]),
  ...of('registry/transport', 'integration/oci', [
    [
      'encoded-body',
      'if (asStored || encodingOf(answer) === undefined) return answer;',
      'if (true) return answer;',
      'encoded although',
    ],
  ]),
  ...of('registry/transport', 'integration/registry-quirks', [
    [
      'redirect-plain',
      "from.protocol === 'https:' && url.protocol === 'http:'",
      'false',
      'over TLS is not answered without it',
    ],
  ]),
  ...of('registry/transport', 'unit/transport', [['plain-http', 'this.#refusePlainHttp(url, first);', '']]),
  ...of('layout/layout', 'integration/oci-archives', [
    ['layout-collision', 'if (other !== undefined)\n', 'if (false)\n', 'names in an artifact'],
    [
      'layout-path',
      "if (typeof path !== 'string') throw",
      "if (typeof path !== 'string') return text as PathBytes; if (false) throw",
      'names in an artifact',
    ],
  ]),
  ...of('layout/layout', 'integration/oci', [
    [
      'layout-parent',
      "throw new WeighlockError({\n    code: 'UNSAFE_ENTRY',\n    message: 'the ModelKit",
      "void new WeighlockError({\n    code: 'UNSAFE_ENTRY',\n    message: 'the ModelKit",
      'KitOps',
    ],
  ]),
  ...of('layout/layout', 'unit/inherited-names', [
    [
      'inherited-format',
      'return TAR_FORMATS.get(format);',
      'return (Object.fromEntries(TAR_FORMATS) as Record<string, Compression>)[format];',
    ],
    [
      'inherited-media-type',
      'DOCKER_MODEL_NAMES.get(layer.mediaType)',
      '(Object.fromEntries(DOCKER_MODEL_NAMES) as Record<string, string>)[layer.mediaType]',
    ],
  ]),
  ...of('plan/predicate-type', 'unit/inherited-names', [
    ['inherited-predicate', 'Object.hasOwn(PREDICATE_TYPES, text)', 'true'],
  ]),
  ...of('verdict/exit-code', 'unit/report', [
    ['exit-unjudged', "artifacts.every(({ result }) => result === 'PASSED')", 'true', 'exit code'],
    ['exit-nothing', 'artifacts.length > 0 && ', '', 'exit code'],
    ['exit-audit', "if (mode === 'Audit')", 'if (true)', 'exit code'],
    ['exit-ignore', "failurePolicy === 'Ignore' && ", '', 'exit code'],
    ['exit-ignore-tolerates', 'EXIT_CODE_OF[code] === EXIT.notEvaluated && ', '', 'exit code'],
    ['exit-audit-tolerates', 'codes.delete(EXIT.verificationFailed)', 'codes.clear()', 'exit code'],
    [
      'exit-order',
      '  EXIT.verificationFailed,\n  EXIT.notEvaluated,\n];',
      '  EXIT.notEvaluated,\n  EXIT.verificationFailed,\n];',
      'exit code',
    ],
  ]),
  ...of('error/codes', 'unit/report', [
    ['code-changed', 'SOURCE_CHANGED: EXIT.verificationFailed', 'SOURCE_CHANGED: EXIT.notEvaluated', 'exit code'],
    ['code-limit', 'LIMIT_EXCEEDED: EXIT.verificationFailed', 'LIMIT_EXCEEDED: EXIT.notEvaluated', 'exit code'],
    ['code-missing', 'FILE_MISSING: EXIT.verificationFailed', 'FILE_MISSING: EXIT.notEvaluated', 'exit code'],
  ]),
  ...of('verdict/compare', 'integration/verify', [
    ['file-missing', 'if (present.has(name)) continue;', 'continue;', 'names every missing'],
    ['file-differs', 'found !== expected', 'false', 'names every missing'],
  ]),
  ...of('plan/pin', 'unit/plan', [['pin-form', 'SHA256 = /^[a-f0-9]{64}$/', 'SHA256 = /^[a-fA-F0-9]{8,}/', 'a pin']]),
  ...of('plan/policy/apply', 'unit/strictness', [
    ['policy-mode', "modes.length === 0 || modes.includes('Enforce')", 'modes.length === 0'],
    ['policy-mode-default', 'modes.length === 0 || ', ''],
    ['policy-failure', "all.includes('Fail') || ", ''],
    ['policy-failure-default', 'all.length === 0 || ', ''],
  ]),
  ...of('plan/policy/value', 'unit/policy', [
    [
      'policy-unknown-key',
      'if (one === undefined) here.attempt(() => here.#unknown(name, known));',
      'if (one === undefined) continue;',
      'is refused with|what was meant',
    ],
  ]),
  ...of('without-secrets', 'unit/plan', [
    ['redact-query', 'plain.replace(/[?#].*$/s', 'plain.replace(/[#].*$/s', 'secrets'],
  ]),
  ...of('fs/walk', 'integration/bad-input', [
    [
      'walk-link',
      'return allowSymlinks ? resolveBeneath(this.#root, link, onStep) : undefined;',
      'return resolveBeneath(this.#root, link, onStep);',
      'it is a link',
    ],
    ['walk-name', 'if (!isValidUtf8(name)) {', 'if (false) {', 'not UTF-8'],
    ['walk-depth', 'if (parent.depth + 1 > MAX_DEPTH)', 'if (false)', 'too deep'],
  ]),
  ...of('fs/walk-failures', 'integration/bad-input', [
    [
      'walk-lookalikes',
      'else {\n        this.refuse(\n          joinPath',
      'else if (false) {\n        this.refuse(\n          joinPath',
      'normalisation',
    ],
  ]),
  ...of('fs/open', 'integration/changing', [
    ['open-nofollow', 'FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;', 'FILE_FLAGS = O_RDONLY | O_NONBLOCK;'],
  ]),
  ...of('fs/attributes', 'unit/listed-attributes', [
    ['listed-size', 'Number(stat.size) === table.size[index] &&', 'true &&'],
    ['listed-mtime', 'isSameTime(stat.mtimeNs, table.mtime[index], table.mtimeHigh[index]) &&', 'true &&'],
    ['listed-ctime', 'isSameTime(stat.ctimeNs, table.ctime[index], table.ctimeHigh[index])', 'true'],
    ['listed-device', ' && BigInt.asUintN(64, stat.dev) === deviceAt(table, index)', ''],
  ]),
  ...of('watch/server', 'unit/watch-pages', [
    ['watch-ready', 'pages.isReady()', 'true'],
    ['watch-methods', "method !== 'GET' && method !== 'HEAD'", 'false'],
  ]),
] satisfies Mutation[];
