#!/usr/bin/env bash
# Waits until whoever started it is gone, however that came about, and ends what it left: processes that were started with a
# path in FOLDER, containers whose root is in it, mounts, and the folder itself. It holds the other end of a pipe on standard
# input, so that nobody has to ask whether a process is still alive.
#   clean-up.sh FOLDER
set -u
folder=${1:?}
[ "${#folder}" -gt 8 ] && [ -d "$folder" ] || exit 1
cat >/dev/null

# Patterns go through a pipe, or grep would find itself.
left() {
  grep -slaF -f - /proc/[0-9]*/cmdline <<<"$folder" | xargs -r grep -LaF clean-up.sh 2>/dev/null
  # The line of what is mounted at its root: an overlay names its folders.
  grep -slE -f - /proc/[0-9]*/mountinfo <<<"^[0-9]+ [0-9]+ [^ ]+ [^ ]+ / .*${folder//./\\.}/"
}

# A shim that is killed first starts nothing anew; what it started has a root in the folder.
for _ in 1 2 3 4 5; do
  mapfile -t found < <(left | cut -d / -f 3 | sort -u)
  [ ${#found[@]} -gt 0 ] || break
  kill -KILL "${found[@]}" 2>/dev/null
  sleep 0.2
done
[ -z "${WEIGHLOCK_KEEP_CLUSTER:-}" ] || exit 0
awk -v folder="$folder/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r at; do
  umount -l "$at" 2>/dev/null
done
rm -rf --one-file-system "$folder"
