#!/usr/bin/env bash
# Makes the secrets of the local profile in a directory, each once: secrets.sh DIRECTORY
#
#   postgres-<name>        password of the superuser and of each role
#   internal-secret        for X-Internal-Secret
#   data-key-master        32 bytes, base64: wraps the data keys of sealed fields
#   fingerprint-key        32 bytes, base64: fingerprints of calls
#   jwt-signing-key.pem    Ed25519, PKCS#8
#   jwt-public-keys/<kid>.pem
set -euo pipefail
umask 077

directory=$1
mkdir -p "$directory/jwt-public-keys"
cd "$directory"

# secret FILE COMMAND...: the command's output, complete or not at all; an existing file is kept.
secret() {
    local file=$1
    shift
    if [[ ! -s $file ]]; then
        "$@" >"$file.part"
        mv "$file.part" "$file"
    fi
}

for name in superuser owner command projector query; do
    secret "postgres-$name" openssl rand -hex 24
done
secret internal-secret openssl rand -hex 32
secret data-key-master openssl rand -base64 32
secret fingerprint-key openssl rand -base64 32
secret jwt-signing-key.pem openssl genpkey -algorithm ed25519

# The file name of a public key is its id: a digest of the key, so that a rotated key gets another id by itself.
kid=$(openssl pkey -in jwt-signing-key.pem -pubout -outform DER | sha256sum | cut -c1-16)
secret "jwt-public-keys/$kid.pem" openssl pkey -in jwt-signing-key.pem -pubout
