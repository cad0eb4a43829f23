# shellcheck shell=bash
# The three servers as one thing. They start side by side; the registry needs Kafka first.

servers_up() {
    downloads_fetch
    ports_choose
    secrets_create
    step_begin servers "Kafka $KAFKA_VERSION, Apicurio $APICURIO_VERSION, PostgreSQL"
    kafka_begin
    postgres_begin
    kafka_await
    registry_begin
    postgres_await
    postgres_roles
}

servers_await() {
    registry_await
    step_done servers "Kafka $(kafka_bootstrap) · registry $(registry_url) · PostgreSQL 127.0.0.1:$POSTGRES_PORT"
}

servers_stop() {
    process_stop registry TERM 30
    kafka_stop
    process_stop postgres INT 60
}
