// Code of the pod's author. As a library, it leaves a mark when it is loaded; as a program, when it is run.
#include <fcntl.h>
#include <unistd.h>

static void leave_mark(void) { close(open("/mark/ran", O_CREAT | O_WRONLY, 0666)); }

#ifdef PROGRAM
int main(void) {
  leave_mark();
  return 1;
}
#else
__attribute__((constructor)) static void loaded(void) { leave_mark(); }
unsigned la_version(unsigned version) { return version; }
int OSSL_provider_init(void) { return 0; }
#endif
