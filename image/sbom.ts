// The bill of materials of the executable, as SPDX 2.3 and CycloneDX: the npm packages that are bundled, and Node itself with the
// libraries that are linked into it. The base image's packages are listed in the base image.
import { execFileSync } from 'node:child_process';

interface Spdx {
  creationInfo: Record<string, unknown>;
  packages: Record<string, unknown>[];
  relationships: Record<string, string>[];
  [key: string]: unknown;
}

/** Libraries that are linked into Node. */
const LINKED = ['v8', 'uv', 'openssl', 'zlib', 'zstd', 'brotli', 'ada', 'simdutf', 'simdjson', 'icu'];

/** npm's own SBOM of what package-lock.json puts into the bundle, with Node added. */
export function sbom(): Spdx {
  const document = ofNpm<Spdx>('spdx');
  // The same source gives the same document: the time is that of the source, the namespace its revision.
  document.creationInfo['created'] = time();
  document['documentNamespace'] = `https://weighlock.dev/spdx/${String(document['name'])}`;
  const root = String(document.relationships[0]?.['relatedSpdxElement'] ?? 'SPDXRef-DOCUMENT');
  addPackage(document, root, 'node', process.versions.node, 'MIT');
  for (const name of LINKED) {
    const version = process.versions[name];
    if (version !== undefined) addPackage(document, 'SPDXRef-Runtime-node', name, version, 'NOASSERTION');
  }
  return document;
}

interface CycloneDx {
  serialNumber?: string;
  metadata: Record<string, unknown>;
  components: Record<string, unknown>[];
  [key: string]: unknown;
}

/** The same as CycloneDX. */
export function cycloneDx(): CycloneDx {
  const document = ofNpm<CycloneDx>('cyclonedx');
  // A random number in every document would make every build another one.
  delete document.serialNumber;
  document.metadata['timestamp'] = time();
  const runtime = [['node', process.versions.node], ...LINKED.map((name) => [name, process.versions[name]])];
  for (const [name = '', version] of runtime)
    if (version !== undefined)
      document.components.push({
        type: 'library',
        name,
        version,
        'bom-ref': `pkg:generic/${name}@${version}`,
        purl: `pkg:generic/${name}@${version}`,
      });
  return document;
}

function ofNpm<T>(format: 'spdx' | 'cyclonedx'): T {
  const args = ['sbom', '--package-lock-only', '--omit=dev', `--sbom-format=${format}`, '--sbom-type=application'];
  return JSON.parse(execFileSync('npm', args, { encoding: 'utf8' })) as T;
}

/** The source's, in seconds since the epoch: RFC 3339. */
function time(): string {
  const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  return `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`;
}

function addPackage(document: Spdx, user: string, name: string, version: string, license: string): void {
  const id = `SPDXRef-Runtime-${name}`;
  document.packages.push({
    name,
    SPDXID: id,
    versionInfo: version,
    downloadLocation: name === 'node' ? `https://nodejs.org/dist/v${version}/` : 'NOASSERTION',
    filesAnalyzed: false,
    licenseDeclared: license,
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: `pkg:generic/${name}@${version}`,
      },
    ],
  });
  document.relationships.push({ spdxElementId: user, relationshipType: 'CONTAINS', relatedSpdxElement: id });
}
