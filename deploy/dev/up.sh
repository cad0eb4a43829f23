# shellcheck shell=bash
# ./dev up: from whatever state to a running system.

up() {
    local started
    started=$(now_ms)
    packages_install build
    rust_require
    servers_up
    # The registry takes ten seconds to start; the compiler does not wait for it.
    services_build
    servers_await
    services_set_up
    services_up
    up_welcome $(($(now_ms) - started))
}

up_welcome() {
    local api=http://127.0.0.1:$COMMAND_API_PORT/api/v1 query=http://127.0.0.1:$QUERY_API_PORT
    cat <<EOF

karmyq is running (after $(($1 / 1000)) s).

  writes         http://127.0.0.1:$COMMAND_API_PORT
  reads          $query
  API page       $query/docs
  projectors     http://127.0.0.1:$PROJECTORS_PORT
  Kafka          $(kafka_bootstrap)
  registry       $(registry_url)
  PostgreSQL     127.0.0.1:$POSTGRES_PORT, database karmyq

Register, found a community, list the communities:

  TOKEN=\$(curl -s $api/auth/register -H 'Content-Type: application/json' -d '{"name":"Ada","email":"ada-$RANDOM@example.org","password":"a long sentence"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -s $api/communities -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{"name":"Maple Street"}'
  curl -s $query/api/v1/communities -H "Authorization: Bearer \$TOKEN"

  ./dev demo     plays a whole exchange        ./dev logs     what the services say
  ./dev env      every address as variables    ./dev down     stops everything, keeps the data
EOF
}
