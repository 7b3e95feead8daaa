#ifndef AMOUNT_H
#define AMOUNT_H
#include <stddef.h>

#define AMOUNT_CURRENCY "EUR"

extern int amount_digits;

int amount_parse(const char *text, long long *units);
void amount_print(char *out, size_t size, long long units);

#endif
