# shellcheck shell=bash
# Our own four binaries: build, set up with the command line, start, await.

readonly SERVICES=(command-api projectors query-api)
BINARIES=${CARGO_TARGET_DIR:-$ROOT/target}/release

services_build() {
    rust_require
    step_begin build "cargo build --release (the first time takes minutes)"
    (cd "$ROOT" && cargo build --release --locked -p command-api -p projectors -p query-api -p karmyq) 9>&- ||
        fail "the build failed" "The compiler's messages are above. On a fresh clone check: rustc --version (needs $RUST_VERSION or newer), free memory and disk."
    step_done build "four binaries in $BINARIES"
}

# Schemas and tables before the first service; each command changes nothing when all is in place.
services_set_up() {
    karmyq_step "database" migrate
    karmyq_step "topics" topics create
    karmyq_step "schemas" schemas push
}

# karmyq_step NAME ARGUMENTS...: one command of the command line as a step, its output in a log.
karmyq_step() {
    local name=$1 log=$LOGS/setup-$1.log
    shift
    step_begin "$name" "karmyq $*"
    (environment_export < <(environment_all) && "$BINARIES/karmyq" "$@") >"$log" 2>&1 ||
        fail_with_log "karmyq $* failed" "The reason is above; repeat it alone with: ./dev karmyq $*" "$log"
    step_done "$name" "$(tail -n 1 "$log" | cut -c1-100)"
}

service_port() {
    case $1 in
        command-api) echo "$COMMAND_API_PORT" ;;
        query-api) echo "$QUERY_API_PORT" ;;
        projectors) echo "$PROJECTORS_PORT" ;;
    esac
}

service_url() {
    echo "http://127.0.0.1:$(service_port "$1")"
}

# What only this service gets: where it listens and its own role in PostgreSQL.
service_variables() {
    local listen
    listen=127.0.0.1:$(service_port "$1")
    case $1 in
        command-api)
            echo "COMMAND_API_LISTEN=$listen"
            echo "ADVERTISED_URL=http://$listen"
            echo "DATABASE_URL=$(postgres_url karmyq_command command)"
            ;;
        projectors)
            echo "PROJECTORS_LISTEN=$listen"
            echo "DATABASE_URL=$(postgres_url karmyq_projector projector)"
            ;;
        query-api)
            echo "QUERY_API_LISTEN=$listen"
            echo "DATABASE_URL=$(postgres_url karmyq_query query)"
            ;;
    esac
}

# Whatever a service is configured with: its binary, our variables, the caller's.
service_fingerprint() {
    {
        sha256sum <"$BINARIES/$1"
        service_variables "$1"
        environment_all
        environment_of_caller "$BINARIES/$1"
    } | digest
}

service_begin() {
    local name=$1 fingerprint
    [[ -x $BINARIES/$name ]] || fail "$BINARIES/$name is missing" "Run ./dev up: it builds the services."
    fingerprint=$(service_fingerprint "$name")
    if process_current "$name" "$fingerprint"; then
        return
    fi
    process_stop "$name" TERM 30
    (
        environment_export < <(environment_all && service_variables "$name")
        cd "$STATE" || exit
        process_start "$name" "$fingerprint" "$BINARIES/$name"
    )
}

service_ready() {
    curl -fsS --max-time 5 "$(service_url "$1")/health/ready"
}

services_up() {
    local name
    step_begin services "${SERVICES[*]}"
    for name in "${SERVICES[@]}"; do
        service_begin "$name"
    done
    for name in "${SERVICES[@]}"; do
        process_await "$name" 90 "Its log is $(process_log "$name"); $(service_url "$name")/health/ready tells what it waits for." service_ready "$name"
    done
    step_done services "ready"
}

services_stop() {
    local name
    for name in "${SERVICES[@]}"; do
        process_stop "$name" TERM 30
    done
}
