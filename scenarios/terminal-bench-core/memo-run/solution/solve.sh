#!/bin/bash
set -euo pipefail
cp "$(dirname "$0")/memo.py" /app/memo
chmod 755 /app/memo
