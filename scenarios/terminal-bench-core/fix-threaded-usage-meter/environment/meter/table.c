#include "table.h"

#include <stdlib.h>
#include <string.h>

#define HASHED_BYTES 24

static uint32_t hash_key(const char *key, size_t len)
{
    uint32_t h = 2166136261u;
    if (len > HASHED_BYTES)
        len = HASHED_BYTES; /* the rest hardly ever differs */
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)key[i]) * 16777619u;
    return h;
}

void table_init(struct table *t)
{
    pthread_mutex_init(&t->lock, NULL);
    t->size = 64;
    t->used = 0;
    t->slots = calloc(t->size, sizeof *t->slots);
}

static struct entry *find_slot(struct entry *slots, size_t size, const char *key, size_t len, uint32_t hash)
{
    size_t i = hash & (size - 1);
    while (slots[i].key) {
        if (slots[i].hash == hash && memcmp(slots[i].key, key, len) == 0)
            break;
        i = (i + 1) & (size - 1);
    }
    return &slots[i];
}

static void grow(struct table *t)
{
    size_t size = t->size * 2;
    struct entry *slots = calloc(size, sizeof *slots);
    for (size_t i = 0; i < t->size; i++) {
        struct entry *e = &t->slots[i];
        if (e->key)
            *find_slot(slots, size, e->key, e->key_len, e->hash) = *e;
    }
    free(t->slots);
    t->slots = slots;
    t->size = size;
}

struct entry *table_get(struct table *t, const char *key, size_t len)
{
    uint32_t hash = hash_key(key, len);
    pthread_mutex_lock(&t->lock);
    struct entry *e = find_slot(t->slots, t->size, key, len, hash);
    if (!e->key) {
        e->key = malloc(len);
        memcpy(e->key, key, len);
        e->key_len = (uint8_t)len;
        e->hash = hash;
        if (++t->used * 4 > t->size * 3)
            grow(t);
    }
    pthread_mutex_unlock(&t->lock);
    return e;
}

void entry_add(struct entry *e, const struct record *rec)
{
    if (e->count == e->capacity) {
        e->capacity = e->capacity ? e->capacity * 2 : 8;
        e->amounts = realloc(e->amounts, e->capacity * sizeof *e->amounts);
    }
    e->amounts[e->count++] = rec->amount;
    e->sum += rec->amount;
    e->squares += (double)rec->amount * rec->amount;
    if (e->count == 1 || rec->amount < e->min)
        e->min = rec->amount;
    if (e->count == 1 || rec->amount > e->max)
        e->max = rec->amount;
    if (rec->time >= e->last_time) {
        e->last_time = rec->time;
        e->last = rec->amount;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    for (size_t i = 0; i < n; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] - y->key[i];
    return 0;
}

struct entry **table_sorted(struct table *t)
{
    struct entry **list = malloc((t->used + 1) * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < t->size; i++)
        if (t->slots[i].key)
            list[n++] = &t->slots[i];
    qsort(list, n, sizeof *list, by_key);
    return list;
}
