#!/bin/bash
set -euo pipefail
cp "$(dirname "$0")/decay.py" /app/decay
chmod 755 /app/decay
/app/decay < /app/example.json
