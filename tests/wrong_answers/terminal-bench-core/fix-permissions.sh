#!/bin/bash
# Hasty: deploys run again, but the setgid and sticky bits and the umask of new
# releases were forgotten.
set -e
cd /srv/shop
chown -R root:release .
find . -type d -exec chmod 750 {} +
find . -type f -exec chmod 640 {} +
chmod 755 .
chmod 750 bin/deploy.sh
chmod 770 incoming
find releases -type d -exec chmod 775 {} +
find releases -type f -exec chmod 664 {} +
find releases -name '*.sh' -exec chmod 775 {} +
chmod 660 log/deploy.log
