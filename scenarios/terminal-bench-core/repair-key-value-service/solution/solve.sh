#!/bin/bash
set -eu
install -m 755 "$(dirname "$0")/stashd.py" /app/stashd.py
setsid python3 /app/stashd.py > /app/stashd.log 2>&1 < /dev/null &
for _ in $(seq 50); do
  if printf 'PING\nQUIT\n' | nc -w 2 127.0.0.1 7400; then exit 0; fi
  sleep 0.1
done
exit 1
