# shellcheck shell=bash
# One Kafka broker in KRaft mode, on loopback.

KAFKA_DATA=$STATE/kafka

kafka_fingerprint() {
    { echo "$KAFKA_VERSION ${KAFKA_HEAP_OPTS:-}" && cat "$KAFKA_DATA/server.properties" "$ROOT/deploy/kafka/log4j2.properties"; } | digest
}

kafka_configure() {
    mkdir -p "$KAFKA_DATA"
    {
        cat "$ROOT/deploy/kafka/server.properties"
        cat <<EOF

# Added by ./dev
log.dirs=$KAFKA_DATA/data
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$KAFKA_CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT
controller.quorum.voters=1@127.0.0.1:$KAFKA_CONTROLLER_PORT
EOF
    } >"$KAFKA_DATA/server.properties"
}

# kafka_java MAIN-CLASS ARGUMENTS...
kafka_java() {
    java -cp "$KAFKA_HOME/libs/*" -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" "$@"
}

kafka_format() {
    local id log=$LOGS/kafka-format.log
    [[ ! -f $KAFKA_DATA/data/meta.properties ]] || return 0
    # 16 random bytes in base64 are how Kafka writes a cluster id.
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'Kq' | cut -c1-22)
    kafka_java kafka.tools.StorageTool format -t "$id" -c "$KAFKA_DATA/server.properties" >"$log" 2>&1 ||
        fail_with_log "could not format Kafka's directory $KAFKA_DATA/data" "If it holds nothing you need: ./dev reset" "$log"
}

kafka_begin() {
    kafka_configure
    local fingerprint
    fingerprint=$(kafka_fingerprint)
    if process_current kafka "$fingerprint"; then
        return
    fi
    process_stop kafka TERM 60
    kafka_format
    # shellcheck disable=SC2086 # several options in one variable
    process_start kafka "$fingerprint" java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} \
        -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
        -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" \
        -cp "$KAFKA_HOME/libs/*" kafka.Kafka "$KAFKA_DATA/server.properties"
}

kafka_ready() {
    grep -q 'Kafka Server started' "$(process_log kafka)"
}

kafka_await() {
    process_await kafka 60 "Often a port was taken meanwhile or the memory is short: look at $(process_log kafka), then run ./dev up again." kafka_ready
}

# Kafka's own command-line tools: ./dev kafka topics --list
kafka_tool() {
    local tool=${1:-} class
    case $tool in
        topics) class=org.apache.kafka.tools.TopicCommand ;;
        configs) class=kafka.admin.ConfigCommand ;;
        console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
        console-producer) class=org.apache.kafka.tools.ConsoleProducer ;;
        consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
        transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
        get-offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
        *) fail "unknown Kafka tool '$tool'" "Known: topics configs console-consumer console-producer consumer-groups transactions get-offsets" ;;
    esac
    shift
    kafka_java "$class" --bootstrap-server "127.0.0.1:$KAFKA_PORT" "$@"
}
