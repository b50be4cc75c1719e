#!/usr/bin/env bash
# Prints the files of this machine's own apt configuration that have its release of Debian, a line each: where mmdebstrap
# takes packages from. With --suite, prints the release's name.
set -euo pipefail
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
if [ "${1-}" = --suite ]; then
  echo "$suite"
  exit
fi
shopt -s nullglob
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if grep -qE "^(Suites:|deb ).*[[:space:]]$suite([[:space:]]|$)" "$file" 2>/dev/null; then echo "$file"; found=yes; fi
done
[ "${found-}" = yes ] || { echo "apt has no source for $suite: see /etc/apt" >&2; exit 1; }
