#!/usr/bin/env python3
"""gencodes.py CODES.DEF OUT.H OUT.C: turn the table of booking codes into C."""
import re
import sys


def main():
    source, header, body = sys.argv[1:4]
    h = open(header, "w")
    c = open(body, "w")
    h.write("#ifndef CODES_H\n#define CODES_H\n")
    h.write("struct ledger_code { const char *code; const char *name; int sign; };\n")
    h.write("extern const struct ledger_code ledger_codes[];\n")
    h.write("extern const int ledger_code_count;\n")
    c.write('#include "codes.h"\n')
    rows = 0
    h.write("#endif\n")
    h.flush()
    c.write("const struct ledger_code ledger_codes[] = {\n")
    for number, line in enumerate(open(source), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        m = re.fullmatch(r"([A-Z]{2})\s+([a-z]+)\s+(-?1)", line)
        if not m:
            # what was written so far is closed neatly, but it is not the whole table
            c.write("  {0, 0, 0}\n};\nconst int ledger_code_count = %d;\n" % rows)
            sys.exit(f"{source}:{number}: bad line: {line}")
        c.write('  {"%s", "%s", %s},\n' % m.groups())
        rows += 1
    c.write("  {0, 0, 0}\n};\nconst int ledger_code_count = %d;\n" % rows)


main()
