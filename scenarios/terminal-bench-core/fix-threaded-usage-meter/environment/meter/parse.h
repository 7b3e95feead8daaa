#ifndef PARSE_H
#define PARSE_H
#include <stddef.h>
#include <stdint.h>

struct record {
    int64_t time;
    const char *key;
    size_t key_len;
    int64_t amount; /* in thousandths */
};

enum parse_result { PARSE_OK, PARSE_SKIP, PARSE_INVALID };

/* Parses the line [line, end), which does not include the LF. */
enum parse_result parse_line(const char *line, const char *end, struct record *rec);
#endif
