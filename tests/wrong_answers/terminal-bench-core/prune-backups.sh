#!/bin/bash
# Hasty: right on the example's good files, but takes impossible dates and
# symlinks for backups, and keeps the first backup of each month, not the last.
cat > /app/prune <<'SH'
#!/bin/bash
del=0; dirs=()
for a in "$@"; do [ "$a" = --delete ] && del=1 || dirs+=("$a"); done
if [ ${#dirs[@]} != 1 ] || [ ! -d "${dirs[0]}" ]; then echo "usage: prune [--delete] DIR" >&2; exit 2; fi
cd "${dirs[0]}" || exit 2
mapfile -t all < <(ls | grep -E '^backup-[0-9]{8}-[0-9]{6}\.tar\.gz$')
keep=$(printf '%s\n' "${all[@]}" | tail -n 7
       printf '%s\n' "${all[@]}" | awk '!seen[substr($0, 8, 6)]++' | tail -n 6)
for f in "${all[@]}"; do
    [ -e "$f.keep" ] && continue
    grep -qxF "$f" <<<"$keep" && continue
    echo "$f"
    [ $del = 1 ] && rm -f "$f" "$f.sha256"
done
exit 0
SH
chmod 755 /app/prune
