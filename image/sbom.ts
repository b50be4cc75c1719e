// The bill of materials of the executable, as SPDX 2.3: the npm packages that are bundled, and Node itself with the
// libraries that are linked into it. The base image's packages are listed in the base image.
import { execFileSync } from 'node:child_process';

interface Spdx {
  creationInfo: Record<string, unknown>;
  packages: Record<string, unknown>[];
  relationships: Record<string, string>[];
  [key: string]: unknown;
}

/** npm's own SBOM of what package-lock.json puts into the bundle, with Node added. */
export function sbom(): Spdx {
  const args = ['sbom', '--package-lock-only', '--omit=dev', '--sbom-format=spdx', '--sbom-type=application'];
  const document = JSON.parse(execFileSync('npm', args, { encoding: 'utf8' })) as Spdx;
  // The same source gives the same document: the time is that of the source, the namespace its revision.
  const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  document.creationInfo['created'] = `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`;
  document['documentNamespace'] = `https://weighlock.dev/spdx/${String(document['name'])}`;
  const linked = ['v8', 'uv', 'openssl', 'zlib', 'zstd', 'brotli', 'ada', 'simdutf', 'simdjson', 'icu'];
  const root = String(document.relationships[0]?.['relatedSpdxElement'] ?? 'SPDXRef-DOCUMENT');
  addPackage(document, root, 'node', process.versions.node, 'MIT');
  for (const name of linked) {
    const version = process.versions[name];
    if (version !== undefined) addPackage(document, 'SPDXRef-Runtime-node', name, version, 'NOASSERTION');
  }
  return document;
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
