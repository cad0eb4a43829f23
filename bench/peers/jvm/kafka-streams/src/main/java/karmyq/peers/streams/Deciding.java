package karmyq.peers.streams;

import karmyq.peers.Account;
import karmyq.peers.Command;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Commands in, events out, states in RocksDB with a changelog. */
final class Deciding extends ContextualProcessor<Integer, Command, Integer, Object> {
    static final String STORE = "accounts";

    private static final String COMMANDS = "commands";
    private static final String DECIDING = "deciding";
    private static final String EVENTS = "events";
    private static final String REFUSALS = "refusals";

    private KeyValueStore<Integer, Account> accounts;

    /** A refusal names the command by its id as text. */
    static Topology topology(Cluster cluster) {
        var store = Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.Integer(), Wire.STATES)
                .withLoggingEnabled(cluster.inSync());
        return new Topology()
                .addSource(COMMANDS, Serdes.Integer().deserializer(), Wire.COMMANDS.deserializer(), cluster.commands)
                .addProcessor(DECIDING, Deciding::new, COMMANDS)
                .addStateStore(store, DECIDING)
                .addSink(EVENTS, cluster.events, Serdes.Integer().serializer(), Wire.EVENTS.serializer(), DECIDING)
                .addSink(REFUSALS, cluster.refusals, Serdes.Integer().serializer(), Serdes.String().serializer(), DECIDING);
    }

    @Override
    public void init(ProcessorContext<Integer, Object> context) {
        super.init(context);
        accounts = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<Integer, Command> record) {
        var command = record.value();
        var known = accounts.get(record.key());
        try {
            var entry = (known == null ? Account.UNOPENED : known).decide(command);
            accounts.put(record.key(), Account.after(entry));
            context().forward(record.withValue(new Wire.Event(command.action(), entry)), EVENTS);
        } catch (Account.Refusal refusal) {
            context().forward(record.withValue(command.id() + " " + refusal.getMessage()), REFUSALS);
        }
    }
}
