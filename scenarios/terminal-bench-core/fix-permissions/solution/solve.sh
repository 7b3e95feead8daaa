#!/bin/bash
set -euo pipefail
cd /srv/shop

# everything starts as root:release, without write for anyone but root
chown -hR root:release .
find . -type d -exec chmod 0750 {} +
find . -type f -exec chmod 0640 {} +
chmod 0755 .
chmod 0750 bin/deploy.sh

# incoming: both drop files; sticky, so nobody takes away the other's
chmod 3770 incoming

# releases: public to read, shared to write, setgid keeps the group
find releases -type d -exec chmod 2775 {} +
find releases -type f -exec chmod 0664 {} +
find releases -type f -name '*.sh' -exec chmod 0775 {} +

# the log can be written, but its directory belongs to root
chmod 0660 log/deploy.log

# new releases have to be writable for the group, too
sed -i 's/^DEPLOY_UMASK=.*/DEPLOY_UMASK=002/' etc/deploy.conf
