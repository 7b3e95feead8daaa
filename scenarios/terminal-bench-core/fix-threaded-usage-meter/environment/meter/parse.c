#include "parse.h"

#include <stdlib.h>
#include <string.h>

static int parse_amount(const char *p, const char *end, int64_t *out)
{
    char *stop;
    int64_t whole = strtoll(p, &stop, 10);
    if (stop == p)
        return 0;
    int64_t frac = 0;
    if (*stop == '.') {
        p = stop + 1;
        frac = strtoll(p, &stop, 10);
        if (stop == p || stop - p > 3)
            return 0;
        while (frac && frac < 100)
            frac *= 10;
    }
    if (stop != end)
        return 0;
    *out = whole * 1000 + (whole < 0 ? -frac : frac);
    return 1;
}

enum parse_result parse_line(const char *line, const char *end, struct record *rec)
{
    if (line == end || *line == '#')
        return PARSE_SKIP;
    char *stop;
    rec->time = strtoll(line, &stop, 10);
    if (stop == line || *stop != '\t')
        return PARSE_INVALID;
    rec->key = stop + 1;
    const char *tab = memchr(rec->key, '\t', (size_t)(end - rec->key));
    if (!tab || tab == rec->key)
        return PARSE_INVALID;
    rec->key_len = (size_t)(tab - rec->key);
    if (!parse_amount(tab + 1, end, &rec->amount))
        return PARSE_INVALID;
    return PARSE_OK;
}
