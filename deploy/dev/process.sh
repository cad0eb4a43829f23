# shellcheck shell=bash
# Long-running processes: started apart from this shell, known by recorded pid, ended by that pid only.
#
# $PIDS/NAME.pid holds "pid start-time": the start time tells our process from a later one with the same pid.
# $PIDS/NAME.fingerprint holds a digest of what it was started with; another digest means restart.

# process_pid NAME: prints the pid while that very process lives.
process_pid() {
    local pid started
    [[ -f $PIDS/$1.pid ]] || return 1
    read -r pid started <"$PIDS/$1.pid" || return 1
    [[ $(process_start_time "$pid") == "$started" ]] || return 1
    echo "$pid"
}

process_running() {
    process_pid "$1" >/dev/null
}

# Clock ticks since boot at which the process began; nothing when it is gone or a zombie.
process_start_time() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} == Z ]] || echo "${fields[19]}"
}

process_log() {
    echo "$LOGS/$1.log"
}

# process_start NAME FINGERPRINT COMMAND...: own session, no terminal, nothing of the caller kept open.
process_start() {
    local name=$1 fingerprint=$2 log
    shift 2
    log=$(process_log "$name")
    [[ ! -e $log ]] || mv "$log" "${log%.log}.previous.log"
    setsid nohup "$@" </dev/null >"$log" 2>&1 9>&- &
    local pid=$!
    printf '%s %s\n' "$pid" "$(process_start_time "$pid")" >"$PIDS/$name.pid"
    printf '%s\n' "$fingerprint" >"$PIDS/$name.fingerprint"
    disown "$pid"
}

# process_current NAME FINGERPRINT: runs, and was started with exactly this.
process_current() {
    process_running "$1" && [[ $(<"$PIDS/$1.fingerprint") == "$2" ]]
}

# process_await NAME SECONDS REMEDY PROBE...: until the probe succeeds; fails when the process dies or time is up.
process_await() {
    local name=$1 seconds=$2 remedy=$3 deadline
    shift 3
    deadline=$(($(now_ms) + seconds * 1000))
    while process_running "$name"; do
        # A process that died during the probe did not answer it: somebody else did.
        if "$@" >/dev/null 2>&1 && process_running "$name"; then
            return
        fi
        (($(now_ms) < deadline)) ||
            fail_with_log "$name was not ready within $seconds s" "$remedy" "$(process_log "$name")"
        sleep 0.1
    done
    fail_with_log "$name ended while starting" "$remedy" "$(process_log "$name")"
}

# process_stop NAME SIGNAL SECONDS: asks, waits, and only then kills.
process_stop() {
    local name=$1 signal=$2 seconds=$3 pid deadline
    if pid=$(process_pid "$name"); then
        deadline=$(($(now_ms) + seconds * 1000))
        kill -s "$signal" "$pid"
        while process_running "$name"; do
            if (($(now_ms) >= deadline)); then
                note "$name did not end within $seconds s of SIG$signal: killing it"
                kill -s KILL "$pid"
                deadline=$((deadline + 5000))
            fi
            sleep 0.05
        done
    fi
    rm -f "$PIDS/$name.pid" "$PIDS/$name.fingerprint"
}

digest() {
    sha256sum | cut -c1-32
}
