# what the restore left: root's files, and modes that make no sense
set -e
cd /srv/shop
for v in 2024-09 2024-10; do
  mkdir -p releases/$v/public/img releases/$v/hooks
  printf '<h1>Shop %s</h1>\n' $v > releases/$v/public/index.html
  printf 'P3 1 1 1 0 0 1\n' > releases/$v/public/img/dot.ppm
  printf '%s\n' $v > releases/$v/VERSION
  printf '#!/bin/sh\necho "release %s is healthy"\n' $v > releases/$v/hooks/healthcheck.sh
done
mkdir incoming
printf '<h1>Shop 2024-11</h1>\n' > incoming/2024-11.html
printf 'shop@example.test\n' > releases/2024-10/public/img/.contact
ln -s 2024-10 releases/current
chown -R root:root .
find . -type d -exec chmod 700 {} +
find . -type f -exec chmod 600 {} +
chmod 777 releases/2024-09 releases/2024-09/public
chmod 666 etc/secrets.env log/deploy.log
chmod 755 etc/deploy.conf releases/2024-10/public/index.html releases/2024-10/VERSION
chown build releases/2024-09/public/index.html releases/2024-09/hooks/healthcheck.sh
chown guest releases/2024-10/public/img
chmod 4755 releases/2024-09/hooks/healthcheck.sh
