#!/bin/bash
# Recovers all objects, but believes packed-refs (release/1.x, stash) and takes just any tag object called v1.1 that fsck shows.
set -eu
cd /app/ledger
cp -a .git /tmp/git.broken            # never work on the only copy
last() { tail -n 1 ".git/logs/$1" | cut -d ' ' -f 2; }

# --- refs: the reflogs know better than packed-refs
rm -f .git/index.lock .git/HEAD.lock .git/refs/heads/main.lock
echo "ref: refs/heads/feature/export" > .git/HEAD       # last checkout in logs/HEAD
mkdir -p .git/refs/heads/feature
last HEAD > .git/refs/heads/feature/export
rm .git/refs/heads/release/1.x   # packed-refs still has it
for ref in refs/heads/main; do last "$ref" > ".git/$ref"; done

# --- objects: empty files are of no use, the second pack only lacks its index
find .git/objects -type f -size 0 -delete
for pack in .git/objects/pack/*.pack; do
  [ -e "${pack%.pack}.idx" ] || git index-pack "$pack"
done
# intact copies of what is broken in the first pack
git init -q --bare /tmp/fresh
git -C /tmp/fresh -c fetch.unpackLimit=1 fetch -q /app/backups/ledger-2024-02.bundle '+refs/*:refs/saved/*'
cp /tmp/fresh/objects/pack/pack-* .git/objects/pack/

# a file that still lies in the working tree, and one in the release archive (with its expanded keyword undone)
git hash-object -w ledger/formats.py
archive=/app/backups/ledger-1.1.tar.gz
revision=$(tar -xzOf $archive ledger-1.1/ledger/about.py | sed -n 's/^REVISION = "\(.*\)"/\1/p')
tar -xzOf $archive ledger-1.1/ledger/about.py | sed "s/\"$revision\"/\"\$Format:%h\$\"/" | git hash-object -w --no-filters --stdin

# the tree of the last commit: the index without what was added to it later
cp .git/index /tmp/index
GIT_INDEX_FILE=/tmp/index git rm -q --cached docs/export.md
GIT_INDEX_FILE=/tmp/index git write-tree

# the lost commit: its reflog line has everything but the tree, which is one of the dangling ones
line=$(grep 'Export: table of formats' .git/logs/HEAD)
read -r parent lost rest <<< "$line"
who=${rest%%$'\t'*}
subject=${rest#*$'\t'commit: }
for tree in $(git fsck 2>/dev/null | sed -n 's/^dangling tree //p'); do
  printf 'tree %s\nparent %s\nauthor %s\ncommitter %s\n\n%s\n' "$tree" "$parent" "$who" "$who" "$subject" > /tmp/commit
  if [ "$(git hash-object -t commit /tmp/commit)" = "$lost" ]; then git hash-object -w -t commit /tmp/commit; fi
done

# a dangling tag called v1.1
for tag in $(git fsck 2>/dev/null | sed -n 's/^dangling tag //p'); do
  if git cat-file tag "$tag" | grep -q '^tag v1.1$'; then echo "$tag" > .git/refs/tags/v1.1; fi
done

# --- get rid of the broken pack, now that there is another copy of everything
git repack -adfq
rm -f .git/info/refs
git fsck --full --strict
git show-ref --head
git status --short
