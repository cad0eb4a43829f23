package karmyq.peers.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.function.Function;
import karmyq.peers.Account;
import karmyq.peers.Command;
import karmyq.peers.Command.Action;
import karmyq.peers.Entry;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Commands, events and states as bytes: fixed fields and a text at the end, the cheapest there is. */
final class Wire {
    static final Serde<Command> COMMANDS = serde(Wire::write, Wire::command);
    static final Serde<Event> EVENTS = serde(Wire::write, Wire::event);
    static final Serde<Account> STATES = serde(Wire::write, Wire::state);

    private static final int LONGEST_HEAD = 64;
    private static final Action[] ACTIONS = Action.values();

    private Wire() {}

    /** What happened, and to which action it answers. */
    record Event(Action action, Entry entry) {}

    private static byte[] write(Command command) {
        var memo = command.memo().getBytes(StandardCharsets.UTF_8);
        var bytes = ByteBuffer.allocate(LONGEST_HEAD + memo.length).put((byte) command.action().ordinal());
        put(bytes, command.id()).putInt(command.account()).putLong(command.amount()).put(memo);
        return written(bytes);
    }

    private static Command command(ByteBuffer bytes) {
        var action = ACTIONS[bytes.get()];
        return new Command(uuid(bytes), bytes.getInt(), action, bytes.getLong(), text(bytes));
    }

    private static byte[] write(Event event) {
        var entry = event.entry();
        var memo = entry.memo().getBytes(StandardCharsets.UTF_8);
        var bytes = ByteBuffer.allocate(LONGEST_HEAD + memo.length).put((byte) event.action().ordinal());
        put(bytes.putInt(entry.account()), entry.command());
        return written(bytes.putLong(entry.amount()).putLong(entry.balance()).putLong(entry.version()).put(memo));
    }

    private static Event event(ByteBuffer bytes) {
        var action = ACTIONS[bytes.get()];
        var entry = new Entry(bytes.getInt(), uuid(bytes), bytes.getLong(), bytes.getLong(), bytes.getLong(), text(bytes));
        return new Event(action, entry);
    }

    private static byte[] write(Account state) {
        return ByteBuffer.allocate(2 * Long.BYTES).putLong(state.balance()).putLong(state.version()).array();
    }

    private static Account state(ByteBuffer bytes) {
        return new Account(bytes.getLong(), bytes.getLong());
    }

    private static ByteBuffer put(ByteBuffer bytes, UUID id) {
        return bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    }

    private static UUID uuid(ByteBuffer bytes) {
        return new UUID(bytes.getLong(), bytes.getLong());
    }

    private static String text(ByteBuffer bytes) {
        var rest = new byte[bytes.remaining()];
        bytes.get(rest);
        return new String(rest, StandardCharsets.UTF_8);
    }

    private static byte[] written(ByteBuffer bytes) {
        var all = new byte[bytes.flip().remaining()];
        bytes.get(all);
        return all;
    }

    private static <T> Serde<T> serde(Function<T, byte[]> write, Function<ByteBuffer, T> read) {
        return Serdes.serdeFrom(
                (topic, value) -> value == null ? null : write.apply(value),
                (topic, bytes) -> bytes == null ? null : read.apply(ByteBuffer.wrap(bytes)));
    }
}
