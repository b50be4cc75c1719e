// fieldfs BACKING MOUNTPOINT [KEY=VALUE ...]: passes a folder through, as slow and as odd as storage is in the field.
//
//   bandwidth=BYTES   for all reads together, each second (400M); without it, no limit
//   cache=SECONDS     how long the kernel keeps entries and attributes (default 0: every look comes here)
//   max_read=BYTES    of each read (default 128K); the kernel reads ahead as much
//   threads=N         requests served at once (default 512)
//   permissions=1     the kernel checks modes and owners as it does on a disk
//
// Prints "mounted" when it is, and a line for each operation that is traced: how many times the rules were set before, then
// the operation. Detaches the mount and ends when its standard input is closed, whatever still hangs in it. The pages of a
// file are dropped whenever it is opened (but for `keep_cache`).
//
// RULES are written to `.fieldfs` in the mounted folder (which lists no such file): all of them at once, in one write; they
// hold, and everything counted starts anew, when write() returns; EINVAL if one is not understood. A line is
//
//   PATTERN WORD ...       PATTERN as of fnmatch(3) on the path below the root (`*` matches `/`; the root itself is `.`).
//                          All the lines that match a path count, a later word overrules an earlier one.
//
// Words that fail an operation: OP=WHAT[@OFFSET][+SKIP][*COUNT]
//   OP     getattr getattr-open (while it is open: fstat) readlink mkdir unlink rmdir symlink rename rename-folder link
//          chmod chown truncate utimens open create read write statfs flush release fsync fsync-folder opendir readdir fallocate
//   WHAT   an errno by name (ESTALE); `hang`: never returns, but a signal ends it (as on NFS); `hang-hard`: ends with the
//          mount only; `ignore`: does nothing and says it did; `none`: overrules an earlier rule
//          (What waits for the page cache has sent nothing that a signal could end, and the page stays locked, also for who
//          opens the file again: `direct_io` where that matters.)
//   @OFFSET  only for reads and writes at or behind this offset (readdir: from this entry on)
//   +SKIP  not the first SKIP of those calls     *COUNT  only COUNT of them: `read=ESTALE*1` is once, then fine
//          (Without direct_io the kernel itself asks again where a read ahead failed: *2 then.)
//   rename is by its source and, where that has no rule, by its target; link by its new name. The kernel takes ENOSYS of
//   fsync, fsync-folder and flush for success, and of open for "has no open". There is no O_TMPFILE (EOPNOTSUPP).
// Words about time: delay=5ms (each operation), delay.OP=200us.
// Words about attributes: [WHEN.]ATTR=VALUE[,VALUE...], one for each look, the last one stays. stat of a path is two
//   looks (the kernel's lookup and the look itself), open of a path one (that lookup), fstat one, with cache=0.
//   ATTR   size ino mtime ctime atime mode uid gid nlink blocks (device numbers are the kernel's)
//   VALUE  N (up to 2^64-1, or negative), SECONDS.NANOS, +N or +-N (than it is), looks, opens, reads: as it is plus the
//          number of looks, of opens (opendirs), of reads (readdirs) so far: `ino=looks` is another inode at each look
//   WHEN   opened (was opened once), open (is open now), read (was read once): `opened.mtime=+1`, `open.size=0`
// Words about content: direct_io (sizes bind no read then), most=N (bytes a read gives at most; with direct_io),
//   shrink=N[@OFFSET] (N bytes long from the first read at or behind OFFSET on, that one too),
//   flip=OFFSET[+SKIP] (the byte there is inverted, but in its first SKIP reads), keep_cache
// Words about folders, for the entry: dtype=N (0: unknown; may lie), listed=N (0: hidden, 2: twice)
// Words about the file system: statfs-blocks=N (all three numbers of blocks), statfs-free=N (free ones)
// And: trace (prints `OP PATH OFFSET SIZE` when a call comes, before it waits or fails).
//
// Reading `.fieldfs` gives `OP CALLS MOST` for each operation: calls since the rules, most of them at once.
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include "rules.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define CONTROL ".fieldfs"
static int root;
static double cache_seconds;
static int64_t bandwidth;
static int64_t max_read = 128 << 10;
static int threads = 512;
static const char *mountpoint;
static atomic_uint calls[OPS], now[OPS], most[OPS];
/** How many times the rules were set: says which of them a line of the trace belongs to. */
static atomic_uint generation;

/** An open file or folder; what the rules say goes by the name under which it was opened. */
struct handle {
  int descriptor;
  bool is_control;
  char *path;
  struct entry {
    char *name;
    ino_t ino;
    int type;
  } *entries;
  size_t count;
};

static struct handle *handle_of(const struct fuse_file_info *info) { return (struct handle *)(uintptr_t)info->fh; }
static const char *below(const char *path) { return path[1] == '\0' ? "." : path + 1; }
static int result(int returned) { return returned < 0 ? -errno : 0; }

static void wait_ns(int64_t ns) {
  struct timespec left = {ns / 1000000000, ns % 1000000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

static int64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/** Takes a place in the one line that all bytes go through. @return nanoseconds until they have come */
static int64_t transmission(int64_t bytes) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static int64_t free_at;
  if (bandwidth == 0) return 0;
  int64_t at = clock_ns();
  pthread_mutex_lock(&lock);
  if (free_at < at) free_at = at;
  free_at += bytes * 1000000000 / bandwidth;
  int64_t wait = free_at - at;
  pthread_mutex_unlock(&lock);
  return wait;
}

static int hang(bool can_be_interrupted) {
  while (!can_be_interrupted || !fuse_interrupted()) {
    // The signal of an interruption may come just before the wait.
    wait_ns(can_be_interrupted ? 20000000 : 1000000000);
  }
  return -EINTR;
}

#define DO_IT 1
/**
 * What every operation does first: is counted and traced, waits, and perhaps fails.
 * @return DO_IT, or what to answer (0: it is ignored); `quirks`, where given, are those of the path
 */
static int enter(enum op op, const char *path, int64_t offset, int64_t size, struct quirks *quirks) {
  struct quirks own;
  if (quirks == NULL) quirks = &own;
  unsigned at_once = atomic_fetch_add(&now[op], 1) + 1;
  atomic_fetch_add(&calls[op], 1);
  for (unsigned seen = most[op]; at_once > seen && !atomic_compare_exchange_weak(&most[op], &seen, at_once);) {}
  pthread_mutex_lock(&rules_lock);
  struct state *state = rules_for(path, quirks);
  struct action action = quirks->actions[op];
  bool hit = rules_hit(quirks, state, op, offset);
  pthread_mutex_unlock(&rules_lock);
  if (quirks->trace) {
    char line[5000];
    int length = snprintf(line, sizeof line, "%u %s %s %lld %lld\n", generation, op_names[op], *path == '\0' ? "." : path,
                          (long long)offset, (long long)size);
    if (write(STDOUT_FILENO, line, (size_t)length) < 0) return -errno;
  }
  if (quirks->delay_ns[op] > 0) wait_ns(quirks->delay_ns[op]);
  int answer = DO_IT;
  if (hit && action.kind == ACT_ERRNO) answer = -action.error;
  if (hit && action.kind == ACT_IGNORE) answer = 0;
  if (hit && (action.kind == ACT_HANG || action.kind == ACT_HANG_HARD)) answer = hang(action.kind == ACT_HANG);
  atomic_fetch_sub(&now[op], 1);
  return answer;
}

static bool is_control(const char *path) { return strcmp(path, "/" CONTROL) == 0; }

static int fs_getattr(const char *path, struct stat *stat, struct fuse_file_info *info) {
  // The kernel does not say whether a look is that of an open file, and the library not which one.
  const char *name = path != NULL ? path + 1 : handle_of(info)->path;
  if (path != NULL && is_control(path)) {
    *stat = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
    return 0;
  }
  struct quirks quirks;
  int answer = enter(OP_GETATTR, name, 0, 0, &quirks);
  if (answer != DO_IT) return answer;
  pthread_mutex_lock(&rules_lock);
  struct state *state = rules_for(name, &quirks);
  bool is_open = state->open_now > 0;
  pthread_mutex_unlock(&rules_lock);
  if (is_open && (answer = enter(OP_GETATTR_OPEN, name, 0, 0, &quirks)) != DO_IT) return answer;
  int done = path == NULL ? fstat(handle_of(info)->descriptor, stat)
                          : fstatat(root, below(path), stat, AT_SYMLINK_NOFOLLOW);
  if (done < 0) return -errno;
  pthread_mutex_lock(&rules_lock);
  rules_stat(&quirks, rules_for(name, &quirks), stat);
  pthread_mutex_unlock(&rules_lock);
  return 0;
}

static int fs_readlink(const char *path, char *target, size_t size) {
  int answer = enter(OP_READLINK, path + 1, 0, 0, NULL);
  if (answer != DO_IT) return answer;
  ssize_t length = readlinkat(root, below(path), target, size - 1);
  if (length < 0) return -errno;
  target[length] = '\0';
  return 0;
}

/** What is made belongs to who asked for it. */
static int owned(const char *path, int returned) {
  if (returned < 0) return -errno;
  const struct fuse_context *context = fuse_get_context();
  if (context->uid == 0 && context->gid == 0) return 0;
  return result(fchownat(root, below(path), context->uid, context->gid, AT_SYMLINK_NOFOLLOW));
}

static int fs_mkdir(const char *path, mode_t mode) {
  int answer = enter(OP_MKDIR, path + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : owned(path, mkdirat(root, below(path), mode));
}

static int fs_unlink(const char *path) {
  int answer = enter(OP_UNLINK, path + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : result(unlinkat(root, below(path), 0));
}

static int fs_rmdir(const char *path) {
  int answer = enter(OP_RMDIR, path + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : result(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int fs_symlink(const char *target, const char *path) {
  int answer = enter(OP_SYMLINK, path + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : owned(path, symlinkat(target, root, below(path)));
}

static int fs_rename(const char *from, const char *to, unsigned flags) {
  struct stat stat;
  if (fstatat(root, below(from), &stat, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  enum op op = S_ISDIR(stat.st_mode) ? OP_RENAME_FOLDER : OP_RENAME;
  struct quirks quirks;
  int answer = enter(op, from + 1, 0, 0, &quirks);
  if (answer == DO_IT && quirks.actions[op].kind == ACT_NONE) answer = enter(op, to + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : result(renameat2(root, below(from), root, below(to), flags));
}

static int fs_link(const char *from, const char *to) {
  int answer = enter(OP_LINK, to + 1, 0, 0, NULL);
  return answer != DO_IT ? answer : result(linkat(root, below(from), root, below(to), 0));
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *info) {
  int answer = enter(OP_CHMOD, path != NULL ? path + 1 : handle_of(info)->path, 0, 0, NULL);
  if (answer != DO_IT) return answer;
  return result(path != NULL ? fchmodat(root, below(path), mode, 0) : fchmod(handle_of(info)->descriptor, mode));
}

static int fs_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *info) {
  int answer = enter(OP_CHOWN, path != NULL ? path + 1 : handle_of(info)->path, 0, 0, NULL);
  if (answer != DO_IT) return answer;
  return result(path != NULL ? fchownat(root, below(path), uid, gid, AT_SYMLINK_NOFOLLOW)
                             : fchown(handle_of(info)->descriptor, uid, gid));
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  if (path != NULL && is_control(path)) return 0;
  int answer = enter(OP_TRUNCATE, path != NULL ? path + 1 : handle_of(info)->path, size, 0, NULL);
  if (answer != DO_IT) return answer;
  if (info != NULL) return result(ftruncate(handle_of(info)->descriptor, size));
  int descriptor = openat(root, below(path), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  int done = result(ftruncate(descriptor, size));
  close(descriptor);
  return done;
}

static int fs_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info) {
  int answer = enter(OP_UTIMENS, path != NULL ? path + 1 : handle_of(info)->path, 0, 0, NULL);
  if (answer != DO_IT) return answer;
  return result(path != NULL ? utimensat(root, below(path), times, AT_SYMLINK_NOFOLLOW)
                             : futimens(handle_of(info)->descriptor, times));
}

static int opened(const char *path, int descriptor, const struct quirks *quirks, struct fuse_file_info *info) {
  if (descriptor < 0) return -errno;
  struct handle *handle = calloc(1, sizeof *handle);
  *handle = (struct handle){.descriptor = descriptor, .path = strdup(path + 1)};
  info->fh = (uintptr_t)handle;
  info->direct_io = quirks->direct_io;
  info->keep_cache = quirks->keep_cache;
  struct quirks ignored;
  pthread_mutex_lock(&rules_lock);
  struct state *state = rules_for(handle->path, &ignored);
  state->opens++;
  state->open_now++;
  pthread_mutex_unlock(&rules_lock);
  return 0;
}

static int fs_open(const char *path, struct fuse_file_info *info) {
  if (is_control(path)) {
    struct handle *handle = calloc(1, sizeof *handle);
    *handle = (struct handle){.descriptor = -1, .is_control = true, .path = strdup(CONTROL)};
    info->fh = (uintptr_t)handle;
    info->direct_io = true;
    return 0;
  }
  struct quirks quirks;
  int answer = enter(OP_OPEN, path + 1, 0, 0, &quirks);
  if (answer != DO_IT) return answer;
  return opened(path, openat(root, below(path), info->flags | O_NOFOLLOW | O_CLOEXEC), &quirks, info);
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  struct quirks quirks;
  int answer = enter(OP_CREATE, path + 1, 0, 0, &quirks);
  if (answer != DO_IT) return answer;
  int descriptor = openat(root, below(path), info->flags | O_NOFOLLOW | O_CLOEXEC, mode);
  int done = owned(path, descriptor);
  if (done < 0 && descriptor >= 0) close(descriptor);
  return done < 0 ? done : opened(path, descriptor, &quirks, info);
}

static int read_control(char *buffer, size_t size, off_t offset) {
  char text[OPS * 64];
  int length = 0;
  for (int op = 0; op < OPS; op++)
    length += snprintf(text + length, sizeof text - (size_t)length, "%s %u %u\n", op_names[op], calls[op], most[op]);
  if (offset >= length) return 0;
  size_t left = (size_t)(length - offset);
  memcpy(buffer, text + offset, left < size ? left : size);
  return (int)(left < size ? left : size);
}

static int fs_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path;
  struct handle *handle = handle_of(info);
  if (handle->is_control) return read_control(buffer, size, offset);
  struct quirks quirks;
  int answer = enter(OP_READ, handle->path, offset, (int64_t)size, &quirks);
  if (answer != DO_IT) return answer;
  if (quirks.most > 0 && size > (size_t)quirks.most) size = (size_t)quirks.most;
  pthread_mutex_lock(&rules_lock);
  struct state *state = rules_for(handle->path, &quirks);
  state->reads++;
  if (quirks.shrink_to >= 0 && offset >= quirks.shrink_from) state->shrunk = true;
  int64_t end = state->shrunk ? quirks.shrink_to : INT64_MAX;
  bool flips = quirks.flip_at >= offset && quirks.flip_at < offset + (off_t)size && state->flips++ >= quirks.flip_skip;
  pthread_mutex_unlock(&rules_lock);
  if (offset >= end) return 0;
  if ((int64_t)size > end - offset) size = (size_t)(end - offset);
  ssize_t length = pread(handle->descriptor, buffer, size, offset);
  if (length < 0) return -errno;
  int64_t wait = transmission(length);
  if (wait > 0) wait_ns(wait);
  if (flips && quirks.flip_at < offset + length) buffer[quirks.flip_at - offset] ^= 0xff;
  return (int)length;
}

static int fs_write(const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path;
  struct handle *handle = handle_of(info);
  if (handle->is_control) {
    char *text = strndup(buffer, size);
    int done = rules_set(text);
    free(text);
    if (done == 0) generation++;
    for (int op = 0; op < OPS; op++) calls[op] = most[op] = 0;
    return done < 0 ? done : (int)size;
  }
  int answer = enter(OP_WRITE, handle->path, offset, (int64_t)size, NULL);
  if (answer != DO_IT) return answer == 0 ? (int)size : answer;
  ssize_t length = pwrite(handle->descriptor, buffer, size, offset);
  return length < 0 ? -errno : (int)length;
}

static int fs_statfs(const char *path, struct statvfs *stat) {
  struct quirks quirks;
  int answer = enter(OP_STATFS, path + 1, 0, 0, &quirks);
  if (answer != DO_IT) return answer;
  if (fstatvfs(root, stat) < 0) return -errno;
  if (quirks.statfs_blocks >= 0)
    stat->f_blocks = stat->f_bfree = stat->f_bavail = (fsblkcnt_t)quirks.statfs_blocks;
  if (quirks.statfs_free >= 0) stat->f_bfree = stat->f_bavail = (fsblkcnt_t)quirks.statfs_free;
  return 0;
}

static int fs_flush(const char *path, struct fuse_file_info *info) {
  (void)path;
  if (handle_of(info)->is_control) return 0;
  int answer = enter(OP_FLUSH, handle_of(info)->path, 0, 0, NULL);
  // As close(2) of a duplicate does it: the file stays open for others.
  return answer != DO_IT ? answer : result(close(dup(handle_of(info)->descriptor)));
}

static void closed(struct handle *handle) {
  struct quirks ignored;
  if (!handle->is_control) {
    pthread_mutex_lock(&rules_lock);
    rules_for(handle->path, &ignored)->open_now--;
    pthread_mutex_unlock(&rules_lock);
    close(handle->descriptor);
  }
  for (size_t i = 0; i < handle->count; i++) free(handle->entries[i].name);
  free(handle->entries);
  free(handle->path);
  free(handle);
}

static int fs_release(const char *path, struct fuse_file_info *info) {
  (void)path;
  if (!handle_of(info)->is_control) enter(OP_RELEASE, handle_of(info)->path, 0, 0, NULL);
  closed(handle_of(info));
  return 0;
}

static int fs_fsync(const char *path, int only_data, struct fuse_file_info *info) {
  (void)path;
  if (handle_of(info)->is_control) return 0;
  int answer = enter(OP_FSYNC, handle_of(info)->path, 0, 0, NULL);
  if (answer != DO_IT) return answer;
  return result(only_data ? fdatasync(handle_of(info)->descriptor) : fsync(handle_of(info)->descriptor));
}

static int fs_fsyncdir(const char *path, int only_data, struct fuse_file_info *info) {
  (void)path, (void)only_data;
  int answer = enter(OP_FSYNC_FOLDER, handle_of(info)->path, 0, 0, NULL);
  return answer != DO_IT ? answer : result(fsync(handle_of(info)->descriptor));
}

static int fs_opendir(const char *path, struct fuse_file_info *info) {
  struct quirks quirks;
  int answer = enter(OP_OPENDIR, path + 1, 0, 0, &quirks);
  if (answer != DO_IT) return answer;
  answer = opened(path, openat(root, below(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), &quirks, info);
  info->direct_io = false;
  return answer;
}

/** Lists the folder into the handle. */
static int list(struct handle *handle) {
  for (size_t i = 0; i < handle->count; i++) free(handle->entries[i].name);
  handle->count = 0;
  DIR *folder = fdopendir(openat(handle->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder == NULL) return -errno;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char path[PATH_MAX];
    struct quirks quirks;
    snprintf(path, sizeof path, "%s%s%s", handle->path, *handle->path == '\0' ? "" : "/", entry->d_name);
    pthread_mutex_lock(&rules_lock);
    rules_for(path, &quirks);
    pthread_mutex_unlock(&rules_lock);
    int type = quirks.dtype >= 0 ? quirks.dtype : entry->d_type;
    for (int times = 0; times < quirks.listed; times++) {
      handle->entries = realloc(handle->entries, (handle->count + 1) * sizeof *handle->entries);
      handle->entries[handle->count++] = (struct entry){strdup(entry->d_name), entry->d_ino, type};
    }
  }
  closedir(folder);
  return 0;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
  (void)path, (void)flags;
  struct handle *handle = handle_of(info);
  struct quirks quirks;
  int answer = enter(OP_READDIR, handle->path, offset, 0, &quirks);
  if (answer != DO_IT) return answer;
  if (offset == 0 && (answer = list(handle)) < 0) return answer;
  pthread_mutex_lock(&rules_lock);
  rules_for(handle->path, &quirks)->reads += offset == 0;
  pthread_mutex_unlock(&rules_lock);
  int64_t stop = quirks.actions[OP_READDIR].from_offset;
  for (size_t i = (size_t)offset; i < handle->count; i++) {
    // The call that begins there is the one that fails.
    if (stop > offset && (int64_t)i == stop) return 0;
    const struct entry *entry = &handle->entries[i];
    struct stat stat = {.st_mode = (mode_t)entry->type << 12, .st_ino = entry->ino};
    if (fill(buffer, entry->name, &stat, (off_t)i + 1, 0) != 0) return 0;
  }
  return 0;
}

static int fs_releasedir(const char *path, struct fuse_file_info *info) {
  (void)path;
  closed(handle_of(info));
  return 0;
}

static int fs_fallocate(const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *info) {
  (void)path;
  int answer = enter(OP_FALLOCATE, handle_of(info)->path, offset, length, NULL);
  return answer != DO_IT ? answer : result(fallocate(handle_of(info)->descriptor, mode, offset, length));
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  connection->max_read = (unsigned)max_read;
  connection->max_background = 1024;
  connection->congestion_threshold = 1024;
  // Attributes would come along with names, and types always.
  connection->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
  config->use_ino = 1;
  config->nullpath_ok = 1;
  config->hard_remove = 1;
  config->intr = 1;
  config->intr_signal = SIGUSR1;
  config->attr_timeout = config->entry_timeout = cache_seconds;
  puts("mounted");
  fflush(stdout);
  return NULL;
}

static const struct fuse_operations operations = {
  .init = fs_init, .getattr = fs_getattr, .readlink = fs_readlink, .mkdir = fs_mkdir, .unlink = fs_unlink,
  .rmdir = fs_rmdir, .symlink = fs_symlink, .rename = fs_rename, .link = fs_link, .chmod = fs_chmod, .chown = fs_chown,
  .truncate = fs_truncate, .utimens = fs_utimens, .open = fs_open, .create = fs_create, .read = fs_read,
  .write = fs_write, .statfs = fs_statfs, .flush = fs_flush, .release = fs_release, .fsync = fs_fsync,
  .fsyncdir = fs_fsyncdir, .opendir = fs_opendir, .readdir = fs_readdir, .releasedir = fs_releasedir,
  .fallocate = fs_fallocate,
};

/** Whoever started this may end in any way: its end of the pipe is closed then. */
static void *until_input_ends(void *ignored) {
  char buffer[256];
  while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) {}
  umount2(mountpoint, MNT_DETACH);
  _exit(0);
  return ignored;
}

/** The signal only has to end a wait: the library sends it for an interrupted request, and installs nothing so late. */
static void woken(int signal) { (void)signal; }

static bool option(const char *word, const char *key, int64_t *value) {
  size_t length = strlen(key);
  if (strncmp(word, key, length) != 0 || word[length] != '=') return false;
  char *end;
  *value = strtoll(word + length + 1, &end, 10);
  if (*end == 'K') *value <<= 10;
  if (*end == 'M') *value <<= 20;
  return true;
}

int main(int count, char **words) {
  if (count < 3) return fprintf(stderr, "fieldfs BACKING MOUNTPOINT [KEY=VALUE ...]\n"), 2;
  int64_t wanted_threads = threads, seconds = 0, permissions = 0;
  for (int i = 3; i < count; i++) {
    if (option(words[i], "bandwidth", &bandwidth) || option(words[i], "max_read", &max_read) ||
        option(words[i], "threads", &wanted_threads) || option(words[i], "cache", &seconds) ||
        option(words[i], "permissions", &permissions))
      continue;
    return fprintf(stderr, "fieldfs: what is \"%s\"?\n", words[i]), 2;
  }
  cache_seconds = (double)seconds;
  // The library takes a buffer for each read, and gives it back: new pages for each were a third of what this took of the
  // processors, which whoever is measured needs, too.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mountpoint = words[2];
  umask(0);
  sigaction(SIGUSR1, &(struct sigaction){.sa_handler = woken}, NULL);
  // What ends a whole group of processes would leave a dead mount behind: the closed input says when to go.
  for (int i = 0; i < 3; i++) signal((int[]){SIGTERM, SIGINT, SIGHUP}[i], SIG_IGN);
  root = open(words[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  int readable = root < 0 ? -1 : openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0) return perror(words[1]), 1;
  root = readable;
  char options[256];
  snprintf(options, sizeof options, "allow_other,fsname=fieldfs,subtype=fieldfs,max_read=%lld%s", (long long)max_read,
           permissions ? ",default_permissions" : "");
  char *arguments[] = {words[0], "-o", options, NULL};
  struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
  struct fuse *fuse = fuse_new(&args, &operations, sizeof operations, NULL);
  if (fuse == NULL || fuse_mount(fuse, mountpoint) != 0) return 1;
  pthread_t watcher;
  pthread_create(&watcher, NULL, until_input_ends, NULL);
  struct fuse_loop_config *config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, 0);
  fuse_loop_cfg_set_max_threads(config, (unsigned)wanted_threads);
  fuse_loop_cfg_set_idle_threads(config, (unsigned)wanted_threads);
  int done = fuse_loop_mt(fuse, config);
  // Unmounted by somebody else.
  _exit(done == 0 ? 0 : 1);
}
