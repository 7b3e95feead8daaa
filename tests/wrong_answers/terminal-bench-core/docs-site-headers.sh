#!/bin/bash
# Hasty: headers look right on the pages one tries first, but add_header in a
# location drops the inherited ones, and error answers get none of them.
set -e
cat > /app/nginx.conf <<'CONF'
user www-data;
pid /run/nginx-docs.pid;
events {}
http {
    include /etc/nginx/mime.types;
    server {
        listen 127.0.0.1:8080;
        root /app/site;
        index index.html;
        error_page 404 /404.html;
        add_header X-Content-Type-Options nosniff;
        add_header Referrer-Policy no-referrer;
        add_header Cache-Control no-cache;
        location /assets/ { add_header Cache-Control "public, max-age=31536000, immutable"; }
        location ~ /\. { return 404; }
        location /old/ { rewrite ^/old/(.*)$ /docs/$1 permanent; }
        location = /healthz { default_type text/plain; return 200 "ok\n"; }
    }
}
CONF
nginx -c /app/nginx.conf
