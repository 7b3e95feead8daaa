/* ledger-sum [--version] < journal: adds up "CODE AMOUNT" lines */
#include <stdio.h>
#include <string.h>

#include "journal.h"
#include "version.h"

int main(int argc, char **argv)
{
    char text[64];
    int bad;
    long long total;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("ledger-sum %s\n", ledger_version());
        return 0;
    }
    total = journal_total(stdin, &bad);
    amount_print(text, sizeof text, total);
    printf("%s (%d bad)\n", text, bad);
    return bad ? 1 : 0;
}
