#!/usr/bin/env bash
# Makes stand-ins for the two base images of the Dockerfile from Debian's packages, for machines that reach a Debian
# mirror and npm but no container registry:
#   localhost/weighlock-stand-in/build  for node:26-bookworm-slim (Node and npm come from their npm packages)
#   localhost/weighlock-stand-in/base   for distroless/cc-debian12
# Needs root, buildah and mmdebstrap, and an `npm ci` done before.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

suite=$(image/apt-sources.sh --suite)
found=$(image/apt-sources.sh)
mapfile -t sources <<<"$found"

packages() { # packages NAME,... : a root file system of these packages and what they depend on, nothing configured
  mmdebstrap --quiet --mode=root --variant=extract --include="$1" "$suite" "$2" "${sources[@]}"
}

commit() { # commit TAR IMAGE [buildah config arguments] : an image of one layer
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$1" / >/dev/null
  [ $# -lt 3 ] || buildah config "${@:3}" "$container"
  buildah commit --quiet --rm "$container" "$2" >/dev/null
  echo "made $2"
}

packages base-files,libc6,libgcc-s1,libstdc++6,netbase,tzdata "$work/base.tar"
mkdir -p "$work/base/etc" "$work/base/home/nonroot"
printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$work/base/etc/passwd"
printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$work/base/etc/group"
chown 65532:65532 "$work/base/home/nonroot"
tar -C "$work/base" --append -f "$work/base.tar" ./etc/passwd ./etc/group ./home/nonroot
commit "$work/base.tar" localhost/weighlock-stand-in/base

packages base-files,bash,binutils,coreutils,dash,gcc,libatomic1,libc-bin,libstdc++6,linux-libc-dev "$work/build.tar"
mkdir -p "$work/build/usr/local/bin" "$work/build/usr/local/lib/node_modules" "$work/build/etc/ssl/certs"
cp node_modules/node/bin/node "$work/build/usr/local/bin/node"
(cd "$work" && npm pack --silent npm@11.19.1 >/dev/null && tar -xzf npm-11*.tgz)
mv "$work/package" "$work/build/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/build/usr/local/bin/npm"
# The machine's own certificates, so that npm reaches whatever registry it reaches outside.
cp -L /etc/ssl/certs/ca-certificates.crt "$work/build/etc/ssl/certs/"
tar -C "$work/build" --append -f "$work/build.tar" ./usr/local ./etc/ssl
commit "$work/build.tar" localhost/weighlock-stand-in/build --env PATH=/usr/local/bin:/usr/bin:/bin \
  --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
