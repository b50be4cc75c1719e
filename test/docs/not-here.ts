/**
 * Lines of the pages that no test on one machine can run, and what runs them instead. A line that
 * no page has any more does not belong here.
 */
export const NOT_HERE: readonly (readonly [line: RegExp, instead: string])[] = [
  [/^npm (run demo|test)\b/, 'CI runs both on every change (.github/workflows)'],
  [/^(kubectl (apply|label|get|patch|create)|jq|helm)\b/, 'changes a cluster: test/cluster'],
  [/^kubectl weighlock\b/, 'asks a cluster: test/integration/pods.test.ts'],
  [/^weighlock report\b/, 'asks a cluster: test/unit/evidence-page.test.ts, test/cluster/reporter.test.ts'],
  [/^skopeo copy\b/, 'a tool of others: test/system/image-layout.test.ts'],
  [/^cosign verify-blob-attestation\b/, 'a tool of others: test/system/verified-by-others.test.ts'],
  [/--certificate-oidc-issuer https:\/\//, 'signed by a public service: test/integration/real-signatures.test.ts'],
  [/--ca-roots\b/, 'signed by a vendor: test/integration/vendors.test.ts, signers.test.ts'],
  [/ (identity|issuer|digest)=|^(identity|issuer|digest)=/, 'of a release: image/verify.sh, run by its workflow'],
  [
    /^(cosign verify|gh release|echo "\{|git checkout|npm ci|npm exec|image\/build\.sh|skopeo inspect|diff -r)/,
    'of a release: image/verify.sh, run by its workflow',
  ],
  [/^weighlock verify release\b|^cd release\b/, 'of a release: image/verify.sh, run by its workflow'],
];

/** Why a line is not run here; undefined where it is. */
export function whyNotHere(line: string): string | undefined {
  return NOT_HERE.find(([pattern]) => pattern.test(line))?.[1];
}

/** The lines of a block, with those that go on joined, without comments. */
export function linesOf(block: string): string[] {
  const joined = block.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return joined.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** The commands of a line, each of which may be one that is not run here. */
export function runnable(block: string): string[] {
  return linesOf(block).filter((line) => whyNotHere(line) === undefined);
}
