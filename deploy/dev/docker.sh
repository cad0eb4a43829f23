# shellcheck shell=bash
# ./dev up --docker: the same system from images, by deploy/compose.yaml.

docker_compose() {
    docker compose --project-name karmyq --env-file "$ROOT/deploy/versions.env" -f "$ROOT/deploy/compose.yaml" "$@"
}

docker_require() {
    command -v docker >/dev/null ||
        fail "there is no docker command" "Install Docker Engine with its compose plugin, or run ./dev up, which needs none."
    docker info >/dev/null 2>&1 ||
        fail "no Docker engine answers" "Start it (systemctl start docker), or run ./dev up, which needs none."
    docker compose version >/dev/null 2>&1 ||
        fail "docker has no compose plugin" "Install docker-compose-plugin, or run ./dev up, which needs none."
}

docker_up() {
    docker_require
    docker_compose up --build --detach --wait ||
        fail "docker compose could not bring everything up" "See: docker compose -p karmyq logs"
    cat <<EOF

karmyq is running in containers.

  writes         http://127.0.0.1:${COMMAND_API_PORT:-8080}
  reads          http://127.0.0.1:${QUERY_API_PORT:-8081}
  API page       http://127.0.0.1:${QUERY_API_PORT:-8081}/docs

  ./dev down stops them, ./dev reset also deletes the volumes.
EOF
}

docker_is_up() {
    command -v docker >/dev/null && [[ -n $(docker ps --quiet --filter label=com.docker.compose.project=karmyq 2>/dev/null) ]]
}

docker_down() {
    docker_compose down
}

docker_reset() {
    docker_compose down --volumes
}
