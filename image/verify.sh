#!/usr/bin/env bash
# usage: image/verify.sh REPOSITORY VERSION FLAGS OF weighlock verify THAT SAY WHO SIGNED...
# Verifies a release by Weighlock itself: the image with its signature and its provenance, fetched as a stranger would, and
# the files that lie beside it in build/files.
set -euo pipefail
cd "$(dirname "$0")/.."

repository=$1 version=$2
shift 2
weighlock() { npm exec --offline -- node src/main.ts "$@"; }

remote=() signer=()
while [ $# -gt 0 ]; do
  case $1 in
    --plain-http) remote+=("$1" "$2") && shift 2 ;;
    # A key signs without a log in a dry run.
    --key) signer+=("$1" "$2" --insecure-ignore-tlog) && shift 2 ;;
    *) signer+=("$1") && shift ;;
  esac
done
digest=$(weighlock digest "oci://$repository:$version" "${remote[@]}" --platform linux/amd64 | tail -n 1)
digest=sha256:${digest#sha256:}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for platform in linux/amd64 linux/arm64; do
  weighlock verify "oci://$repository@$digest" "$work/$platform" --platform "$platform" "${remote[@]}" "${signer[@]}"
done
weighlock verify "oci://$repository@$digest" "$work/provenance" --platform linux/amd64 "${remote[@]}" "${signer[@]}" \
  --type slsaprovenance1 --condition "predicate.buildDefinition.buildType == 'https://actions.github.io/buildtypes/workflow/v1'"
weighlock verify build/files --signature build/files/weighlock.sig "${signer[@]}"
echo "verified $repository@$digest"
