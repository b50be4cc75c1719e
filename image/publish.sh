#!/usr/bin/env bash
# usage: image/publish.sh REPOSITORY VERSION [--key]
# Pushes the images in build/image-amd64 and build/image-arm64 as one index, signs it, and attaches provenance, bills of
# materials and the VEX document. Signs the files in build/files too. With --key: by cosign.key in the working folder,
# without a log, to a registry without TLS (a dry run); otherwise by the identity of the job.
set -euo pipefail
cd "$(dirname "$0")/.."
. image/program.sh

repository=$1 version=$2
signer=(--yes)
push=()
if [ "${3:-}" = --key ]; then
  export COSIGN_PASSWORD=${COSIGN_PASSWORD:-}
  signer+=(--key cosign.key --tlog-upload=false --use-signing-config=false)
  push+=(--tls-verify=false)
fi

# A version that is there is not touched, nor one of which the registry does not say that it is not there.
if found=$(skopeo inspect --raw "${push[@]}" "docker://$repository:$version" 2>&1 >/dev/null); then
  echo "$repository:$version exists, and is never replaced" >&2
  exit 1
elif ! grep -qiE '(manifest|name) unknown|(repository|manifest) .*not (known|found)' <<<"$found"; then
  echo "cannot find out whether $repository:$version exists, so nothing is published: $found" >&2
  exit 1
fi

list=weighlock-release:$version
buildah manifest rm "$list" >/dev/null 2>&1 || true
buildah manifest create "$list" >/dev/null
for arch in amd64 arm64; do
  buildah manifest add --arch "$arch" --os linux "$list" "oci:build/image-$arch" >/dev/null
done
buildah manifest push --all "${push[@]}" --digestfile build/index.digest "$list" "docker://$repository:$version"
subject=$repository@$(cat build/index.digest)

run image/provenance.ts >build/provenance.json
cosign sign "${signer[@]}" --recursive "$subject"
cosign attest "${signer[@]}" --type slsaprovenance1 --predicate build/provenance.json "$subject"
cosign attest "${signer[@]}" --type spdxjson --predicate "$(echo build/files/*.spdx.json)" "$subject"
cosign attest "${signer[@]}" --type cyclonedx --predicate "$(echo build/files/*.cdx.json)" "$subject"
for vex in build/files/*.openvex.json; do
  [ ! -e "$vex" ] || cosign attest "${signer[@]}" --type openvex --predicate "$vex" "$subject"
done

# The files by Weighlock: one signature of all of them.
sign=(run "$program" sign build/files --signature build/files/weighlock.sig)
if [ "${3:-}" = --key ]; then "${sign[@]}" --key cosign.key; else "${sign[@]}"; fi
echo "published $subject"
