package karmyq.peers.streams;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Wakes clients: follows committed events and refusals, each of which names its command. */
final class Replies implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);
    /** How long the topic of events may stay silent before a count of it gives up. */
    private static final long SILENCE = Duration.ofSeconds(10).toNanos();

    private final Cluster cluster;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<UUID, CompletableFuture<Void>> waiting = new ConcurrentHashMap<>();
    private final Thread thread;

    Replies(Cluster cluster) {
        this.cluster = cluster;
        consumer = committed(cluster);
        consumer.assign(Cluster.partitions(cluster.events, cluster.refusals));
        consumer.seekToEnd(consumer.assignment());
        consumer.assignment().forEach(consumer::position);
        thread = new Thread(this::follow, "replies");
        thread.start();
    }

    /** Done when the answer to this command is committed. To be called before it is sent. */
    CompletableFuture<Void> of(UUID command) {
        var reply = new CompletableFuture<Void>();
        waiting.put(command, reply);
        return reply;
    }

    private void follow() {
        try {
            while (true) {
                consumer.poll(POLL).forEach(this::tell);
            }
        } catch (WakeupException end) {
            consumer.close();
        } catch (RuntimeException failure) {
            waiting.values().forEach(it -> it.completeExceptionally(failure));
            throw failure;
        }
    }

    private void tell(ConsumerRecord<byte[], byte[]> record) {
        if (record.topic().equals(cluster.events)) {
            var event = Wire.EVENTS.deserializer().deserialize(record.topic(), record.value());
            waiting.remove(event.entry().command()).complete(null);
        } else {
            var said = new String(record.value(), StandardCharsets.UTF_8).split(" ", 2);
            waiting.remove(UUID.fromString(said[0])).completeExceptionally(new IllegalStateException(said[1]));
        }
    }

    /** Committed events on the topic; offsets would count the markers of transactions, too. */
    static long events(Cluster cluster) {
        try (var consumer = committed(cluster)) {
            var partitions = Cluster.partitions(cluster.events);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var ends = new HashMap<>(consumer.endOffsets(partitions));
            long events = 0;
            long heard = System.nanoTime();
            while (ends.entrySet().stream().anyMatch(it -> consumer.position(it.getKey()) < it.getValue())) {
                var records = consumer.poll(POLL);
                events += records.count();
                heard = records.isEmpty() ? heard : System.nanoTime();
                if (System.nanoTime() - heard > SILENCE) {
                    throw new IllegalStateException("the topic of events ends before its end offsets");
                }
            }
            return events;
        }
    }

    private static KafkaConsumer<byte[], byte[]> committed(Cluster cluster) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", cluster.servers, "isolation.level", "read_committed", "enable.auto.commit", false);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    @Override
    public void close() throws InterruptedException {
        consumer.wakeup();
        thread.join();
    }
}
