// The bill of materials of the executable, as SPDX 2.3 and CycloneDX: the npm packages that are
// bundled, and Node itself with the libraries that are linked into it. The base image's packages
// are listed in the base image.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

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
  const wanted = ofProgram();
  const isLeft = ({ name, versionInfo, SPDXID }: Record<string, unknown>) =>
    wanted.has(`${name}@${versionInfo}`) || SPDXID === document.relationships[0]?.['relatedSpdxElement'];
  document.packages = document.packages.filter(isLeft);
  const ids = new Set<unknown>(['SPDXRef-DOCUMENT', ...document.packages.map((one) => one['SPDXID'])]);
  document.relationships = document.relationships.filter(
    ({ spdxElementId, relatedSpdxElement }) => ids.has(spdxElementId) && ids.has(relatedSpdxElement),
  );
  // The same source gives the same document: the time is that of the source, the namespace its
  // revision.
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
  dependencies: { ref: string; dependsOn: string[] }[];
  [key: string]: unknown;
}

/** The same as CycloneDX. */
export function cycloneDx(): CycloneDx {
  const document = ofNpm<CycloneDx>('cyclonedx');
  const wanted = ofProgram();
  document.components = document.components.filter(({ name, version }) => wanted.has(`${name}@${version}`));
  const refs = new Set<unknown>(document.components.map((one) => one['bom-ref']));
  const root = (document.metadata['component'] as Record<string, unknown>)['bom-ref'];
  document.dependencies = document.dependencies
    .filter(({ ref }) => ref === root || refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }));
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
  const args = ['sbom', '--package-lock-only', `--sbom-format=${format}`, '--sbom-type=application'];
  return JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 64 << 20 })) as T;
}

/**
 * `name@version` of what the program may consist of, as package-lock.json says. npm's own
 * `--omit=dev` also leaves out what a package for development needs as well.
 */
function ofProgram(): Set<string> {
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, { version?: string; dev?: boolean; devOptional?: boolean }>;
  };
  const wanted = new Set<string>();
  for (const [path, { version, dev, devOptional }] of Object.entries(lock.packages))
    if (path !== '' && dev !== true && devOptional !== true)
      wanted.add(`${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`);
  return wanted;
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
