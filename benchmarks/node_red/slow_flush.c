/* Makes each flush of a file take FLUSH_DELAY_US microseconds longer, as on a disk whose write cache is not the host's.
   Preloaded into the receivers that are measured; does nothing else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int flush_slowly(const char *name, int file) {
    const char *delay = getenv("FLUSH_DELAY_US");
    int (*flush)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (delay) usleep((useconds_t)atoi(delay));
    return flush(file);
}

int fsync(int file) { return flush_slowly("fsync", file); }
int fdatasync(int file) { return flush_slowly("fdatasync", file); }
