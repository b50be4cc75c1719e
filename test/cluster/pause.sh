#!/usr/bin/env bash
# Makes the image of pod sandboxes, from Debian's busybox-static: it waits. Needs root and buildah.
set -euo pipefail
container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null 2>&1 || true' EXIT
buildah add --quiet "$container" /bin/busybox /bin/busybox >/dev/null
buildah config --entrypoint '["/bin/busybox", "sleep", "2147483647"]' "$container"
buildah commit --quiet "$container" localhost/weighlock-stand-in/pause:1 >/dev/null
