# shellcheck shell=bash
# ./dev fire: three brokers, eight services, and every fault there is, in a state of its own that is gone afterwards.

# Downloads are the environment's; everything else of a run lies below its state.
FIRE_STATE=$STATE/fire

command_fire() {
    local profile=release build=fire_build arguments=() argument
    for argument in "$@"; do
        case $argument in
            --debug) profile=debug ;;
            --no-build) build=: ;;
            --help | --list)
                fire_ask "$argument"
                return
                ;;
            *) arguments+=("$argument") ;;
        esac
    done
    mkdir -p "$STATE"
    exec 7>"$STATE/fire.lock"
    flock --nonblock 7 || fail "another ./dev fire is running in $STATE" "Wait for it to end, or set KARMYQ_STATE."
    packages_install build
    rust_require
    mkdir -p "$DIST" "$LOGS"
    downloads_fetch
    "$build" "$profile"
    fire_prepare
    fire_burn "${CARGO_TARGET_DIR:-$ROOT/target}" "$profile" "${arguments[@]}"
}

# What can be answered without servers and services.
fire_ask() {
    rust_require
    (cd "$ROOT" && cargo run --quiet --locked -p tests --bin fire -- "$1")
}

# The services as they are shipped. The harness is a test and built like one, which saves all its dependencies a second build.
# CI has built both already: then this takes a second.
fire_build() {
    local options=(--locked)
    [[ $1 == debug ]] || options+=(--release)
    step_begin build "cargo build (${1})"
    (cd "$ROOT" && cargo build "${options[@]}" --bins && cargo build --locked -p tests --bin fire) 7>&- >&2 ||
        fail "the build failed" "The compiler's messages are above."
    step_done build "services and harness"
}

# Secrets, an empty PostgreSQL cluster, and the clock that services look at; the harness starts every process itself.
fire_prepare() {
    # shellcheck disable=SC2034 # other parts read them
    STATE=$FIRE_STATE LOGS=$FIRE_STATE/log PIDS=$FIRE_STATE/run SECRETS=$FIRE_STATE/secrets
    fire_clear
    state_prepare
    FIRE_CLOCK_LIBRARY=$FIRE_STATE/clock.so
    cc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$FIRE_CLOCK_LIBRARY" "$ROOT/tests/fire/clock.c" >&2 ||
        fail "tests/fire/clock.c cannot be compiled" "The compiler's messages are above."
    secrets_create
    postgres_place
    postgres_find_binaries
    postgres_init
    install -m 644 "$ROOT/deploy/postgres/postgresql.conf" "$POSTGRES_HOME/data/karmyq.conf"
    echo "include 'karmyq.conf'" >>"$POSTGRES_HOME/data/postgresql.conf"
}

fire_clear() {
    postgres_delete
    rm -rf "$FIRE_STATE"
}

# fire_burn TARGET PROFILE ARGUMENTS...: everything that it has started carries a mark and ends with it, whatever happens.
fire_burn() {
    local result=0 target=$1 profile=$2
    shift 2
    TEST_MARK=$(cat /proc/sys/kernel/random/uuid)
    trap 'test_leftovers 2>/dev/null || true' EXIT
    # Ctrl-C reaches the harness, too, which ends in good order.
    trap : INT
    KARMYQ_TEST_MARK=$TEST_MARK FIRE_ROOT=$ROOT FIRE_STATE=$FIRE_STATE FIRE_BINARIES=$target/$profile \
        FIRE_CLOCK_LIBRARY=$FIRE_CLOCK_LIBRARY FIRE_KAFKA_HOME=$KAFKA_HOME \
        FIRE_REGISTRY=$REGISTRY_HOME/apicurio-registry-app-$APICURIO_VERSION-runner.jar \
        FIRE_POSTGRES=$POSTGRES_BIN FIRE_POSTGRES_HOME=$POSTGRES_HOME FIRE_POSTGRES_RUNNER="${POSTGRES_RUNNER[*]}" \
        "$target/debug/fire" "$@" 7>&- || result=$?
    test_leftovers || true
    trap - EXIT INT
    if ((result == 0)); then
        fire_clear
    else
        # Data are large and of no use without their processes; what they have said is kept.
        postgres_delete
        rm -rf "$FIRE_STATE"/broker-* "$FIRE_STATE/registry"
        note "the logs of all processes are in $FIRE_STATE/log"
    fi
    exit "$result"
}
