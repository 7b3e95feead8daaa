#!/bin/bash
# deploy.sh VERSION: turn incoming/VERSION.html into releases/VERSION
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
. "$root/bin/lib/common.sh"
. "$root/etc/deploy.conf"
. "$root/etc/secrets.env"

version=${1:?usage: deploy.sh VERSION}
umask "$DEPLOY_UMASK"
[ -n "$SHOP_TOKEN" ] || fail "no token"
[ -r "$root/incoming/$version.html" ] || fail "no incoming/$version.html"

dest=$root/releases/$version
mkdir -p "$dest/public" "$dest/hooks"
cat "$root/incoming/$version.html" > "$dest/public/index.html"
echo "$version" > "$dest/VERSION"
rm -f "$dest/hooks/healthcheck.sh"
printf '#!/bin/sh\necho "release %s is healthy"\n' "$version" > "$dest/hooks/healthcheck.sh"
chmod +x "$dest/hooks/healthcheck.sh"
switch "$root/releases" "$version"
note "$version deployed by $(id -un)"
