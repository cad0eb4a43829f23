# shellcheck shell=bash
# What the user sees: one line a step with its time, and a failure that says what to do.
# Progress goes to standard error, so that `./dev env` can be evaluated and `./dev logs` piped.

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

# step name → when it began, in milliseconds
declare -A STEP_STARTED=()

now_ms() {
    local micros=${EPOCHREALTIME/[.,]/}
    echo $((micros / 1000))
}

# step_begin NAME TEXT: announces something that may take a while.
step_begin() {
    STEP_STARTED[$1]=$(now_ms)
    printf '%s·%s %-14s %s%s%s\n' "$BOLD" "$PLAIN" "$1" "$DIM" "$2" "$PLAIN" >&2
}

# step_done NAME TEXT: closes the step that step_begin opened, with its duration.
step_done() {
    local ms=$(($(now_ms) - STEP_STARTED[$1]))
    printf '%s✓%s %-14s %s  %s%d.%d s%s\n' "$GREEN" "$PLAIN" "$1" "$2" \
        "$DIM" $((ms / 1000)) $((ms % 1000 / 100)) "$PLAIN" >&2
}

# step_kept NAME TEXT: nothing had to be done.
step_kept() {
    printf '%s✓%s %-14s %s\n' "$GREEN" "$PLAIN" "$1" "$2" >&2
}

note() {
    printf '  %-14s %s\n' '' "$1" >&2
}

# fail WHAT REMEDY: ends the command; both sentences are for a person.
fail() {
    printf '\n%s✗ %s%s\n  %s\n' "$RED" "$1" "$PLAIN" "$2" >&2
    exit 1
}

# fail_with_log WHAT REMEDY FILE: as fail, after the end of a log.
fail_with_log() {
    if [[ -s $3 ]]; then
        printf '\n%slast lines of %s%s\n' "$DIM" "$3" "$PLAIN" >&2
        tail -n 20 "$3" | sed 's/^/  │ /' >&2
    fi
    fail "$1" "$2"
}
