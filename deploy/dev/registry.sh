# shellcheck shell=bash
# Apicurio as schema registry (Confluent-compatible API); it keeps its schemas in topics of our broker.

registry_url() {
    echo "http://127.0.0.1:$REGISTRY_PORT/apis/ccompat/v7"
}

# The poll timeout is how long its start waits for a journal that may be empty; the default is 5 s.
registry_environment() {
    cat <<EOF
QUARKUS_HTTP_HOST=127.0.0.1
QUARKUS_HTTP_PORT=$REGISTRY_PORT
QUARKUS_HTTP_ACCESS_LOG_ENABLED=false
APICURIO_STORAGE_KIND=kafkasql
APICURIO_KAFKASQL_BOOTSTRAP_SERVERS=$(kafka_bootstrap)
APICURIO_KAFKASQL_CONSUMER_POLL_TIMEOUT=100
APICURIO_STORAGE_SNAPSHOT_LOCATION=$STATE/registry
APICURIO_IMPORT_WORK_DIR=$STATE/registry
EOF
}

registry_begin() {
    local fingerprint variables
    mkdir -p "$STATE/registry"
    mapfile -t variables < <(registry_environment)
    fingerprint=$(printf '%s\n' "$APICURIO_VERSION" "${variables[@]}" | digest)
    if process_current registry "$fingerprint"; then
        return
    fi
    process_stop registry TERM 30
    process_start registry "$fingerprint" env -C "$STATE/registry" "${variables[@]}" \
        java -Xms128m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
        -jar "$REGISTRY_HOME/apicurio-registry-app-$APICURIO_VERSION-runner.jar"
}

# Its API answers while it still reads its journal, with fewer subjects than there are; only this tells the truth.
registry_ready() {
    curl -fsS --max-time 2 "http://127.0.0.1:$REGISTRY_PORT/health/ready"
}

registry_await() {
    process_await registry 120 "Kafka must be running and the memory suffice: look at $(process_log registry), then run ./dev up again." registry_ready
}
