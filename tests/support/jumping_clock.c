/* A wall clock that jumps by JUMP seconds 300 ms after the process began; with BREAK set, the clock of delays fails once then instead,
   which the standard library takes for a defect: it panics. The other clocks stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    static struct timespec start;
    static int broken;
    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        real(CLOCK_MONOTONIC, &start);
    }
    struct timespec now;
    real(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
    const char *jump = getenv("JUMP");
    if (since > 0.3 && clock == CLOCK_MONOTONIC && getenv("BREAK") && !__atomic_exchange_n(&broken, 1, __ATOMIC_SEQ_CST)) {
        errno = EINVAL;
        return -1;
    }
    int result = real(clock, at);
    if (since > 0.3 && clock == CLOCK_REALTIME && result == 0 && jump) at->tv_sec += atol(jump);
    return result;
}
