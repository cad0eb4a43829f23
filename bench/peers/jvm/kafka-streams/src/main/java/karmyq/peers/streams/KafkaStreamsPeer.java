package karmyq.peers.streams;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import karmyq.peers.Account;
import karmyq.peers.Command;
import karmyq.peers.Peer;
import karmyq.peers.Plan;
import karmyq.peers.Workload;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/** Kafka Streams, exactly once: a client's command goes to a topic, its answer is the committed event. */
public final class KafkaStreamsPeer implements Peer {
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private final Cluster cluster = new Cluster();
    private final String commitInterval = Plan.variable("PEERS_COMMIT_INTERVAL_MS");
    private final KafkaProducer<Integer, Command> commands;
    private final Replies replies;
    private KafkaStreams streams;

    public static void main(String[] arguments) throws Exception {
        try (var peer = new KafkaStreamsPeer()) {
            Workload.run(peer);
        }
    }

    private KafkaStreamsPeer() throws Exception {
        cluster.createTopics();
        Map<String, Object> settings =
                Map.of("bootstrap.servers", cluster.servers, "acks", "all", "linger.ms", 0);
        commands = new KafkaProducer<>(settings, new IntegerSerializer(), Wire.COMMANDS.serializer());
        replies = new Replies(cluster);
        start(new Restoring());
    }

    /** How much came back into the stores, and how long that took from the first one's start to the last one's end. */
    private static final class Restoring implements StateRestoreListener {
        private long started;
        private long ended;
        private long records;

        @Override
        public synchronized void onRestoreStart(TopicPartition partition, String store, long from, long to) {
            started = started == 0 ? System.nanoTime() : started;
        }

        @Override
        public synchronized void onBatchRestored(TopicPartition partition, String store, long offset, long batch) {
            records += batch;
        }

        @Override
        public synchronized void onRestoreEnd(TopicPartition partition, String store, long total) {
            ended = System.nanoTime();
        }

        synchronized Rebuilt rebuilt() {
            return new Rebuilt(records, (ended - started) / 1e9, "RocksDB");
        }
    }

    /** Returns when everything is restored and commands are processed. */
    private void start(Restoring restoring) throws InterruptedException {
        var running = new CountDownLatch(1);
        streams = new KafkaStreams(Deciding.topology(cluster), settings());
        streams.setGlobalStateRestoreListener(restoring);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                running.countDown();
            }
        });
        streams.start();
        if (!running.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new IllegalStateException("Kafka Streams is " + streams.state());
        }
    }

    private Properties settings() {
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, cluster.application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, cluster.servers);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitInterval);
        // A commit that is not due yet waits for the next poll to end: by default 100 ms, however short its interval is.
        settings.put(StreamsConfig.POLL_MS_CONFIG, commitInterval);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, (int) cluster.replication);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(Plan.variable("PEERS_DIRECTORY")).toString());
        return settings;
    }

    @Override
    public About about() throws Exception {
        return new About("kafka-streams, commit.interval.ms=" + commitInterval, "Kafka Streams 4.3.1",
                "exactly_once_v2, commit.interval.ms=poll.ms=" + commitInterval + ", 1 thread, " + Cluster.PARTITIONS
                        + " partitions; commands sent with linger.ms=0; the answer is the event, read_committed",
                cluster.durability());
    }

    @Override
    public CompletionStage<?> carry(Command command) {
        var reply = replies.of(command.id());
        commands.send(new ProducerRecord<>(cluster.commands, command.account(), command), (metadata, failure) -> {
            if (failure != null) {
                reply.completeExceptionally(failure);
            }
        });
        return reply;
    }

    @Override
    public long events() {
        return Replies.events(cluster);
    }

    /** Forgets the local state and restores it from its changelog, which has a record per event. */
    @Override
    public Rebuilt rebuild() throws Exception {
        stop();
        var restoring = new Restoring();
        start(restoring);
        return restoring.rebuilt();
    }

    /** Ends it and forgets its local state. It leaves its group, so that the next one need not wait for a time-out. */
    private void stop() {
        streams.close(CloseOptions.groupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP).withTimeout(PATIENCE));
        streams.cleanUp();
    }

    @Override
    public ReadModel readModel() {
        var store = streams.store(StoreQueryParameters.fromNameAndType(
                Deciding.STORE, QueryableStoreTypes.<Integer, Account>keyValueStore()));
        long accounts = 0;
        long events = 0;
        long balance = 0;
        try (var all = store.all()) {
            while (all.hasNext()) {
                var state = all.next().value;
                accounts++;
                events += state.version();
                balance += state.balance();
            }
        }
        return new ReadModel(accounts, events, balance);
    }

    @Override
    public void close() throws Exception {
        stop();
        commands.close();
        replies.close();
        cluster.close();
    }
}
