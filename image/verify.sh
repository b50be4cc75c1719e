#!/usr/bin/env bash
# usage: image/verify.sh REPOSITORY VERSION FLAGS OF weighlock verify THAT SAY WHO SIGNED...
# Verifies a release by Weighlock itself: the image with its signature and its provenance, fetched as a stranger would, and
# the files that lie beside it in build/files.
set -euo pipefail
cd "$(dirname "$0")/.."

repository=$1 version=$2
shift 2
. image/program.sh
weighlock() { run "$program" "$@"; }

signer=() plain='[]' attestor=
while [ $# -gt 0 ]; do
  case $1 in
    --plain-http) plain="[\"$2\"]" ;;
    # A key signs without a log in a dry run.
    --key)
      signer+=("$1" "$2" --insecure-ignore-tlog)
      attestor="key: {file: $(realpath "$2")}, ctlog: {insecureIgnoreTlog: true}"
      ;;
    --certificate-identity) signer+=("$1" "$2") && identity=$2 ;;
    --certificate-oidc-issuer)
      signer+=("$1" "$2")
      attestor="keyless: {identities: [{issuer: \"$2\", subject: \"${identity:?--certificate-identity comes first}\"}]}"
      ;;
    *) echo "unknown flag $1" >&2 && exit 64 ;;
  esac
  shift 2
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/policy.yaml" <<POLICY
apiVersion: weighlock.dev/v1alpha1
kind: NodeImagePolicy
metadata: {name: release}
spec:
  mode: Enforce
  timeout: 60s
  attestors:
    - name: release
      cosign: {$attestor}
  registries: {plainHttp: $plain}
  images:
    - name: weighlock
      match: ["$repository"]
      require:
        - signature: {attestors: [release]}
        - attestation:
            type: slsaprovenance1
            attestors: [release]
            conditions: ["predicate.buildDefinition.buildType == 'https://actions.github.io/buildtypes/workflow/v1'"]
POLICY

# The index, as whoever pulls by tag gets it; what it names is what was signed.
skopeo_flags=()
[ "$plain" = '[]' ] || skopeo_flags+=(--tls-verify=false)
skopeo inspect --raw "${skopeo_flags[@]}" "docker://$repository:$version" >"$work/index.json"
digest=sha256:$(sha256sum "$work/index.json" | cut -d ' ' -f 1)
for platform in amd64 arm64; do
  jq -e --arg arch "$platform" '.manifests | any(.platform.architecture == $arch)' "$work/index.json" >/dev/null
done
WEIGHLOCK_POLICY=$work/policy.yaml weighlock image-verifier -name "$repository:$version" -digest "$digest" \
  -stdin-media-type application/vnd.oci.descriptor.v1+json \
  <<<"{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"digest\":\"$digest\",\"size\":$(stat -c %s "$work/index.json")}"
weighlock verify build/files --signature build/files/weighlock.sig "${signer[@]}"
echo "verified $repository@$digest"
