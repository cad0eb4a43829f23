# shellcheck shell=bash
# The commands of ./dev and their help.

run_command() {
    local command=${1:-help}
    shift || true
    case $command in
        up) command_up "$@" ;;
        down) command_down ;;
        reset) command_reset ;;
        restart) command_restart "$@" ;;
        status) command_status ;;
        logs) command_logs "$@" ;;
        env) state_require && environment_print ;;
        demo) command_karmyq demo "$@" ;;
        karmyq) command_karmyq "$@" ;;
        kafka) state_require && kafka_tool "$@" ;;
        psql) state_require && postgres_psql karmyq "$@" ;;
        servers) command_servers ;;
        test) test_everything "$@" ;;
        fire) command_fire "$@" ;;
        help | --help | -h) command_help ;;
        *) fail "unknown command '$command'" "./dev help lists them." ;;
    esac
}

command_help() {
    cat <<EOF
karmyq on this machine.

  ./dev up               install what is missing, start Kafka, registry, PostgreSQL, build and start the services
  ./dev up --docker      the same from images, where a Docker engine runs
  ./dev demo             play an exchange between neighbours, live
  ./dev status           what runs, where, since when
  ./dev logs [-f] [NAME] the end of the logs (-f follows); NAME: ${SERVICES[*]} kafka registry postgres
  ./dev env              every address and secret file as export lines: eval "\$(./dev env)"
  ./dev restart [NAME]   restart the services, or one process
  ./dev down             stop everything, keep the data
  ./dev reset            stop everything, delete the data, keep the downloads
  ./dev test [ARGS]      formatting, lints, unit tests, tidy, then the system tests on servers of their own
  ./dev fire [ARGS]      real processes around three brokers under faults, then a check of everything; --help
  ./dev servers          only Kafka, registry and PostgreSQL, no build
  ./dev karmyq ARGS      the command line, connected to this environment
  ./dev kafka TOOL ARGS  Kafka's own tools: topics configs console-consumer consumer-groups …
  ./dev psql ARGS        PostgreSQL as superuser

Variables
  KARMYQ_STATE           directory of the environment (.dev); another one stands beside it, with ports of its own
  KARMYQ_DIST            directory of the downloads (.dev/dist)
  COMMAND_API_PORT QUERY_API_PORT PROJECTORS_PORT KAFKA_PORT KAFKA_CONTROLLER_PORT REGISTRY_PORT POSTGRES_PORT
                         choose a port; otherwise the usual or a free one, remembered in ports.env
  KAFKA_FLUSH            1: Kafka syncs every append to disk before it acknowledges, instead of leaving that to replicas
  KAFKA_BROKERS          3 instead of one for a new environment: two of them have to have a write before it counts
  KAFKA_HEAP_OPTS        memory of each broker (-Xms256m -Xmx512m)
  RUST_LOG, RATE_LIMIT_DISABLED, TOPIC_PROFILE, … reach the services; a change restarts them at the next ./dev up
EOF
}

command_up() {
    case ${1:-} in
        '') ;;
        --docker)
            docker_up
            return
            ;;
        *) fail "unknown option '$1'" "./dev up knows --docker only." ;;
    esac
    state_lock
    up
}

command_servers() {
    state_lock
    packages_install
    servers_up
    servers_await
}

command_down() {
    if docker_is_up; then
        docker_down
    fi
    [[ -d $STATE ]] || return 0
    state_lock
    services_stop
    servers_stop
    step_kept down "nothing of $STATE runs any more"
}

command_reset() {
    if docker_is_up; then
        docker_reset
    fi
    [[ -d $STATE ]] || return 0
    state_lock
    services_stop
    servers_stop
    postgres_delete
    rm -rf "$STATE/kafka" "$STATE/registry" "$LOGS" "$PIDS" "$SECRETS" "$PORTS_FILE"
    step_kept reset "the data of $STATE are deleted"
}

command_restart() {
    local name=${1:-}
    state_require
    state_lock
    case $name in
        '') services_stop ;;
        command-api | projectors | query-api | registry) process_stop "$name" TERM 30 ;;
        kafka) kafka_stop ;;
        postgres) process_stop postgres INT 60 ;;
        *) fail "unknown process '$name'" "Known: ${SERVICES[*]} kafka registry postgres" ;;
    esac
    servers_up
    servers_await
    case $name in
        kafka | registry | postgres) ;;
        *) services_up ;;
    esac
}

command_status() {
    local name pid address condition missing=0
    state_require
    for name in $(kafka_names) registry postgres "${SERVICES[@]}"; do
        address=$(process_address "$name")
        if pid=$(process_pid "$name"); then
            condition="up since $(date -r "/proc/$pid" "+%F %T"), pid $pid"
            process_ready "$name" || condition="NOT READY, $condition"
        else
            condition='down' missing=1
        fi
        printf '%-12s %-45s %s\n' "$name" "$address" "$condition"
    done
    return $missing
}

process_address() {
    case $1 in
        kafka | kafka-?) echo "127.0.0.1:$(kafka_port "$1")" ;;
        registry) registry_url ;;
        postgres) echo "127.0.0.1:$POSTGRES_PORT" ;;
        *) service_url "$1" ;;
    esac
}

process_ready() {
    case $1 in
        kafka | kafka-?) kafka_ready "$1" ;;
        registry) registry_ready ;;
        postgres) postgres_psql postgres -c 'SELECT 1' ;;
        *) service_ready "$1" ;;
    esac >/dev/null 2>&1
}

command_logs() {
    local follow=() name log files=()
    if [[ ${1:-} == -f ]]; then
        follow=(-F)
        shift
    fi
    (($# > 0)) || set -- "${SERVICES[@]}"
    for name in "$@"; do
        log=$(process_log "$name")
        [[ -f $log ]] || fail "there is no log $log" "Logs of this environment: $(cd "$LOGS" 2>/dev/null && echo *.log)"
        files+=("$log")
    done
    tail -n 100 "${follow[@]}" "${files[@]}"
}

command_karmyq() {
    state_require
    [[ -x $BINARIES/karmyq ]] || fail "$BINARIES/karmyq is missing" "Run ./dev up: it builds it."
    environment_export < <(environment_all)
    exec "$BINARIES/karmyq" "$@"
}
