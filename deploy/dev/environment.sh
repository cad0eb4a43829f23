# shellcheck shell=bash
# The variables of an environment: what `./dev env` prints and what the services are started with.

# Prints NAME=value lines. These are facts of this environment, so a value that the caller inherited from
# another one (through `eval "$(./dev env)"`) never wins over them.
environment_addresses() {
    cat <<EOF
KARMYQ_COMMAND_API=http://127.0.0.1:$COMMAND_API_PORT
KARMYQ_QUERY_API=http://127.0.0.1:$QUERY_API_PORT
KARMYQ_PROJECTORS=http://127.0.0.1:$PROJECTORS_PORT
KAFKA_BOOTSTRAP_SERVERS=$(kafka_bootstrap)
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
    local topics=small
    (($(kafka_count) == 1)) || topics=replicated
    cat <<EOF
KARMYQ_PROFILE=${KARMYQ_PROFILE:-local}
TOPIC_PROFILE=${TOPIC_PROFILE:-$topics}
INTERNAL_SECRET=${INTERNAL_SECRET:-$(<"$SECRETS/internal-secret")}
EOF
}

environment_all() {
    environment_addresses
    environment_settings
}

# The caller's own settings reach a service by inheritance. environment_of_caller BINARY prints those that concern it,
# which are the variables whose names its binary contains: so a new setting needs no line here, and a new terminal
# restarts nothing.
environment_of_caller() {
    local name
    # What ./dev sets anyway is left out: `eval "$(./dev env)"` changes no setting. The rest is the terminal's own.
    local -A ignored=([_]=1 [PWD]=1 [OLDPWD]=1 [SHLVL]=1 [TERM]=1 [COLUMNS]=1 [LINES]=1 [HOME]=1 [USER]=1 [SHELL]=1 [PATH]=1 [LANG]=1)
    while IFS='=' read -r name _; do
        ignored[$name]=1
    done < <(environment_all)
    while read -r name; do
        [[ -n ${ignored[$name]:-} ]] || echo "$name=${!name}"
    done < <(grep -aoFf <(compgen -e) "$1" | sort -u)
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
