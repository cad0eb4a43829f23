# shellcheck shell=bash
# Secrets of the local profile: made once per state, readable by their owner only, never printed by ./dev up.

JWT_SIGNING_KEY=$SECRETS/jwt-signing-key.pem
JWT_PUBLIC_KEYS=$SECRETS/jwt-public-keys
DATA_KEY_MASTER=$SECRETS/data-key-master
FINGERPRINT_KEY=$SECRETS/fingerprint-key

readonly PASSWORDS=(superuser owner command projector query)

secrets_create() {
    local name
    (
        umask 077
        for name in "${PASSWORDS[@]}"; do
            secret_file "$SECRETS/postgres-$name" openssl rand -hex 24 || exit
        done
        secret_file "$SECRETS/internal-secret" openssl rand -hex 32 &&
            secret_file "$DATA_KEY_MASTER" openssl rand -base64 32 &&
            secret_file "$FINGERPRINT_KEY" openssl rand -base64 32 &&
            secret_file "$JWT_SIGNING_KEY" openssl genpkey -algorithm ed25519 &&
            secrets_publish_jwt_key
    ) || fail "could not create the secrets in $SECRETS" "Look at the message above; the directory must be writable and openssl must know Ed25519 (1.1.1 or newer)."
}

# secret_file FILE COMMAND...: the command's output, complete or not at all.
secret_file() {
    local file=$1
    shift
    [[ ! -s $file ]] || return 0
    "$@" >"$file.part" && mv "$file.part" "$file"
}

# The public half lies in a directory where the file name is the key id: a digest of the key, so that a
# rotated key gets another id by itself.
secrets_publish_jwt_key() {
    local kid
    mkdir -p "$JWT_PUBLIC_KEYS" || return
    kid=$(openssl pkey -in "$JWT_SIGNING_KEY" -pubout -outform DER | sha256sum | cut -c1-16) || return
    secret_file "$JWT_PUBLIC_KEYS/$kid.pem" openssl pkey -in "$JWT_SIGNING_KEY" -pubout
}

# password NAME: the generated password of a PostgreSQL role.
password() {
    cat "$SECRETS/postgres-$1"
}
