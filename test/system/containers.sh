# Sourced: settings under which podman and buildah run on a machine that is itself a container (no systemd, no right to
# raise limits, perhaps cgroups v1), with a store of their own that disturbs nobody else's images.
export CONTAINERS_FOLDER=${CONTAINERS_FOLDER:-/var/tmp/weighlock-containers}
mkdir -p "$CONTAINERS_FOLDER"
limit=$(ulimit -Hn)
[ "$limit" = unlimited ] || [ "$limit" -gt 16384 ] && limit=16384
cat >"$CONTAINERS_FOLDER/containers.conf" <<CONF
[containers]
# Soft and hard alike, and no more than this machine allows: podman's own defaults need CAP_SYS_RESOURCE.
default_ulimits = ["nofile=$limit:$limit", "nproc=4096:4096"]
[engine]
runtime = "runc"
events_logger = "file"
cgroup_manager = "cgroupfs"
CONF
storage() {
  cat >"$CONTAINERS_FOLDER/storage.conf" <<CONF
[storage]
driver = "$1"
graphroot = "$CONTAINERS_FOLDER/storage-$1"
runroot = "$CONTAINERS_FOLDER/run-$1"
CONF
}
export CONTAINERS_CONF=$CONTAINERS_FOLDER/containers.conf
export CONTAINERS_STORAGE_CONF=$CONTAINERS_FOLDER/storage.conf
export BUILDAH_ISOLATION=chroot
storage overlay
podman info >/dev/null 2>&1 || storage vfs
