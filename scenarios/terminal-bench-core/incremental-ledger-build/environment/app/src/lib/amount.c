#include "amount.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int amount_digits = 2;

int amount_parse(const char *text, long long *units)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || (*end != '\0' && *end != '\n'))
        return -1;
    *units = (long long) floor(value * pow(10.0, amount_digits) + 0.5);
    return 0;
}

void amount_print(char *out, size_t size, long long units)
{
    long long scale = (long long) pow(10.0, amount_digits);
    const char *sign = units < 0 ? "-" : "";
    if (units < 0)
        units = -units;
    snprintf(out, size, "%s%lld.%0*lld %s", sign, units / scale, amount_digits, units % scale, AMOUNT_CURRENCY);
}
