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
