# shellcheck shell=bash
# The commands of ./dev.

run_command() {
    local command=${1:-help}
    shift || true
    case $command in
        servers) command_servers ;;
        env) command_env ;;
        *) fail "unknown command '$command'" "./dev help lists them." ;;
    esac
}

command_servers() {
    state_lock
    packages_install
    servers_up
    servers_await
}

command_env() {
    state_require
    environment_print
}
