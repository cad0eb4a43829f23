package karmyq.peers.streams;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import karmyq.peers.Plan;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** The brokers, and the topics of this run on them, which nobody else has. */
final class Cluster implements AutoCloseable {
    static final int PARTITIONS = 4;

    final String servers = Plan.variable("KAFKA_BOOTSTRAP_SERVERS");
    /** Also the group's and the local state's name, and what internal topics begin with. */
    final String application = "peers-" + UUID.randomUUID();
    final String commands = application + "-commands";
    final String events = application + "-events";
    final String refusals = application + "-refusals";
    final short replication = Short.parseShort(Plan.variable("PEERS_REPLICATION"));

    private final Admin admin = Admin.create(Map.of("bootstrap.servers", servers));

    void createTopics() throws Exception {
        var topics = List.of(commands, events, refusals).stream()
                .map(it -> new NewTopic(it, PARTITIONS, replication).configs(inSync())).toList();
        admin.createTopics(topics).all().get();
    }

    /** For how many replicas a topic's writes wait. */
    Map<String, String> inSync() {
        return Map.of("min.insync.replicas", replication > 1 ? "2" : "1");
    }

    static List<TopicPartition> partitions(String... topics) {
        return List.of(topics).stream()
                .flatMap(topic -> IntStream.range(0, PARTITIONS).mapToObj(it -> new TopicPartition(topic, it)))
                .toList();
    }

    /** What the topic of events says about when a write is on disk. */
    String durability() throws Exception {
        var topic = new ConfigResource(ConfigResource.Type.TOPIC, events);
        var config = admin.describeConfigs(Set.of(topic)).all().get().get(topic);
        var flush = config.get("flush.messages").value();
        var synced = flush.equals("1") ? "every append synced (flush.messages=1)" : "no sync of its own (flush.messages default)";
        return "Kafka: acks=all, replicas " + replication + ", min.insync.replicas "
                + config.get("min.insync.replicas").value() + ", " + synced;
    }

    /** Also the internal topics of Kafka Streams. */
    @Override
    public void close() {
        try {
            var ours = admin.listTopics().names().get().stream()
                    .filter(it -> it.startsWith(application)).collect(Collectors.toSet());
            admin.deleteTopics(ours).all().get();
        } catch (Exception failure) {
            throw new IllegalStateException("cannot delete the topics of " + application, failure);
        } finally {
            admin.close();
        }
    }
}
