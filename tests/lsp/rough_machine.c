/* Preloaded into a server under test: a wall clock that jumps, and a disk that is slow for paths with a certain word.

   ROUGH_CLOCK: a file with the seconds by which the wall clock is wrong; absent: right.
   ROUGH_DISK: a word; opening, renaming or syncing a file whose path holds it takes ROUGH_MS milliseconds longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long wrong(void) {
    const char *path = getenv("ROUGH_CLOCK");
    char text[32] = "";
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    long size = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    return size > 0 ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += wrong();
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static void drag(const char *path) {
    const char *word = getenv("ROUGH_DISK"), *ms = getenv("ROUGH_MS");
    if (word && path && strstr(path, word)) usleep(1000 * (ms ? atoi(ms) : 0));
}

#define MODE(flags) \
    va_list more; va_start(more, flags); int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0; va_end(more)

int open(const char *path, int flags, ...) {
    MODE(flags); drag(path);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags); drag(path);
    return openat(AT_FDCWD, path, flags, mode);
}

int rename(const char *from, const char *to) {
    drag(to);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int file) {
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) > 0) drag(path);
    return (int)syscall(SYS_fsync, file);
}
