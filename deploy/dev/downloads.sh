# shellcheck shell=bash
# Kafka and the registry from Maven Central, each once, into $DIST/<name>-<version>.

KAFKA_HOME=$DIST/kafka-$KAFKA_VERSION
REGISTRY_HOME=$DIST/apicurio-$APICURIO_VERSION

downloads_fetch() {
    [[ ! -d $KAFKA_HOME || ! -d $REGISTRY_HOME ]] || return 0
    exec 8>"$DIST/lock"
    flock 8
    download kafka "$KAFKA_HOME" "Kafka $KAFKA_VERSION (54 MB)" download_kafka
    download registry "$REGISTRY_HOME" "Apicurio $APICURIO_VERSION (109 MB)" download_registry
    exec 8>&-
}

# download NAME HOME TEXT FETCH: FETCH fills a directory that becomes HOME only when it is complete.
download() {
    local name=$1 home=$2 text=$3 fetch=$4 log=$LOGS/download-$1.log
    [[ ! -d $home ]] || return 0
    step_begin "$name" "downloading $text"
    rm -rf "$home.part"
    mkdir -p "$home.part"
    "$fetch" "$home.part" >"$log" 2>&1 ||
        fail_with_log "could not download $text" "Check the network (Maven Central, ~/.m2/settings.xml for a proxy), then run the command again." "$log"
    mv "$home.part" "$home"
    step_done "$name" "downloaded"
}

maven_dependency() {
    local goal=$1
    shift
    # -C: a download whose checksum is wrong fails.
    mvn -B -C "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_PLUGIN_VERSION:$goal" "$@"
}

download_kafka() {
    maven_dependency copy-dependencies -f "$ROOT/deploy/kafka/pom.xml" -DoutputDirectory="$1/libs" \
        -Dkafka.version="$KAFKA_VERSION" -Dkafka.scala.version="$KAFKA_SCALA_VERSION" -Dlog4j.version="$KAFKA_LOG4J_VERSION"
}

# The archive's parent POM was never published, so only a goal that ignores it (get without transitive) works.
# That goal cannot name a target: a throw-away Maven repository tells where the archive is.
download_registry() {
    maven_dependency get -Dmaven.repo.local="$1/repository" -Dtransitive=false \
        -Dartifact="io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all" &&
        tar -xzf "$1/repository/io/apicurio/apicurio-registry-app/$APICURIO_VERSION"/*-all.tar.gz -C "$1" &&
        rm -r "$1/repository"
}
