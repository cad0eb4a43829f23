# shellcheck shell=bash
# A private PostgreSQL cluster: loopback and Unix socket, passwords for everybody.

# PostgreSQL refuses to run as root, so root hands it to the user that Debian's package brings.
postgres_as_owner() {
    if [[ $(id -u) == 0 ]]; then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}

# Sets POSTGRES_HOME: under the state, unless its user could not get there (a clone under /root) or the path is
# too long for a socket; then under /var/lib/postgresql, with a link from the state.
postgres_place() {
    local link=$STATE/postgres
    POSTGRES_HOME=$link
    if [[ ! -e $link ]]; then
        if ((${#link} > 80)) || ! postgres_as_owner test -x "$STATE"; then
            ln -sfn "/var/lib/postgresql/karmyq-$(printf %s "$STATE" | digest)" "$link"
        fi
    fi
    [[ ! -L $link ]] || POSTGRES_HOME=$(readlink "$link")
    mkdir -p "$POSTGRES_HOME"
    [[ $(id -u) != 0 ]] || chown postgres:postgres "$POSTGRES_HOME"
}

postgres_init() {
    local log=$LOGS/postgres-init.log password_file=$POSTGRES_HOME/initial-password
    [[ ! -f $POSTGRES_HOME/data/PG_VERSION ]] || return 0
    step_begin postgres "creating a cluster"
    # The cluster's user cannot read our secrets, so the password is handed over in a file of its own.
    (umask 077 && password superuser >"$password_file")
    [[ $(id -u) != 0 ]] || chown postgres:postgres "$password_file"
    (
        cd "$POSTGRES_HOME" || exit
        postgres_as_owner "$POSTGRES_BIN/initdb" -D "$POSTGRES_HOME/data" -U postgres -E UTF8 --locale=C.UTF-8 \
            --auth=scram-sha-256 --pwfile="$password_file"
    ) >"$log" 2>&1 || fail_with_log "could not create the PostgreSQL cluster in $POSTGRES_HOME" "Look at the lines above; when the directory is damaged: ./dev reset" "$log"
    rm "$password_file"
    step_done postgres "cluster created"
}

# The binaries of the version that wrote the data, which may be older than the newest installed.
postgres_find_binaries() {
    local written
    POSTGRES_BIN=$(postgres_bin) || fail "PostgreSQL is not installed" "Run: apt-get install postgresql"
    [[ -f $POSTGRES_HOME/data/PG_VERSION ]] || return 0
    written=$(<"$POSTGRES_HOME/data/PG_VERSION")
    [[ $("$POSTGRES_BIN/postgres" --version) != *" $written."* ]] || return 0
    POSTGRES_BIN=/usr/lib/postgresql/$written/bin
    [[ -x $POSTGRES_BIN/postgres ]] ||
        fail "the data in $POSTGRES_HOME were written by PostgreSQL $written, which is not installed" "Run: apt-get install postgresql-$written (or ./dev reset to begin anew)."
}

postgres_begin() {
    local fingerprint
    postgres_place
    postgres_find_binaries
    postgres_init
    fingerprint=$({ echo "$POSTGRES_BIN $POSTGRES_PORT" && cat "$ROOT/deploy/postgres/postgresql.conf"; } | digest)
    if process_current postgres "$fingerprint"; then
        return
    fi
    process_stop postgres INT 60
    postgres_clear_crash
    # A copy, because the cluster's user may not reach the repository.
    install -m 644 "$ROOT/deploy/postgres/postgresql.conf" "$POSTGRES_HOME/data/karmyq.conf"
    grep -q karmyq.conf "$POSTGRES_HOME/data/postgresql.conf" || echo "include 'karmyq.conf'" >>"$POSTGRES_HOME/data/postgresql.conf"
    process_start postgres "$fingerprint" env -C / "${POSTGRES_RUNNER[@]}" "$POSTGRES_BIN/postgres" -D "$POSTGRES_HOME/data" \
        -c listen_addresses=127.0.0.1 -c port="$POSTGRES_PORT" -c unix_socket_directories="$POSTGRES_HOME"
}

# After a kill -9 the lock files name a dead process. PostgreSQL sees that itself, unless the process is still a zombie,
# which it stays in a container without an init. Its backends end on their own; they are gone when none works in the data.
postgres_clear_crash() {
    local lock=$POSTGRES_HOME/data/postmaster.pid pid deadline
    [[ -f $lock ]] || return 0
    read -r pid <"$lock"
    [[ -z $(process_start_time "$pid") ]] ||
        fail "another PostgreSQL (process $pid) runs on $POSTGRES_HOME/data" "It was not started by this ./dev, so end it yourself."
    deadline=$(($(now_ms) + 10000))
    while [[ -n $(find /proc -maxdepth 2 -name cwd -lname "$POSTGRES_HOME/data" 2>/dev/null) ]]; do
        (($(now_ms) < deadline)) || fail "processes of a crashed PostgreSQL still work in $POSTGRES_HOME/data" "End them, then run the command again."
        sleep 0.1
    done
    rm -f "$lock" "$POSTGRES_HOME"/.s.PGSQL.*.lock
}

# As a command line instead of a function, so that the recorded pid is PostgreSQL's.
POSTGRES_RUNNER=()
[[ $(id -u) != 0 ]] || POSTGRES_RUNNER=(setpriv --reuid=postgres --regid=postgres --init-groups --)

postgres_await() {
    process_await postgres 60 "Look at $(process_log postgres), then run ./dev up again." \
        "$POSTGRES_BIN/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT" -d postgres
}

# postgres_psql DATABASE ARGUMENTS...: as superuser.
postgres_psql() {
    local database=$1
    shift
    PGPASSWORD=$(password superuser) psql -X -h 127.0.0.1 -p "$POSTGRES_PORT" -U postgres -d "$database" "$@"
}

postgres_roles() {
    local log=$LOGS/postgres-roles.log
    "$ROOT/deploy/postgres/roles.sh" "$SECRETS" -h 127.0.0.1 -p "$POSTGRES_PORT" >"$log" 2>&1 ||
        fail_with_log "could not create the PostgreSQL roles" "Look at the lines above and at $(process_log postgres)." "$log"
}

# postgres_url ROLE PASSWORD-NAME
postgres_url() {
    echo "postgres://$1:$(password "$2")@127.0.0.1:$POSTGRES_PORT/karmyq"
}

# Also what lies outside the state, behind the link (see postgres_place).
postgres_delete() {
    [[ ! -L $STATE/postgres ]] || rm -rf "$(readlink "$STATE/postgres")"
    rm -rf "$STATE/postgres"
}
