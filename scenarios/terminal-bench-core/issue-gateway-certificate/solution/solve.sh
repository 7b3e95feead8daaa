#!/bin/bash
set -eu
cd /app
mkdir -p out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# which of the two certificates belongs to the key?
pub=$(openssl pkey -in ca/issuing.key -passin file:ca/passphrase.txt -pubout)
for c in ca/issuing-a.crt ca/issuing-b.crt; do
  if [ "$(openssl x509 -in $c -noout -pubkey)" = "$pub" ]; then issuer=$c; fi
done

cat > "$work/ext.cnf" <<'C'
subjectAltName = DNS:gateway.harbour.example, DNS:*.dock.harbour.example, IP:10.44.0.10, IP:fd00:44::10
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
C
openssl x509 -req -in gateway.csr -CA "$issuer" -CAkey ca/issuing.key -passin file:ca/passphrase.txt \
  -set_serial "0x4$(openssl rand -hex 15)" -days 90 -sha256 -extfile "$work/ext.cnf" -out out/gateway.crt
cat out/gateway.crt "$issuer" > out/gateway-chain.pem
openssl verify -CAfile ca/root.crt -untrusted out/gateway-chain.pem -purpose sslserver out/gateway.crt
