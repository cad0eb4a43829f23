#!/usr/bin/env bash
# Fills two volumes of deploy/compose.yaml, as root, once: /run/database-secrets for PostgreSQL and the set-up,
# /run/service-secrets for the services. The superuser's password is in the first one only.
set -euo pipefail

cd /run/service-secrets
# The last file made: with it both volumes are complete, and the passwords are PostgreSQL's already.
[[ ! -f pgpass ]] || exit 0

"$(dirname "$0")/secrets.sh" .

# Only containers that mount the volume see it; their users differ, so all of them may read the files.
install -m 444 -t /run/database-secrets postgres-*

# How a service finds its role's password (PGPASSFILE): database host, port, database, role, password.
umask 077
for role in owner command projector query; do
    echo "postgres:5432:karmyq:karmyq_$role:$(<"postgres-$role")"
done >pgpass.part
rm postgres-*
chown -R karmyq:karmyq .
mv pgpass.part pgpass
