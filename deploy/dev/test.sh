# shellcheck shell=bash
# ./dev test: everything that must hold before a change lands, on servers of its own.

TEST_STATE=$DEFAULT_STATE/test

# test_everything [ARGUMENTS for the system tests' cargo test...]
test_everything() {
    mkdir -p "$DEFAULT_STATE"
    exec 7>"$DEFAULT_STATE/test.lock"
    flock --nonblock 7 || fail "another ./dev test is running in this clone" "Wait for it to end."
    packages_install build test
    rust_require
    test_static
    test_system "$@"
    # Whoever names tests wants these and nothing else.
    (($# > 0)) || test_fire
}

test_static() {
    step_begin shellcheck "./dev, .ci/run, deploy"
    (cd "$ROOT" && shellcheck -x dev .ci/run deploy/*.sh deploy/*/*.sh) ||
        fail "shellcheck has findings" "They are above."
    step_done shellcheck "no findings"
    step_begin check "cargo xtask check: formatting, lints, docs, unit tests, tidy"
    (cd "$ROOT" && cargo xtask check) 7>&- ||
        fail "cargo xtask check failed" "The reason is above. cargo xtask check repeats it without servers."
    step_done check "formatting, lints, docs, unit tests, tidy"
}

# The servers are another environment, ended whatever happens; after a failure its logs stay for reading.
test_system() {
    local result=0
    TEST_MARK=$(cat /proc/sys/kernel/random/uuid)
    test_servers reset
    trap 'test_leftovers || true; test_servers down' EXIT
    test_servers servers
    step_begin system-tests "cargo test -p tests"
    test_cargo "$@" || result=$?
    test_leftovers || result=1
    ((result == 0)) || fail "the system tests failed" "The reason is above; the servers' logs are in $TEST_STATE/log."
    step_done system-tests "passed"
    trap - EXIT
    test_servers reset
}

# Two minutes of faults, other ones each time; the seed is printed, so that they can be repeated.
test_fire() {
    local seed=${KARMYQ_FIRE_SEED:-$(($(now_ms) % 1000000))}
    step_begin fire "./dev fire --debug --minutes 2 --seed $seed"
    KARMYQ_STATE=$TEST_STATE "$ROOT/dev" fire --debug --minutes 2 --seed "$seed" 7>&- ||
        fail "what the fire of seed $seed found is above" "Its logs are in $TEST_STATE/fire/log; ./dev fire --seed $seed --minutes 2 draws the same faults."
    step_done fire "seed $seed: no violation"
}

test_servers() {
    KARMYQ_STATE=$TEST_STATE "$ROOT/dev" "$1" 7>&-
}

# KARMYQ_TEST_MARK is inherited by everything that the tests start.
test_cargo() {
    (
        cd "$ROOT" || exit
        eval "$(test_servers env)" || exit
        # The tests alter a topic with ./dev kafka, and that must be one of their own servers'.
        export KARMYQ_TEST_MARK=$TEST_MARK KARMYQ_STATE=$TEST_STATE
        # The tests start and kill the services' binaries, so these must be as new as the tests.
        cargo build --bins --locked && cargo test -p tests --locked "$@" || exit
        # The log's contract holds on a broker, too; without one its tests skip that half.
        (($# > 0)) || cargo test -p event-log --lib --locked
    ) 7>&-
}

# A test that leaves a process behind has failed. The mark in its environment shows that it is ours to end.
test_leftovers() {
    local environment pid found=0
    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/} pid=${pid%/environ}
        if grep -qzFx "KARMYQ_TEST_MARK=$TEST_MARK" "$environment" 2>/dev/null; then
            note "the tests left a process behind: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
            kill -s KILL "$pid" 2>/dev/null || true
            found=1
        fi
    done
    return $found
}
