# shellcheck shell=bash
# Where an environment lives: one directory (KARMYQ_STATE) with data, logs, pids, secrets and ports.
# Several environments stand side by side; all share the downloads (KARMYQ_DIST).

readonly DEFAULT_STATE="$ROOT/.dev"
STATE=$(realpath -m "${KARMYQ_STATE:-$DEFAULT_STATE}")
DIST=$(realpath -m "${KARMYQ_DIST:-$DEFAULT_STATE/dist}")
LOGS=$STATE/log
PIDS=$STATE/run
SECRETS=$STATE/secrets
PORTS_FILE=$STATE/ports.env

# variable=port that a first environment prefers
readonly PREFERRED_PORTS=(
    COMMAND_API_PORT=8080
    QUERY_API_PORT=8081
    PROJECTORS_PORT=8082
    REGISTRY_PORT=8085
    KAFKA_PORT=9092
    KAFKA_CONTROLLER_PORT=9093
    POSTGRES_PORT=5432
)

state_prepare() {
    mkdir -p "$STATE" "$DIST" "$LOGS" "$PIDS" "$SECRETS"
    # Other users (postgres) pass through to their own directories, but see no secret.
    chmod 755 "$STATE" "$LOGS" "$PIDS"
    chmod 700 "$SECRETS"
}

# Commands that change an environment wait for each other. The lock goes with this process, not with the
# servers it starts: they close descriptor 9.
state_lock() {
    state_prepare
    exec 9>"$STATE/lock"
    if ! flock --nonblock 9; then
        note "waiting for another ./dev command on $STATE"
        flock 9
    fi
}

state_exists() {
    [[ -f $PORTS_FILE ]]
}

# A command that needs a set-up environment starts with this.
state_require() {
    state_exists || fail "nothing is set up in $STATE yet" "Run ./dev up first."
    ports_load
}

ports_load() {
    # shellcheck source=/dev/null
    [[ ! -f $PORTS_FILE ]] || source "$PORTS_FILE"
}

# port_taken PORT: somebody listens on it, on whatever address.
port_taken() {
    local hex tables=()
    printf -v hex '%04X' "$1"
    for table in /proc/net/tcp /proc/net/tcp6; do
        [[ ! -r $table ]] || tables+=("$table")
    done
    awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' "${tables[@]}"
}

port_listed() {
    local port=$1 other
    shift
    for other in "$@"; do
        [[ $other != "$port" ]] || return 0
    done
    return 1
}

# A free port outside the range from which the kernel gives ports to outgoing connections.
port_random() {
    local port
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 10000))
        if ! port_taken "$port" && ! port_listed "$port" "$@"; then
            echo "$port"
            return
        fi
    done
    fail "found no free port between 20000 and 29999" "End some servers, or name ports: KAFKA_PORT=… ./dev up (./dev help lists them)."
}

# Decides each port: the caller's, else the remembered, else the preferred, else a free one; and remembers it.
ports_choose() {
    local entry name chosen=() lines=''
    local -A requested=()
    for entry in "${PREFERRED_PORTS[@]}"; do
        name=${entry%%=*}
        requested[$name]=${!name:-}
        unset "$name"
    done
    ports_load
    for entry in "${PREFERRED_PORTS[@]}"; do
        name=${entry%%=*}
        port_choose "$name" "${entry#*=}" "${requested[$name]}" "${chosen[@]}"
        chosen+=("${!name}")
        lines+="$name=${!name}"$'\n'
    done
    printf %s "$lines" >"$PORTS_FILE"
}

# port_choose NAME PREFERRED ASKED CHOSEN...: sets the variable NAME, which holds the remembered port or nothing.
port_choose() {
    local name=$1 preferred=$2 asked=$3 remembered=${!1:-} wanted
    shift 3
    # The preferred ones belong to the default state, so that a test environment never takes them away.
    [[ $STATE == "$DEFAULT_STATE" ]] || preferred=''
    wanted=${asked:-${remembered:-$preferred}}
    if [[ -n $remembered && $wanted == "$remembered" ]] && process_running "$(port_owner "$name")"; then
        return
    fi
    if [[ -z $wanted ]]; then
        wanted=$(port_random "$@")
    elif port_taken "$wanted" || port_listed "$wanted" "$@"; then
        [[ -z $asked ]] || fail "$name=$asked: that port is taken" "Name another one, or leave $name unset to get a free one."
        note "port $wanted is taken, choosing another as $name"
        wanted=$(port_random "$@")
    fi
    printf -v "$name" %s "$wanted"
}

port_owner() {
    case $1 in
        COMMAND_API_PORT) echo command-api ;;
        QUERY_API_PORT) echo query-api ;;
        PROJECTORS_PORT) echo projectors ;;
        REGISTRY_PORT) echo registry ;;
        KAFKA_PORT | KAFKA_CONTROLLER_PORT) echo kafka ;;
        POSTGRES_PORT) echo postgres ;;
    esac
}
