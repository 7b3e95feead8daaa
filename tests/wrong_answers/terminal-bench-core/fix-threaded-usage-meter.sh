#!/bin/bash
# Threads, memory, parsing, keys and formats are repaired, but variance and percentile still go through floating point.
set -eu
cd /app
sed -i 's/^\t$(CC) $(CFLAGS) -o $@ $(OBJS)/& -lm/' Makefile
cat > parse.c <<'EOF'
#include "parse.h"

#include <string.h>

/* Reads 1 to max digits from *p on; never looks at or behind end. */
static int digits(const char **p, const char *end, int max, int64_t *out)
{
    int n = 0;
    *out = 0;
    while (*p < end && **p >= '0' && **p <= '9') {
        if (++n > max)
            return 0;
        *out = *out * 10 + (*(*p)++ - '0');
    }
    return n;
}

static int parse_time(const char *p, const char *end, int64_t *out)
{
    int negative = p < end && *p == '-';
    p += negative;
    if (!digits(&p, end, 18, out) || p != end)
        return 0;
    if (negative)
        *out = -*out;
    return 1;
}

static int parse_amount(const char *p, const char *end, int64_t *out)
{
    int negative = p < end && *p == '-';
    int64_t whole, frac = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (!digits(&p, end, 9, &whole))
        return 0;
    if (p < end && *p == '.') {
        p++;
        int n = digits(&p, end, 3, &frac);
        if (n == 0)
            return 0;
        for (; n < 3; n++)
            frac *= 10;
    }
    if (p != end)
        return 0;
    *out = whole * 1000 + frac;
    if (negative)
        *out = -*out;
    return 1;
}

enum parse_result parse_line(const char *line, const char *end, struct record *rec)
{
    if (line == end || *line == '#')
        return PARSE_SKIP;
    const char *tab = memchr(line, '\t', (size_t)(end - line));
    if (!tab || !parse_time(line, tab, &rec->time))
        return PARSE_INVALID;
    rec->key = tab + 1;
    tab = memchr(rec->key, '\t', (size_t)(end - rec->key));
    if (!tab || tab == rec->key || tab - rec->key > 255)
        return PARSE_INVALID;
    rec->key_len = (size_t)(tab - rec->key);
    if (memchr(rec->key, '\0', rec->key_len) || !parse_amount(tab + 1, end, &rec->amount))
        return PARSE_INVALID;
    return PARSE_OK;
}
EOF
cat > table.h <<'EOF'
#ifndef TABLE_H
#define TABLE_H
#include <stddef.h>
#include <stdint.h>

#include "parse.h"

/* All that is known about one key. Entries do not move when the table grows. */
struct entry {
    char *key;
    size_t key_len;
    uint32_t hash;
    int64_t sum, min, max;
    unsigned __int128 squares;
    int64_t last_time, last;
    int64_t *amounts;
    size_t capacity, count;
};

/* A hash table with open addressing. Every thread has its own. */
struct table {
    struct entry **slots;
    size_t size, used;
};

void table_init(struct table *t);
struct entry *table_get(struct table *t, const char *key, size_t len);
void entry_add(struct entry *e, const struct record *rec);
/* Adds all of b, which comes later in the file, to a. */
void table_merge(struct table *a, const struct table *b);
/* All entries in the order of their keys; the caller frees the array. */
struct entry **table_sorted(struct table *t);
#endif
EOF
cat > table.c <<'EOF'
#include "table.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p)
        abort();
    return p;
}

static uint32_t hash_key(const char *key, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)key[i]) * 16777619u;
    return h ^ h >> 15;
}

void table_init(struct table *t)
{
    t->size = 64;
    t->used = 0;
    t->slots = checked(calloc(t->size, sizeof *t->slots));
}

static struct entry **find_slot(struct entry **slots, size_t size, const char *key, size_t len, uint32_t hash)
{
    size_t i = hash & (size - 1);
    while (slots[i]) {
        if (slots[i]->hash == hash && slots[i]->key_len == len && memcmp(slots[i]->key, key, len) == 0)
            break;
        i = (i + 1) & (size - 1);
    }
    return &slots[i];
}

static void grow(struct table *t)
{
    size_t size = t->size * 2;
    struct entry **slots = checked(calloc(size, sizeof *slots));
    for (size_t i = 0; i < t->size; i++) {
        struct entry *e = t->slots[i];
        if (e)
            *find_slot(slots, size, e->key, e->key_len, e->hash) = e;
    }
    free(t->slots);
    t->slots = slots;
    t->size = size;
}

struct entry *table_get(struct table *t, const char *key, size_t len)
{
    uint32_t hash = hash_key(key, len);
    struct entry **slot = find_slot(t->slots, t->size, key, len, hash);
    if (*slot)
        return *slot;
    struct entry *e = *slot = checked(calloc(1, sizeof *e));
    e->key = checked(malloc(len));
    memcpy(e->key, key, len);
    e->key_len = len;
    e->hash = hash;
    if (++t->used * 4 > t->size * 3)
        grow(t);
    return e;
}

static void reserve(struct entry *e, size_t count)
{
    if (count <= e->capacity)
        return;
    while (e->capacity < count)
        e->capacity = e->capacity ? e->capacity * 2 : 8;
    e->amounts = checked(realloc(e->amounts, e->capacity * sizeof *e->amounts));
}

void entry_add(struct entry *e, const struct record *rec)
{
    int first = e->count == 0;
    reserve(e, e->count + 1);
    e->amounts[e->count++] = rec->amount;
    e->sum += rec->amount;
    e->squares += (unsigned __int128)((__int128)rec->amount * rec->amount);
    if (first || rec->amount < e->min)
        e->min = rec->amount;
    if (first || rec->amount > e->max)
        e->max = rec->amount;
    if (first || rec->time >= e->last_time) {
        e->last_time = rec->time;
        e->last = rec->amount;
    }
}

void table_merge(struct table *a, const struct table *b)
{
    for (size_t i = 0; i < b->size; i++) {
        const struct entry *from = b->slots[i];
        if (!from)
            continue;
        struct entry *to = table_get(a, from->key, from->key_len);
        int first = to->count == 0;
        reserve(to, to->count + from->count);
        memcpy(to->amounts + to->count, from->amounts, from->count * sizeof *from->amounts);
        to->count += from->count;
        to->sum += from->sum;
        to->squares += from->squares;
        if (first || from->min < to->min)
            to->min = from->min;
        if (first || from->max > to->max)
            to->max = from->max;
        if (first || from->last_time >= to->last_time) {
            to->last_time = from->last_time;
            to->last = from->last;
        }
    }
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    int order = memcmp(x->key, y->key, x->key_len < y->key_len ? x->key_len : y->key_len);
    return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

struct entry **table_sorted(struct table *t)
{
    struct entry **list = checked(malloc((t->used + 1) * sizeof *list));
    size_t n = 0;
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i])
            list[n++] = t->slots[i];
    qsort(list, n, sizeof *list, by_key);
    return list;
}
EOF
cat > stats.h <<'EOF'
#ifndef STATS_H
#define STATS_H
#include "table.h"

int64_t entry_mean(const struct entry *e);              /* thousandths */
__int128 entry_variance(const struct entry *e);         /* millionths */
int64_t entry_percentile(struct entry *e, int percent); /* thousandths; sorts the amounts */
#endif
EOF
cat > stats.c <<'EOF'
#include "stats.h"

#include <math.h>
#include <stdlib.h>

int64_t entry_mean(const struct entry *e)
{
    int64_t n = (int64_t)e->count, half = n / 2;
    /* half of an odd n is rounded down: x.5 exactly does not occur then */
    return e->sum < 0 ? -((-e->sum + half) / n) : (e->sum + half) / n;
}

__int128 entry_variance(const struct entry *e)
{
    long double mean = (long double)e->sum / e->count;
    return (__int128)((long double)e->squares / e->count - mean * mean + 0.5L);
}

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t entry_percentile(struct entry *e, int percent)
{
    qsort(e->amounts, e->count, sizeof *e->amounts, by_amount);
    size_t rank = (size_t)ceil(percent / 100.0 * e->count);
    return e->amounts[rank - 1];
}
EOF
cat > format.h <<'EOF'
#ifndef FORMAT_H
#define FORMAT_H

#define FIXED_SIZE 48

/* Writes value / 10^decimals as text into out (FIXED_SIZE bytes) and returns it. */
const char *format_fixed(char *out, __int128 value, int decimals);
#endif
EOF
cat > format.c <<'EOF'
#include "format.h"

const char *format_fixed(char *out, __int128 value, int decimals)
{
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    char *p = out + FIXED_SIZE;
    *--p = '\0';
    for (int i = 0; i <= decimals || rest; i++) {
        if (i == decimals)
            *--p = '.';
        *--p = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (value < 0)
        *--p = '-';
    return p;
}
EOF
cat > main.c <<'EOF'
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
EOF
make
