#include "stats.h"

#include <stdlib.h>

int64_t entry_mean(const struct entry *e)
{
    int64_t n = (int64_t)e->count, half = n / 2;
    /* half of an odd n is rounded down: x.5 exactly does not occur then */
    return e->sum < 0 ? -((-e->sum + half) / n) : (e->sum + half) / n;
}

__int128 entry_variance(const struct entry *e)
{
    /* (n * squares - sum^2) / n^2, at most 10^36 / n^2: exact in 128 bits */
    __int128 n = (__int128)e->count;
    __int128 above = n * (__int128)e->squares - (__int128)e->sum * e->sum;
    return (2 * above + n * n) / (2 * n * n);
}

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t entry_percentile(struct entry *e, int percent)
{
    qsort(e->amounts, e->count, sizeof *e->amounts, by_amount);
    size_t rank = ((size_t)percent * e->count + 99) / 100;
    return e->amounts[rank - 1];
}
