#include "version.h"

const char *ledger_version(void)
{
    return LEDGER_VERSION;
}
