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
