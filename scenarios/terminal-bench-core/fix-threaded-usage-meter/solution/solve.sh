#!/bin/bash
set -eu
# What was wrong: parsing with strtoll (reads past the line and the mapping, loses "-0.5", scales ".05" wrongly, accepts too much);
# one job struct for all threads, lines at a cut lost, rest of the file left out; a shared table whose entries move while
# others use them, unlocked updates and counters, "last" by arrival; keys compared without length and hashed in part, signed
# order of keys; 16-bit capacity; sums of squares in double; percentile in double; comparator that truncates; 4 static
# format buffers for 7 numbers; empty files.
cp "$(dirname "$0")"/fixed/*.[ch] /app/
cd /app
make
./meter -j 3 sample.tsv | tail -n 3
