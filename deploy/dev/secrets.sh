# shellcheck shell=bash
# Secrets of this environment: made once, readable by their owner only, never printed by ./dev up.

secrets_create() {
    local log=$LOGS/secrets.log
    "$ROOT/deploy/secrets.sh" "$SECRETS" >"$log" 2>&1 ||
        fail_with_log "could not create the secrets in $SECRETS" "The directory must be writable, and openssl must know Ed25519 (1.1.1 or newer)." "$log"
}

# password NAME: the generated password of the superuser or of a role.
password() {
    cat "$SECRETS/postgres-$1"
}
