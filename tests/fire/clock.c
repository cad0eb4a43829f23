/* The wall clock of one process, as wrong as a file says: loaded before the C library (LD_PRELOAD), by services of a run.
 *
 * FIRE_CLOCK names a file of 8 bytes: how many microseconds the clock is ahead. Clocks that only count (CLOCK_MONOTONIC)
 * stay right, as they do when somebody sets the time of a machine. A wait that ends at a time of day ends by the wrong
 * clock, and a jump moves its end, as with the kernel's own clock: Kafka's client library waits that way. libfaketime
 * sets the clock of `timespec_get` without that of `cnd_timedwait`, so each such wait would last as long as the jump. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define MICROS 1000000
/* A wait looks this often whether the clock has jumped. Waking up for nothing is allowed. */
#define SLICE (100 * 1000)

static const volatile int64_t *ahead;
static int (*right_clock_gettime)(clockid_t, struct timespec *);
static int (*right_cnd_timedwait)(cnd_t *, mtx_t *, const struct timespec *);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FIRE_CLOCK");
    right_cnd_timedwait = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    right_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    /* A clock that silently stays right would make the fault a lie. */
    if (mapped == MAP_FAILED || !right_cnd_timedwait || !right_clock_gettime)
        abort();
    close(file);
    ahead = mapped;
}

static int64_t micros(const struct timespec *at) { return (int64_t)at->tv_sec * MICROS + at->tv_nsec / 1000; }

static struct timespec moved(struct timespec at, int64_t by) {
    int64_t whole = micros(&at) + by;
    return (struct timespec){.tv_sec = whole / MICROS, .tv_nsec = whole % MICROS * 1000 + at.tv_nsec % 1000};
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int told = right_clock_gettime ? right_clock_gettime(clock, at) : (int)syscall(SYS_clock_gettime, clock, at);
    if (told == 0 && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *at = moved(*at, *ahead);
    return told;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    *at = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    struct timespec now, end = moved(*until, ahead ? -*ahead : 0);
    if (right_clock_gettime(CLOCK_REALTIME, &now) != 0)
        return thrd_error;
    if (micros(&end) - micros(&now) <= SLICE)
        return right_cnd_timedwait(condition, mutex, &end);
    end = moved(now, SLICE);
    int woken = right_cnd_timedwait(condition, mutex, &end);
    return woken == thrd_timedout ? thrd_success : woken;
}
