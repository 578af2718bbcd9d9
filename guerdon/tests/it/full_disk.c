/* Preloaded, it lets every growing write fail with ENOSPC while the file named by DISK_IS_FULL is
   there: a full disk that a test can fill and empty without being root. SQLite writes by pwrite; with
   DISK_TAKES alone, other files take so many bytes each, and then no more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int is_full(void) {
    const char *file = getenv("DISK_IS_FULL");
    return file != NULL && access(file, F_OK) == 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (real == NULL) real = dlsym(RTLD_NEXT, "pwrite64");
    if (is_full()) { errno = ENOSPC; return -1; }
    return real(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    const char *takes = getenv("DISK_TAKES");
    struct stat file;
    if (real == NULL) real = dlsym(RTLD_NEXT, "write");
    if (takes != NULL && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)
        && lseek(fd, 0, SEEK_CUR) + (off_t)count > atol(takes)) { errno = ENOSPC; return -1; }
    return real(fd, bytes, count);
}
