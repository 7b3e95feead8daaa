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
