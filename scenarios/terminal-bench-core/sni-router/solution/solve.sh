#!/bin/bash
set -euo pipefail
cp "$(dirname "$0")/router.py" /app/router.py
chmod 755 /app/router.py
cd /app
setsid /app/router.py >/tmp/router.log 2>&1 </dev/null &
for _ in $(seq 50); do
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8443), 1)' 2>/dev/null && exit 0
    sleep 0.1
done
echo "router did not come up" >&2
exit 1
