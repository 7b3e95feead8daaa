#ifndef TABLE_H
#define TABLE_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "parse.h"

/* All that is known about one key. */
struct entry {
    char *key;
    uint8_t key_len;
    uint32_t hash;
    int64_t sum, min, max;
    double squares;
    int64_t last_time, last;
    int64_t *amounts;
    uint16_t capacity;
    uint32_t count;
};

/* A hash table with open addressing, shared by all threads. */
struct table {
    pthread_mutex_t lock;
    struct entry *slots;
    size_t size, used;
};

void table_init(struct table *t);
struct entry *table_get(struct table *t, const char *key, size_t len);
void entry_add(struct entry *e, const struct record *rec);
/* All entries in the order of their keys; the caller frees the array. */
struct entry **table_sorted(struct table *t);
#endif
