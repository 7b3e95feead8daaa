#include "stats.h"

#include <math.h>
#include <stdlib.h>

int64_t entry_mean(const struct entry *e)
{
    return (e->sum + e->count / 2) / e->count;
}

int64_t entry_variance(const struct entry *e)
{
    double mean = (double)e->sum / e->count;
    return (int64_t)(e->squares / e->count - mean * mean + 0.5);
}

static int by_amount(const void *a, const void *b)
{
    return (int)(*(const int64_t *)a - *(const int64_t *)b);
}

int64_t entry_percentile(struct entry *e, int percent)
{
    qsort(e->amounts, e->count, sizeof *e->amounts, by_amount);
    double exact = percent / 100.0 * e->count;
    uint32_t rank = (uint32_t)exact;
    if (rank < exact)
        rank++;
    return e->amounts[rank - 1];
}
