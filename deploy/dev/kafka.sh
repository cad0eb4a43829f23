# shellcheck shell=bash
# Kafka in KRaft mode, on loopback: one broker, or three of which two have to have a write before it counts.

KAFKA_DATA=$STATE/kafka

# How many: what KAFKA_BROKERS said when the state was made.
kafka_count() {
    if [[ -f $KAFKA_DATA/brokers ]]; then
        cat "$KAFKA_DATA/brokers"
    elif [[ -d $KAFKA_DATA/data ]]; then
        echo 1
    else
        echo "${KAFKA_BROKERS:-1}"
    fi
}

# The processes of the brokers: kafka kafka-2 kafka-3.
kafka_names() {
    local node
    echo kafka
    for ((node = 2; node <= $(kafka_count); node++)); do
        echo "kafka-$node"
    done
}

# kafka_port NAME [CONTROLLER_]: the first broker's stand with the other servers' ports, the others' beside their data.
kafka_port() {
    local name=$1 prefix=${2:-} file variable=KAFKA_${2:-}PORT
    if [[ $name == kafka ]]; then
        echo "${!variable}"
        return
    fi
    file=$KAFKA_DATA/$name-${prefix}port
    [[ -f $file ]] || port_random >"$file"
    cat "$file"
}

kafka_properties() {
    echo "$KAFKA_DATA/$1.properties"
}

kafka_data() {
    [[ $1 == kafka ]] && echo "$KAFKA_DATA/data" || echo "$KAFKA_DATA/data${1#kafka}"
}

# Where clients begin: any broker tells the others.
kafka_bootstrap() {
    local name addresses=()
    for name in $(kafka_names); do
        addresses+=("127.0.0.1:$(kafka_port "$name")")
    done
    (IFS=, && echo "${addresses[*]}")
}

kafka_fingerprint() {
    { echo "$KAFKA_VERSION ${KAFKA_HEAP_OPTS:-}" && cat "$(kafka_properties "$1")" "$ROOT/deploy/kafka/log4j2.properties"; } | digest
}

# kafka_configure NODE NAME
kafka_configure() {
    local node=$1 name=$2 other number=0 voters=()
    for other in $(kafka_names); do
        voters+=("$((++number))@127.0.0.1:$(kafka_port "$other" CONTROLLER_)")
    done
    {
        cat "$ROOT/deploy/kafka/server.properties"
        cat <<EOF

# Added by ./dev
node.id=$node
log.dirs=$(kafka_data "$name")
listeners=PLAINTEXT://127.0.0.1:$(kafka_port "$name"),CONTROLLER://127.0.0.1:$(kafka_port "$name" CONTROLLER_)
advertised.listeners=PLAINTEXT://127.0.0.1:$(kafka_port "$name")
controller.quorum.voters=$(IFS=, && echo "${voters[*]}")
EOF
        [[ ${KAFKA_FLUSH:-0} == 0 ]] || echo "log.flush.interval.messages=1"
        ((${#voters[@]} == 1)) || cat <<EOF
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
EOF
    } >"$(kafka_properties "$name")"
}

# kafka_java MAIN-CLASS ARGUMENTS...
kafka_java() {
    java -cp "$KAFKA_HOME/libs/*" -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" "$@"
}

# kafka_format NAME
kafka_format() {
    local data log=$LOGS/kafka-format.log
    data=$(kafka_data "$1")
    [[ ! -f $data/meta.properties ]] || return 0
    # 16 random bytes in base64 are how Kafka writes a cluster id.
    [[ -f $KAFKA_DATA/cluster-id ]] || head -c 16 /dev/urandom | base64 | tr '+/' 'Kq' | cut -c1-22 >"$KAFKA_DATA/cluster-id"
    kafka_java kafka.tools.StorageTool format -t "$(<"$KAFKA_DATA/cluster-id")" -c "$(kafka_properties "$1")" >"$log" 2>&1 ||
        fail_with_log "could not format Kafka's directory $data" "If it holds nothing you need: ./dev reset" "$log"
}

kafka_begin() {
    local name node=0
    case ${KAFKA_BROKERS:-1} in
        1 | 3) ;;
        *) fail "KAFKA_BROKERS=$KAFKA_BROKERS" "One broker or three." ;;
    esac
    mkdir -p "$KAFKA_DATA"
    kafka_count >"$KAFKA_DATA/brokers.new" && mv "$KAFKA_DATA/brokers.new" "$KAFKA_DATA/brokers"
    for name in $(kafka_names); do
        kafka_configure "$((++node))" "$name"
        kafka_begin_one "$name"
    done
}

kafka_begin_one() {
    local name=$1 fingerprint
    fingerprint=$(kafka_fingerprint "$name")
    if process_current "$name" "$fingerprint"; then
        return
    fi
    process_stop "$name" TERM 60
    kafka_format "$name"
    # shellcheck disable=SC2086 # several options in one variable
    process_start "$name" "$fingerprint" java ${KAFKA_HEAP_OPTS:--Xms256m -Xmx512m} \
        -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true \
        -Dlog4j2.configurationFile="$ROOT/deploy/kafka/log4j2.properties" \
        -cp "$KAFKA_HOME/libs/*" kafka.Kafka "$(kafka_properties "$name")"
}

kafka_ready() {
    grep -q 'Kafka Server started' "$(process_log "$1")"
}

kafka_await() {
    local name
    for name in $(kafka_names); do
        process_await "$name" 60 "Often a port was taken meanwhile or the memory is short: look at $(process_log "$name"), then run ./dev up again." kafka_ready "$name"
    done
}

# Three end together: one alone would wait for a controller that moves its partitions.
kafka_stop() {
    local name pid
    for name in $(kafka_names); do
        if pid=$(process_pid "$name"); then
            kill -s TERM "$pid"
        fi
    done
    for name in $(kafka_names); do
        process_stop "$name" TERM 30
    done
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
    kafka_java "$class" --bootstrap-server "$(kafka_bootstrap)" "$@"
}
