#!/bin/bash
set -eu
cp -n /srv/redis/dump.rdb /root/dump-before.rdb
mkdir -p /etc/redis

hash_of() { awk -v u="$1" '$1 == u { printf "%s", $2 }' /root/redis-users.txt | sha256sum | cut -d' ' -f1; }
cat > /etc/redis/shop.conf <<C
bind 127.0.0.1
port 6390
protected-mode yes
daemonize yes
dir /srv/redis
logfile /srv/redis/redis.log

appendonly yes
appendfsync always
no-appendfsync-on-rewrite no

maxmemory 96mb
maxmemory-policy volatile-ttl

user default off resetpass resetkeys resetchannels -@all
user ops on #$(hash_of ops) ~* &* +@all
user shop on #$(hash_of shop) ~shop:* ~lock:* resetchannels &shop:* +@all -@admin -@dangerous -@scripting
user reports on #$(hash_of reports) %R~shop:* ~report:* resetchannels +@all -@admin -@dangerous -@scripting
C
chmod 640 /etc/redis/shop.conf

# A server that is told to use an append-only file and finds none starts empty; so load
# the snapshot without one first (on a private socket), migrate, and switch it on.
T=/tmp/redis-migrate.sock
redis-server --port 0 --unixsocket $T --dir /srv/redis --save "" --daemonize yes >/dev/null
cli() { redis-cli -s $T "$@"; }
for _ in $(seq 100); do [ "$(cli PING 2>/dev/null)" = PONG ] && break; sleep 0.1; done

cli EVAL '
for _, key in ipairs(redis.call("KEYS", "cart:*")) do
  local new = "shop:" .. key
  local existed = redis.call("EXISTS", new) == 1
  for _, sku in ipairs(redis.call("LRANGE", key, 0, -1)) do redis.call("HINCRBY", new, sku, 1) end
  local at = redis.call("PEXPIRETIME", key)
  if not existed and at > 0 then redis.call("PEXPIREAT", new, at) end
  redis.call("DEL", key)
end
for _, key in ipairs(redis.call("KEYS", "stock:*")) do
  redis.call("HSET", "shop:stock", string.sub(key, 7), redis.call("GET", key))
  redis.call("DEL", key)
end' 0

cli CONFIG SET appendonly yes
for _ in $(seq 200); do
  cli INFO persistence | grep -q 'aof_rewrite_in_progress:0' && cli INFO persistence | grep -q 'aof_rewrite_scheduled:0' && break
  sleep 0.1
done
cli INFO persistence | grep -q 'aof_last_bgrewrite_status:ok'
cli SHUTDOWN SAVE || true
while [ -S $T ]; do sleep 0.1; done

redis-server /etc/redis/shop.conf
sleep 1
redis-cli -p 6390 PING 2>&1
