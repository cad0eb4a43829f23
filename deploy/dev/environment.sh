# shellcheck shell=bash
# The variables of an environment: what `./dev env` prints and what the services are started with.

# Prints NAME=value lines. These are facts of this environment, so a value that the caller inherited from
# another one (through `eval "$(./dev env)"`) never wins over them.
environment_addresses() {
    cat <<EOF
KARMYQ_COMMAND_API=http://127.0.0.1:$COMMAND_API_PORT
KARMYQ_QUERY_API=http://127.0.0.1:$QUERY_API_PORT
KARMYQ_PROJECTORS=http://127.0.0.1:$PROJECTORS_PORT
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$KAFKA_PORT
SCHEMA_REGISTRY_URL=$(registry_url)
DATABASE_URL_SUPERUSER=$(postgres_url postgres superuser)
MIGRATIONS_DATABASE_URL=$(postgres_url karmyq_owner owner)
DATABASE_URL_COMMAND_API=$(postgres_url karmyq_command command)
DATABASE_URL_PROJECTORS=$(postgres_url karmyq_projector projector)
DATABASE_URL_QUERY_API=$(postgres_url karmyq_query query)
JWT_SIGNING_KEY_FILE=$SECRETS/jwt-signing-key.pem
JWT_PUBLIC_KEYS_DIR=$SECRETS/jwt-public-keys
DATA_KEY_MASTER_FILE=$SECRETS/data-key-master
FINGERPRINT_KEY_FILE=$SECRETS/fingerprint-key
EOF
}

# Settings with a local default that the caller may override.
environment_settings() {
    cat <<EOF
KARMYQ_PROFILE=${KARMYQ_PROFILE:-local}
TOPIC_PROFILE=${TOPIC_PROFILE:-small}
INTERNAL_SECRET=${INTERNAL_SECRET:-$(<"$SECRETS/internal-secret")}
EOF
}

environment_all() {
    environment_addresses
    environment_settings
}

# The caller's own settings. They reach the services by inheritance; this list is what a restart depends on, so
# that a new terminal with another TERM restarts nothing.
readonly CALLER_SETTINGS='^(RUST_|OTEL_|RATE_LIMIT_|KARMYQ_|COMMAND_API_|QUERY_API_|PROJECTORS_|WRITER_|WINDOW_|PROJECTION|DOMAINS|OPERATORS|ALLOWED_ORIGINS|REQUIRE_|LOG_|SNAPSHOT|LEDGER|TOKIO_|SSE_)'

environment_of_caller() {
    env | grep -E "$CALLER_SETTINGS" | grep -vE '^KARMYQ_(STATE|DIST|COMMAND_API|QUERY_API|PROJECTORS)=' | sort || true
}

# For `eval "$(./dev env)"`.
environment_print() {
    local line
    while IFS= read -r line; do
        printf 'export %s=%q\n' "${line%%=*}" "${line#*=}"
    done < <(environment_all)
}

# Makes the NAME=value lines on standard input variables of this shell and of what it runs. (Not `env NAME=value …`:
# every user of the machine can read a command line, and these hold passwords.)
environment_export() {
    local line
    while IFS= read -r line; do
        export "${line?}"
    done
}
