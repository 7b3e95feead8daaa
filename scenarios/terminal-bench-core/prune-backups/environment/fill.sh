# a backup directory to try things on
set -e
mkdir -p /app/example && cd /app/example
for m in 01 02 03 04; do for d in 02 09 17 28; do
  echo "db of $m/$d" > backup-2024$m$d-031500.tar.gz
  sha256sum backup-2024$m$d-031500.tar.gz > backup-2024$m$d-031500.tar.gz.sha256
done; done
echo "evening" > backup-20240417-211000.tar.gz
: > backup-20240209-031500.tar.gz.keep
echo "what is this" > backup-20240231-031500.tar.gz
echo "half" > backup-20240428-031500.tar.gz.part
echo "notes" > README
