/* Preloaded to a broker, it lets every write to a file fail with ENOSPC while the file named by
   DISK_IS_FULL is there. What the broker says on its standard output still gets through. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_full(int fd) {
    const char *flag = getenv("DISK_IS_FULL");
    struct stat file;
    return fd > 2 && flag != NULL && access(flag, F_OK) == 0
        && fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

#define FULL_OR(name, fd, ...)                               \
    static __typeof__(&name) real;                           \
    if (real == NULL) real = dlsym(RTLD_NEXT, #name);        \
    if (is_full(fd)) { errno = ENOSPC; return -1; }          \
    return real(fd, __VA_ARGS__)

ssize_t write(int fd, const void *bytes, size_t count) {
    FULL_OR(write, fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    FULL_OR(writev, fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    FULL_OR(pwrite64, fd, bytes, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    FULL_OR(pwritev64, fd, parts, count, offset);
}
