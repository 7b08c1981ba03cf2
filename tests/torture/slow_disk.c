/* A disk whose syncs take SLOW_SYNC_MS longer: preloaded, it stands before fsync and fdatasync. Where SLOW_SYNC_LOG
   names a file, a line is appended to it for each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int slow(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *ms = getenv("SLOW_SYNC_MS"), *log = getenv("SLOW_SYNC_LOG");
    long n = ms ? atol(ms) : 0;
    struct timespec wait = {n / 1000, n % 1000 * 1000000L};
    while (nanosleep(&wait, &wait) != 0) {}
    if (log) {
        int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (out >= 0) {
            (void)!write(out, "sync\n", 5);
            close(out);
        }
    }
    return real(fd);
}

int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
