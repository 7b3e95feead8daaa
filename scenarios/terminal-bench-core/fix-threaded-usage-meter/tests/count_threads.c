/* LD_PRELOAD: writes the CPU time of every thread that pthread_create makes into the file $THREAD_LOG. The threads begin when
   $THREAD_COUNT of them have been made; when that does not happen (they run one after the other), -1 is written instead. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct start {
    void *(*run)(void *);
    void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER;
static int made;

static int wait_for_the_others(void)
{
    int wanted = atoi(getenv("THREAD_COUNT")), failed = 0;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&lock);
    if (++made >= wanted)
        pthread_cond_broadcast(&all_there);
    while (made < wanted && !failed)
        failed = pthread_cond_timedwait(&all_there, &lock, &until) != 0;
    pthread_mutex_unlock(&lock);
    return failed;
}

static void *wrapped(void *p)
{
    struct start s = *(struct start *)p;
    free(p);
    int alone = wait_for_the_others();
    void *result = s.run(s.arg);
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    char line[64];
    int n = snprintf(line, sizeof line, "%lld\n", alone ? -1 : (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    int fd = open(getenv("THREAD_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (write(fd, line, (size_t)n) != n)
        abort();
    close(fd);
    return result;
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    struct start *s = malloc(sizeof *s);
    s->run = run;
    s->arg = arg;
    return real(id, attr, wrapped, s);
}
