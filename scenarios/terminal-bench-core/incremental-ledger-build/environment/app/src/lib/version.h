#ifndef VERSION_H
#define VERSION_H
const char *ledger_version(void);
#endif
