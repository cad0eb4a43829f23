#!/usr/bin/env bash
# The one-shot service `setup` of deploy/compose.yaml: roles, tables, topics and schemas. Changes nothing when all is in place.
set -euo pipefail

"$(dirname "$0")/postgres/roles.sh" /run/database-secrets -h postgres
karmyq migrate
karmyq topics create
karmyq schemas push
