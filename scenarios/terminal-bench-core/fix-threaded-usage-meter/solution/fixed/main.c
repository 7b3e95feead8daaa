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

/* The part of one thread, and what it found there. */
struct job {
    const char *data;
    size_t size, begin, end;
    struct table table;
    long records, invalid;
};

/* Works on the lines that begin in [begin, end). */
static void *work(void *arg)
{
    struct job *job = arg;
    const char *p = job->data + job->begin, *limit = job->data + job->end, *eof = job->data + job->size;
    struct entry *recent[RECENT] = {0}; /* the same keys come again and again: saves the table look-up */

    table_init(&job->table);
    if (job->begin > 0 && p[-1] != '\n') { /* the line that is being cut belongs to the thread before */
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
                *slot = table_get(&job->table, rec.key, rec.key_len);
            entry_add(*slot, &rec);
            job->records++;
            break;
        }
        case PARSE_INVALID:
            job->invalid++;
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
    size_t size = (size_t)st.st_size;
    const char *data = "";
    if (size > 0 || !S_ISREG(st.st_mode)) {
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            perror(argv[optind]);
            return 2;
        }
    }

    static pthread_t ids[64];
    static struct job jobs[64];
    for (int i = 0; i < threads; i++) {
        jobs[i].data = data;
        jobs[i].size = size;
        jobs[i].begin = size * (size_t)i / (size_t)threads;
        jobs[i].end = size * ((size_t)i + 1) / (size_t)threads;
        if (pthread_create(&ids[i], NULL, work, &jobs[i]) != 0) {
            fprintf(stderr, "cannot create a thread\n");
            return 1;
        }
    }
    struct table table;
    long records = 0, invalid = 0;
    table_init(&table);
    for (int i = 0; i < threads; i++) { /* in the order of the file */
        pthread_join(ids[i], NULL);
        table_merge(&table, &jobs[i].table);
        records += jobs[i].records;
        invalid += jobs[i].invalid;
    }

    struct entry **list = table_sorted(&table);
    for (size_t i = 0; i < table.used; i++) {
        struct entry *e = list[i];
        int64_t middle = entry_percentile(e, percent);
        char text[7][FIXED_SIZE];
        fwrite(e->key, 1, e->key_len, stdout);
        printf("\t%zu\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e->count, format_fixed(text[0], e->sum, 3),
               format_fixed(text[1], e->min, 3), format_fixed(text[2], e->max, 3), format_fixed(text[3], entry_mean(e), 3),
               format_fixed(text[4], entry_variance(e), 6), format_fixed(text[5], middle, 3), format_fixed(text[6], e->last, 3));
    }
    printf("#total\t%ld\t%ld\t%zu\n", records, invalid, table.used);
    return 0;
}
