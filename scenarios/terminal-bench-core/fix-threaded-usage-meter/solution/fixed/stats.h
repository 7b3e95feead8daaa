#ifndef STATS_H
#define STATS_H
#include "table.h"

int64_t entry_mean(const struct entry *e);              /* thousandths */
__int128 entry_variance(const struct entry *e);         /* millionths */
int64_t entry_percentile(struct entry *e, int percent); /* thousandths; sorts the amounts */
#endif
