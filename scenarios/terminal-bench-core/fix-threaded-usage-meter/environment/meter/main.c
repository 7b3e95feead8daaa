#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "parse.h"
#include "stats.h"
#include "table.h"

#define RECENT 16

struct job {
    const char *data;
    size_t size, begin, end;
};

static struct table table;
static long records, invalid;

/* Works on the lines that begin in [begin, end). */
static void *work(void *arg)
{
    const struct job *job = arg;
    const char *p = job->data + job->begin, *limit = job->data + job->end, *eof = job->data + job->size;
    struct entry *recent[RECENT] = {0}; /* the same keys come again and again: saves the table look-up */

    if (job->begin > 0) { /* the line that is being cut belongs to the thread before */
        p = memchr(p, '\n', (size_t)(eof - p));
        p = p ? p + 1 : eof;
    }
    while (p < limit) {
        const char *nl = memchr(p, '\n', (size_t)(eof - p));
        const char *end = nl ? nl : eof;
        struct record rec;
        switch (parse_line(p, end, &rec)) {
        case PARSE_OK: {
            struct entry **slot = &recent[(unsigned char)rec.key[rec.key_len - 1] % RECENT];
            if (!*slot || (*slot)->key_len != rec.key_len || memcmp((*slot)->key, rec.key, rec.key_len) != 0)
                *slot = table_get(&table, rec.key, rec.key_len);
            entry_add(*slot, &rec);
            records++;
            break;
        }
        case PARSE_INVALID:
            invalid++;
            break;
        case PARSE_SKIP:
            break;
        }
        p = end + 1;
    }
    return NULL;
}

static int usage(void)
{
    fprintf(stderr, "usage: meter [-j THREADS] [-p PERCENT] FILE\n");
    return 2;
}

int main(int argc, char **argv)
{
    int threads = 4, percent = 50, opt;
    while ((opt = getopt(argc, argv, "j:p:")) != -1) {
        if (opt == 'j')
            threads = atoi(optarg);
        else if (opt == 'p')
            percent = atoi(optarg);
        else
            return usage();
    }
    if (optind != argc - 1 || threads < 1 || threads > 64 || percent < 1 || percent > 100)
        return usage();

    int fd = open(argv[optind], O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        perror(argv[optind]);
        return 2;
    }
    const char *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        perror(argv[optind]);
        return 2;
    }

    table_init(&table);
    pthread_t ids[64];
    size_t size = (size_t)st.st_size, chunk = size / (size_t)threads;
    struct job job = {data, size, 0, 0};
    for (int i = 0; i < threads; i++) {
        job.begin = (size_t)i * chunk;
        job.end = job.begin + chunk;
        pthread_create(&ids[i], NULL, work, &job);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);

    struct entry **list = table_sorted(&table);
    for (size_t i = 0; i < table.used; i++) {
        struct entry *e = list[i];
        int64_t middle = entry_percentile(e, percent);
        printf("%.*s\t%u\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e->key_len, e->key, e->count, format_fixed(e->sum, 3),
               format_fixed(e->min, 3), format_fixed(e->max, 3), format_fixed(entry_mean(e), 3),
               format_fixed(entry_variance(e), 6), format_fixed(middle, 3), format_fixed(e->last, 3));
    }
    printf("#total\t%ld\t%ld\t%zu\n", records, invalid, table.used);
    return 0;
}
