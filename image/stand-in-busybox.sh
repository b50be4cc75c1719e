#!/usr/bin/env bash
# Makes docker.io/library/busybox:1.37, which the examples use where your own server or trainer would be, from Debian's
# busybox-static, for machines that reach no container registry. Needs root and buildah.
set -euo pipefail
container=$(buildah from scratch)
work=$(mktemp -d)
trap 'rm -rf "$work"; buildah rm "$container" >/dev/null 2>&1 || true' EXIT
mkdir -p "$work/bin" "$work/tmp"
cp /bin/busybox "$work/bin/busybox"
"$work/bin/busybox" --list | while read -r applet; do
  [ "$applet" = busybox ] || ln -s busybox "$work/bin/$applet"
done
buildah add --quiet "$container" "$work" / >/dev/null
buildah config --env PATH=/bin --cmd sh "$container"
buildah commit --quiet "$container" docker.io/library/busybox:1.37 >/dev/null
echo "made docker.io/library/busybox:1.37"
