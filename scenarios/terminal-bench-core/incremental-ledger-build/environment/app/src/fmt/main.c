/* ledger-fmt: lists the known booking codes */
#include <stdio.h>
#include <string.h>

#include "codes.h"
#include "style.h"
#include "version.h"

int main(int argc, char **argv)
{
    int i;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("ledger-fmt %s\n", ledger_version());
        return 0;
    }
    for (i = 0; i < ledger_code_count; i++)
        printf("%s %s %-*s %c\n", STYLE_BULLET, ledger_codes[i].code, STYLE_WIDTH, ledger_codes[i].name,
               ledger_codes[i].sign < 0 ? '-' : '+');
    return 0;
}
