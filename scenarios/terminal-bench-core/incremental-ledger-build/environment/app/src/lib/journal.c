#include "journal.h"
#include "lookup.h"

#include <string.h>

long long journal_total(FILE *in, int *bad_lines)
{
    char line[JOURNAL_MAX_LINE];
    long long total = 0;
    *bad_lines = 0;
    while (fgets(line, sizeof line, in)) {
        char *space = strchr(line, ' ');
        long long units;
        const struct ledger_code *code;
        if (!space) {
            ++*bad_lines;
            continue;
        }
        *space = '\0';
        code = ledger_lookup(line);
        if (!code || amount_parse(space + 1, &units) != 0) {
            ++*bad_lines;
            continue;
        }
        total += code->sign * units;
    }
    return total;
}
