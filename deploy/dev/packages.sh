# shellcheck shell=bash
# Debian packages: only what is missing, and only through apt.

# Oldest acceptable PostgreSQL first; the highest installed one wins.
postgres_bin() {
    local bin
    bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
    [[ -n $bin && -x $bin/initdb ]] || bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
    [[ -x $bin/initdb && -x $bin/postgres ]] && echo "$bin"
}

java_version() {
    java -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p'
}

# packages_missing [build] [test]: prints the packages that this machine lacks for the servers, for compiling, for ./dev test.
packages_missing() {
    local version purpose
    version=$(command -v java >/dev/null && java_version || echo 0)
    ((version >= JAVA_MIN_VERSION)) || echo default-jre-headless
    command -v mvn >/dev/null || echo maven
    postgres_bin >/dev/null || echo postgresql
    command -v openssl >/dev/null || echo openssl
    command -v curl >/dev/null || echo curl
    for purpose in "$@"; do
        case $purpose in
            build) command -v cc >/dev/null && command -v c++ >/dev/null && command -v make >/dev/null || echo build-essential ;;
            test)
                command -v shellcheck >/dev/null || echo shellcheck
                # Clicks through the console.
                command -v chromium >/dev/null || echo chromium
                # For a stock Kafka client in a virtual environment.
                python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
                ;;
        esac
    done
}

# packages_install [build] [test]
packages_install() {
    local missing log=$LOGS/packages.log
    mapfile -t missing < <(packages_missing "$@")
    if ((${#missing[@]} == 0)); then
        step_kept packages "everything needed is installed"
        return
    fi
    command -v apt-get >/dev/null || fail "missing on this machine: ${missing[*]}" "This is no Debian: install them with its own package manager."
    [[ $(id -u) == 0 ]] || fail "missing on this machine: ${missing[*]}" "Run: sudo apt-get install ${missing[*]}"
    step_begin packages "apt-get install ${missing[*]}"
    mkdir -p "$LOGS"
    packages_apt "${missing[@]}" >"$log" 2>&1 ||
        fail_with_log "apt could not install ${missing[*]}" "Check the network and the apt sources, then run the command again." "$log"
    step_done packages "installed ${missing[*]}"
}

packages_apt() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    if [[ " $* " == *' postgresql '* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        # Debian would start a cluster of its own beside ours, on the usual port.
        apt-get install -y --no-install-recommends postgresql-common
        sed -i -E "s/^#?create_main_cluster.*/create_main_cluster = false/" /etc/postgresql-common/createcluster.conf
    fi
    apt-get install -y --no-install-recommends "$@"
}

rust_require() {
    command -v cargo >/dev/null ||
        fail "there is no Rust toolchain (cargo)" "Install it from https://rustup.rs (Rust $RUST_VERSION or newer), then run the command again."
}
