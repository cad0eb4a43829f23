#!/usr/bin/env bash
# Runs roles.sql with the passwords of a directory that deploy/secrets.sh made: roles.sh DIRECTORY PSQL-ARGUMENTS...
# The passwords go in on standard input: arguments are visible to every user of the machine.
set -euo pipefail

secrets=$1
shift
{
    for name in owner command projector query; do
        printf "\\\\set %s_password '%s'\n" "$name" "$(<"$secrets/postgres-$name")"
    done
    cat "$(dirname "$0")/roles.sql"
} | PGPASSWORD=$(<"$secrets/postgres-superuser") psql -X -q -U postgres -d postgres "$@"
