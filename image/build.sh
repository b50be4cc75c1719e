#!/usr/bin/env bash
# Builds the image with buildah, packs it into build/image (an OCI layout, `skopeo copy oci:build/image docker://...`), and prints
# its size. Arguments are passed on to `buildah build`; with --stand-in as the
# first one, the base images are those of image/stand-in-bases.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' package.json | head -n 1)
tag=ghcr.io/weighlock/weighlock:$version
arguments=()
if [ "${1:-}" = --stand-in ]; then
  shift
  arguments+=(--build-arg BUILD_IMAGE=localhost/weighlock-stand-in/build --build-arg BASE_IMAGE=localhost/weighlock-stand-in/base)
  # The stand-ins are only here, and the build needs the machine's network for npm and nothing from a runtime.
  arguments+=(--pull-never --isolation chroot --network host)
fi
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# The same commit gives the same bytes: every time stamp is the commit's.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
buildah build --quiet --format oci --timestamp "$epoch" --build-arg VERSION="$version" --build-arg REVISION="$revision" \
  "${arguments[@]}" "$@" --tag "$tag" . >/dev/null

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
buildah push --quiet --compression-format gzip --compression-level 9 "$tag" "oci:$work/gzip" >/dev/null
echo "$tag"
npm exec --offline -- node image/pack.ts "$work/gzip" build/image
echo "compressed  $(du -sb "$work/gzip/blobs" | cut -f1) bytes (gzip)"
