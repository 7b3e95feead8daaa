#!/bin/bash
set -euo pipefail

# reportd.env is taken literally, line by line, at every start. Supervisor's
# own environment= would expand % and quotes, and would not see later changes.
cat > /app/bin/run-reportd <<'SH'
#!/bin/bash
while IFS= read -r line || [ -n "$line" ]; do
    [ -n "$line" ] && export "$line"
done < /app/etc/reportd.env
exec /app/bin/reportd --foreground
SH
chmod 755 /app/bin/run-reportd

cat > /app/supervisord.conf <<'CONF'
[unix_http_server]
file=/app/run/supervisor.sock
chmod=0700

[supervisord]
pidfile=/app/run/supervisord.pid
logfile=/app/log/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
user=root

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///app/run/supervisor.sock

[program:migrate]
command=/app/bin/migrate
user=report
directory=/app/var
priority=1
startsecs=0
autorestart=false
stdout_logfile=/app/log/migrate.log
redirect_stderr=true

[program:reportd]
command=/app/bin/run-reportd
user=report
directory=/app/var
umask=027
priority=10
startsecs=1
startretries=20
autorestart=true
stopsignal=INT
stdout_logfile=/app/log/reportd.log
stdout_logfile_maxbytes=64KB
stdout_logfile_backups=3
redirect_stderr=true

[program:mailer]
command=/app/bin/mailer
user=mailer
autostart=false
autorestart=true
stdout_logfile=/app/log/mailer.log
redirect_stderr=true
CONF

supervisord -c /app/supervisord.conf
for _ in $(seq 100); do
    supervisorctl -c /app/supervisord.conf status reportd | grep -q RUNNING && exit 0
    sleep 0.2
done
echo "reportd did not come up" >&2
exit 1
