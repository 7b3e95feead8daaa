#!/bin/bash
set -euo pipefail
cat > /app/nginx.conf <<'CONF'
user www-data;
worker_processes 1;
pid /run/nginx-docs.pid;
error_log /var/log/nginx/docs-error.log;
events { worker_connections 256; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;

    # Without "always" add_header leaves error answers alone, which is what
    # we want for Cache-Control. All add_header lines stay at server level:
    # one in a location would switch off the inherited ones.
    map $uri $cache_policy {
        ~^/assets/ "public, max-age=31536000, immutable";
        default    "no-cache";
    }

    server {
        listen 127.0.0.1:8080;
        root /app/site;
        index index.html;

        add_header X-Content-Type-Options nosniff always;
        add_header Referrer-Policy no-referrer always;
        add_header Cache-Control $cache_policy;

        # a directory without index is a 403 for nginx; here it is a 404
        error_page 403 404 =404 /404.html;

        location / { try_files $uri $uri/ =404; }
        location ~ /\. { return 404; }
        location ^~ /old/ { rewrite ^/old/(.*)$ /docs/$1 permanent; }
        location = /healthz { default_type text/plain; return 200 "ok\n"; }
    }
}
CONF
nginx -t -c /app/nginx.conf
nginx -c /app/nginx.conf
