#!/bin/bash
# Loads and migrates the data properly and keeps the users in a file, but drops the
# expiry times of the carts and lets "reports" write to the shop's keys.
set -eu
mkdir -p /etc/redis
cat > /etc/redis/shop.conf <<C
bind 127.0.0.1
port 6390
daemonize yes
dir /srv/redis
appendonly yes
appendfsync always
aclfile /etc/redis/users.acl
maxmemory 96mb
maxmemory-policy volatile-ttl
C
: > /etc/redis/users.acl
redis-server --port 6390 --bind 127.0.0.1 --dir /srv/redis --save "" --daemonize yes >/dev/null
sleep 1
cli() { redis-cli -p 6390 "$@"; }
cli EVAL '
for _, key in ipairs(redis.call("KEYS", "cart:*")) do
  for _, sku in ipairs(redis.call("LRANGE", key, 0, -1)) do redis.call("HINCRBY", "shop:" .. key, sku, 1) end
  redis.call("DEL", key)
end
for _, key in ipairs(redis.call("KEYS", "stock:*")) do
  redis.call("HSET", "shop:stock", string.sub(key, 7), redis.call("GET", key))
  redis.call("DEL", key)
end' 0
cli CONFIG SET appendonly yes
sleep 2
cli SHUTDOWN || true
sleep 1
redis-server /etc/redis/shop.conf
sleep 1
while read -r user password; do
  case $user in
    ops) cli ACL SETUSER ops on ">$password" '~*' '&*' +@all ;;
    shop) cli ACL SETUSER shop on ">$password" '~shop:*' '~lock:*' resetchannels '&shop:*' +@all -@admin -@dangerous -@scripting ;;
    reports) cli ACL SETUSER reports on ">$password" '~shop:*' '~report:*' resetchannels +@all -@admin -@dangerous -@scripting ;;
  esac
done < /root/redis-users.txt
cli ACL SETUSER default off
redis-cli -p 6390 --no-auth-warning --user ops -a "$(awk '$1 == "ops" { print $2 }' /root/redis-users.txt)" ACL SAVE
