#ifndef JOURNAL_H
#define JOURNAL_H
#include <stdio.h>
#include "amount.h"

#define JOURNAL_MAX_LINE 256

long long journal_total(FILE *in, int *bad_lines);

#endif
