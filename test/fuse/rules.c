#define _GNU_SOURCE
#include "rules.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const op_names[OPS] = {
  "getattr", "getattr-open", "readlink", "mkdir", "unlink", "rmdir", "symlink", "rename", "rename-folder",
  "link", "chmod", "chown", "truncate", "utimens", "open", "create", "read", "write", "statfs", "flush",
  "release", "fsync", "fsync-folder", "opendir", "readdir", "fallocate",
};
static const char *const attr_names[ATTRS] = {
  "size", "ino", "mtime", "ctime", "atime", "mode", "uid", "gid", "nlink", "blocks",
};
static const char *const when_names[WHENS] = {"", "opened.", "open.", "read."};

#define MOST_RULES 256
struct rule {
  char *pattern;
  char *words;
};
static struct rule rules[MOST_RULES];
static int rule_count;
#define BUCKETS 4096
static struct state *states[BUCKETS];
pthread_mutex_t rules_lock = PTHREAD_MUTEX_INITIALIZER;

static int find(const char *const names[], int count, const char *name, size_t length) {
  for (int i = 0; i < count; i++)
    if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) return i;
  return -1;
}

static int errno_named(const char *name, size_t length) {
  for (int error = 1; error < 134; error++) {
    const char *known = strerrorname_np(error);
    if (known != NULL && strlen(known) == length && strncmp(known, name, length) == 0) return error;
  }
  return 0;
}

/** A number of bytes: 65536, 64K, 40M, 1G. */
static bool parse_bytes(const char *text, char **end, int64_t *bytes) {
  *bytes = strtoll(text, end, 0);
  if (*end == text) return false;
  if (**end == 'K') *bytes <<= 10, ++*end;
  else if (**end == 'M') *bytes <<= 20, ++*end;
  else if (**end == 'G') *bytes <<= 30, ++*end;
  return true;
}

/** A time: 5ms, 200us, 1s. */
static bool parse_delay(const char *text, int64_t *ns) {
  char *end;
  double number = strtod(text, &end);
  double unit = strcmp(end, "us") == 0 ? 1e3 : strcmp(end, "ms") == 0 ? 1e6 : strcmp(end, "s") == 0 ? 1e9 : -1;
  *ns = (int64_t)(number * unit);
  return end != text && unit > 0;
}

/** WHAT[@OFFSET][+SKIP][*COUNT] */
static bool parse_action(const char *text, struct action *action) {
  size_t length = strcspn(text, "@+*");
  *action = (struct action){.kind = ACT_ERRNO};
  if (length == 4 && strncmp(text, "hang", 4) == 0) action->kind = ACT_HANG;
  else if (length == 9 && strncmp(text, "hang-hard", 9) == 0) action->kind = ACT_HANG_HARD;
  else if (length == 6 && strncmp(text, "ignore", 6) == 0) action->kind = ACT_IGNORE;
  else if (length == 4 && strncmp(text, "none", 4) == 0) action->kind = ACT_NONE;
  else if ((action->error = errno_named(text, length)) == 0) return false;
  char *at = (char *)text + length;
  while (*at != '\0') {
    char sign = *at++;
    int64_t number;
    if (!parse_bytes(at, &at, &number) || number < 0) return false;
    if (sign == '@') action->from_offset = number;
    else if (sign == '+') action->skip = (unsigned)number;
    else if (sign == '*') action->count = (unsigned)number;
    else return false;
  }
  return true;
}

/** Comma-separated values for one look after the other; the last one stays. */
static bool parse_values(const char *text, bool is_octal, struct values *values) {
  values->count = 0;
  for (;;) {
    if (values->count == MOST_VALUES) return false;
    struct value *value = &values->list[values->count++];
    *value = (struct value){.kind = *text == '+' || strncmp(text, "--", 2) == 0 ? VALUE_RELATIVE : VALUE_ABSOLUTE};
    size_t length = strcspn(text, ",");
    if (length == 5 && strncmp(text, "looks", 5) == 0) value->kind = VALUE_LOOKS;
    else if (length == 5 && strncmp(text, "opens", 5) == 0) value->kind = VALUE_OPENS;
    else if (length == 5 && strncmp(text, "reads", 5) == 0) value->kind = VALUE_READS;
    else {
      const char *at = text + (value->kind == VALUE_RELATIVE);
      char *end;
      bool is_negative = *at == '-';
      at += is_negative;
      unsigned long long number = strtoull(at, &end, is_octal ? 8 : 0);
      if (end == at) return false;
      value->number = is_negative ? -(__int128)number : (__int128)number;
      if (*end == '.') value->nanoseconds = strtol(end + 1, &end, 10);
      if (*end != ',' && *end != '\0') return false;
    }
    if (text[length] == '\0') return true;
    text += length + 1;
  }
}

/** Adds one word of a rule. */
static bool parse_word(const char *word, struct quirks *to) {
  char *end;
  const char *equals = strchr(word, '=');
  if (equals == NULL) {
    if (strcmp(word, "direct_io") == 0) to->direct_io = true;
    else if (strcmp(word, "keep_cache") == 0) to->keep_cache = true;
    else if (strcmp(word, "trace") == 0) to->trace = true;
    else return false;
    return true;
  }
  size_t length = (size_t)(equals - word);
  const char *value = equals + 1;
  int op = find(op_names, OPS, word, length);
  if (op >= 0) return parse_action(value, &to->actions[op]);
  if (strncmp(word, "delay", 5) == 0 && (length == 5 || word[5] == '.')) {
    int64_t ns;
    if (!parse_delay(value, &ns)) return false;
    int only = length == 5 ? -1 : find(op_names, OPS, word + 6, length - 6);
    if (length > 5 && only < 0) return false;
    // "In each operation" means each that a program waits for: a release is waited for by nobody.
    for (int i = 0; i < OPS; i++)
      if (only == i || (only < 0 && i != OP_RELEASE && i != OP_GETATTR_OPEN)) to->delay_ns[i] = ns;
    return true;
  }
  for (int when = WHENS - 1; when >= 0; when--) {
    size_t prefix = strlen(when_names[when]);
    if (strncmp(word, when_names[when], prefix) != 0) continue;
    int attr = find(attr_names, ATTRS, word + prefix, length - prefix);
    if (attr >= 0) return parse_values(value, attr == ATTR_MODE, &to->attrs[when][attr]);
  }
  if (strncmp(word, "dtype=", 6) == 0) return to->dtype = atoi(value), true;
  if (strncmp(word, "listed=", 7) == 0) return to->listed = atoi(value), true;
  if (strncmp(word, "most=", 5) == 0) return parse_bytes(value, &end, &to->most) && *end == '\0';
  if (strncmp(word, "statfs-blocks=", 14) == 0) return parse_bytes(value, &end, &to->statfs_blocks) && *end == '\0';
  if (strncmp(word, "statfs-free=", 12) == 0) return parse_bytes(value, &end, &to->statfs_free) && *end == '\0';
  if (strncmp(word, "shrink=", 7) == 0) {
    if (!parse_bytes(value, &end, &to->shrink_to)) return false;
    return *end == '\0' || (*end == '@' && parse_bytes(end + 1, &end, &to->shrink_from) && *end == '\0');
  }
  if (strncmp(word, "flip=", 5) == 0) {
    int64_t skip = 0;
    if (!parse_bytes(value, &end, &to->flip_at)) return false;
    if (*end == '+' && !parse_bytes(end + 1, &end, &skip)) return false;
    return to->flip_skip = (unsigned)skip, *end == '\0';
  }
  return false;
}

static bool parse_words(const char *words, struct quirks *to) {
  char copy[4096], *rest;
  snprintf(copy, sizeof copy, "%s", words);
  for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
    if (!parse_word(word, to)) return fprintf(stderr, "fieldfs: what is \"%s\"?\n", word), false;
  return true;
}

static struct quirks none(void) {
  return (struct quirks){
    .dtype = -1, .listed = 1, .shrink_to = -1, .flip_at = -1, .statfs_blocks = -1, .statfs_free = -1,
  };
}

int rules_set(const char *text) {
  struct rule parsed[MOST_RULES];
  int count = 0;
  char *copy = strdup(text), *rest;
  for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#') continue;
    size_t length = strcspn(line, " \t");
    struct quirks quirks = none();
    if (count == MOST_RULES || !parse_words(line + length, &quirks)) return free(copy), -EINVAL;
    parsed[count++] = (struct rule){strndup(line, length), strdup(line + length)};
  }
  free(copy);
  pthread_mutex_lock(&rules_lock);
  memcpy(rules, parsed, sizeof rules);
  rule_count = count;
  for (int i = 0; i < BUCKETS; i++) {
    for (struct state *state = states[i]; state != NULL; state = state->next) {
      struct state kept = {.next = state->next, .path = state->path, .open_now = state->open_now};
      *state = kept;
    }
  }
  pthread_mutex_unlock(&rules_lock);
  return 0;
}

static struct state *state_of(const char *path) {
  uint32_t hash = 2166136261u;
  for (const char *at = path; *at != '\0'; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
  struct state **bucket = &states[hash % BUCKETS];
  for (struct state *state = *bucket; state != NULL; state = state->next)
    if (strcmp(state->path, path) == 0) return state;
  struct state *state = calloc(1, sizeof *state);
  state->path = strdup(path);
  state->next = *bucket;
  return *bucket = state;
}

struct state *rules_for(const char *path, struct quirks *quirks) {
  *quirks = none();
  for (int i = 0; i < rule_count; i++)
    if (fnmatch(rules[i].pattern, *path == '\0' ? "." : path, 0) == 0) parse_words(rules[i].words, quirks);
  return state_of(path);
}

bool rules_hit(const struct quirks *quirks, struct state *state, enum op op, int64_t offset) {
  const struct action *action = &quirks->actions[op];
  if (action->kind == ACT_NONE || offset < action->from_offset) return false;
  unsigned before = state->seen[op]++;
  return before >= action->skip && (action->count == 0 || before - action->skip < action->count);
}

static __int128 valued(const struct value *value, __int128 real, const struct state *state, int attr) {
  switch (value->kind) {
    case VALUE_ABSOLUTE: return value->number;
    case VALUE_RELATIVE: return real + value->number;
    case VALUE_LOOKS: return real + state->looks[attr];
    case VALUE_OPENS: return real + state->opens;
    default: return real + state->reads;
  }
}

void rules_stat(const struct quirks *quirks, struct state *state, struct stat *stat) {
  const bool applies[WHENS] = {true, state->opens > 0, state->open_now > 0, state->reads > 0};
  if (state->shrunk && stat->st_size > quirks->shrink_to) stat->st_size = quirks->shrink_to;
  for (int attr = 0; attr < ATTRS; attr++) {
    const struct values *values = NULL;
    for (int when = 0; when < WHENS; when++)
      if (applies[when] && quirks->attrs[when][attr].count > 0) values = &quirks->attrs[when][attr];
    if (values == NULL) continue;
    unsigned look = state->looks[attr]++;
    const struct value *value = &values->list[look < (unsigned)values->count ? look : (unsigned)values->count - 1];
    struct timespec *time = attr == ATTR_MTIME ? &stat->st_mtim : attr == ATTR_CTIME ? &stat->st_ctim : &stat->st_atim;
#define SET(field) stat->field = (__typeof__(stat->field))valued(value, stat->field, state, attr)
    switch (attr) {
      case ATTR_SIZE: SET(st_size); break;
      case ATTR_INO: SET(st_ino); break;
      case ATTR_MODE: stat->st_mode = (stat->st_mode & S_IFMT) | (mode_t)(value->number & 07777); break;
      case ATTR_UID: SET(st_uid); break;
      case ATTR_GID: SET(st_gid); break;
      case ATTR_NLINK: SET(st_nlink); break;
      case ATTR_BLOCKS: SET(st_blocks); break;
      default:
        time->tv_sec = (time_t)valued(value, time->tv_sec, state, attr);
        if (value->kind == VALUE_ABSOLUTE) time->tv_nsec = value->nanoseconds;
    }
  }
}
