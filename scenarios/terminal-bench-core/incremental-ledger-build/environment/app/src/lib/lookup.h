#ifndef LOOKUP_H
#define LOOKUP_H
#include "codes.h"

const struct ledger_code *ledger_lookup(const char *code);

#endif
