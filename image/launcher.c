// The image's entry point. What the dynamic loader and the C library read from the environment
// runs code before the program can refuse it, so this looks first: a static program without a C
// library, which reads no variable itself. It refuses what src/foreign-settings.ts refuses (the
// names and the message come from there, through image/build-launcher.ts) and becomes the
// executable with arguments and environment as they are.
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/uio.h>
#include "launcher.h"

static long system_call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return number;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#else
#error "system calls and the entry of this processor are missing"
#endif
}

static unsigned long length(const char *text) {
  unsigned long size = 0;
  while (text[size]) size++;
  return size;
}

// The length of the variable's name, if it is this one.
static unsigned long named(const char *variable, const char *name) {
  unsigned long size = 0;
  while (name[size] && variable[size] == name[size]) size++;
  return !name[size] && variable[size] == '=' ? size : 0;
}

// The same for the variables of ld.so(8), all but LD_BIND_NOW.
static unsigned long of_loader(const char *variable) {
  unsigned long size = 3;
  if (variable[0] != 'L' || variable[1] != 'D' || variable[2] != '_' || named(variable, "LD_BIND_NOW")) return 0;
  while ((variable[size] >= 'A' && variable[size] <= 'Z') || (variable[size] >= '0' && variable[size] <= '9') ||
         variable[size] == '_')
    size++;
  return size > 3 && variable[size] == '=' ? size : 0;
}

static unsigned long foreign(const char *variable) {
  unsigned long size = of_loader(variable);
  for (unsigned long i = 0; !size && i < sizeof NAMES / sizeof *NAMES; i++) {
    size = named(variable, NAMES[i]);
    // Without a value it is as good as not there; the loader's are not.
    if (size && !variable[size + 1]) size = 0;
  }
  return size;
}

// As `writeTerminationMessage` does it: never created, no link, and one name only.
static void tell(const struct iovec *text, int parts) {
  struct statx found;
  system_call(__NR_writev, 2, (long)text, parts, 0, 0);
  const long log = system_call(__NR_openat, AT_FDCWD, (long)TERMINATION_LOG, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, 0, 0);
  if (log < 0) return;
  if (system_call(__NR_statx, log, (long)"", AT_EMPTY_PATH, STATX_TYPE | STATX_NLINK, (long)&found) != 0) return;
  if (!S_ISREG(found.stx_mode) || found.stx_nlink != 1) return;
  system_call(__NR_ftruncate, log, 0, 0, 0, 0);
  system_call(__NR_writev, log, (long)text, parts, 0, 0);
}

// The kernel leaves the number of arguments, the arguments and the environment on the stack.
__attribute__((noreturn, used)) void launch(char **stack) {
  char **arguments = stack + 1, **environment = arguments + (long)stack[0] + 1;
  long code = EXIT_REFUSED;
  for (char **one = environment; *one; one++) {
    const unsigned long size = foreign(*one);
    if (!size) continue;
    const struct iovec text[] = {
        {(void *)BEFORE_NAME, length(BEFORE_NAME)}, {*one, size}, {(void *)AFTER_NAME, length(AFTER_NAME)}};
    tell(text, 3);
    goto end;
  }
  system_call(__NR_execve, (long)PROGRAM, (long)arguments, (long)environment, 0, 0);
  const struct iovec text = {(void *)NOT_STARTED, length(NOT_STARTED)};
  tell(&text, 1);
  code = EXIT_NOT_STARTED;
end:
  for (;;) system_call(__NR_exit_group, code, 0, 0, 0, 0);
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall launch\n");
#else
__asm__(".globl _start\n_start: mov x29, #0\nmov x30, #0\nmov x0, sp\nbl launch\n");
#endif
