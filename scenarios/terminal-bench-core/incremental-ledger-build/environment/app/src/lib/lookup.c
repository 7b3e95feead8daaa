#include "lookup.h"

#include <string.h>

const struct ledger_code *ledger_lookup(const char *code)
{
    int i;
    for (i = 0; i < ledger_code_count; i++)
        if (strcmp(ledger_codes[i].code, code) == 0)
            return &ledger_codes[i];
    return NULL;
}
