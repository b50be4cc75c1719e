// The rules of fieldfs: which quirks a path has. See the top of fieldfs.c for the language.
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum op {
  OP_GETATTR, OP_GETATTR_OPEN, OP_READLINK, OP_MKDIR, OP_UNLINK, OP_RMDIR, OP_SYMLINK, OP_RENAME, OP_RENAME_FOLDER,
  OP_LINK, OP_CHMOD, OP_CHOWN, OP_TRUNCATE, OP_UTIMENS, OP_OPEN, OP_CREATE, OP_READ, OP_WRITE, OP_STATFS, OP_FLUSH,
  OP_RELEASE, OP_FSYNC, OP_FSYNC_FOLDER, OP_OPENDIR, OP_READDIR, OP_FALLOCATE, OPS
};
extern const char *const op_names[OPS];

/** What one operation does instead of its work, and for which of its calls. */
struct action {
  enum { ACT_NONE, ACT_ERRNO, ACT_HANG, ACT_HANG_HARD, ACT_IGNORE } kind;
  int error;
  int64_t from_offset;
  unsigned skip;
  unsigned count;
};

enum attr {
  ATTR_SIZE, ATTR_INO, ATTR_MTIME, ATTR_CTIME, ATTR_ATIME, ATTR_MODE, ATTR_UID, ATTR_GID, ATTR_NLINK, ATTR_BLOCKS, ATTRS
};

/** When the value of an attribute applies. The last one that does wins. */
enum when { ALWAYS, ONCE_OPENED, WHILE_OPEN, ONCE_READ, WHENS };

struct value {
  enum { VALUE_ABSOLUTE, VALUE_RELATIVE, VALUE_LOOKS, VALUE_OPENS, VALUE_READS } kind;
  __int128 number;
  long nanoseconds;
};

#define MOST_VALUES 8
struct values {
  int count;
  struct value list[MOST_VALUES];
};

/** All the rules that match one path, put together. */
struct quirks {
  struct action actions[OPS];
  int64_t delay_ns[OPS];
  struct values attrs[WHENS][ATTRS];
  bool direct_io, trace, keep_cache;
  int dtype;           // -1: as it is
  int listed;          // how many times a folder lists it
  int64_t most;        // bytes a read gives at most, 0: no limit
  int64_t shrink_to;   // -1: does not shrink
  int64_t shrink_from;
  int64_t flip_at;     // -1: no byte is flipped
  unsigned flip_skip;
  int64_t statfs_blocks; // -1: as it is
  int64_t statfs_free;
};

/** What has happened to one path since the rules were set. */
struct state {
  struct state *next;
  char *path;
  unsigned looks[ATTRS], opens, open_now, reads, flips, seen[OPS];
  bool shrunk;
};

/** Guards every state and the rules. */
extern pthread_mutex_t rules_lock;

/** Replaces all rules and forgets what happened. @return 0, or -EINVAL with a message on stderr */
int rules_set(const char *text);

/** The quirks of a path ("" for the root, no leading slash) and its state; `rules_lock` is held. */
struct state *rules_for(const char *path, struct quirks *quirks);

/** Is this call of the operation one that the action is for? Counts it. `rules_lock` is held. */
bool rules_hit(const struct quirks *quirks, struct state *state, enum op op, int64_t offset);

/** What getattr says, after the quirks. `rules_lock` is held. */
void rules_stat(const struct quirks *quirks, struct state *state, struct stat *stat);
