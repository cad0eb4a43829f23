package karmyq.peers;

import java.util.concurrent.CompletionStage;

/** An event-sourcing framework under measurement. */
public interface Peer extends AutoCloseable {
    About about() throws Exception;

    /** Done when the event of this command is durable; a refusal is a failure. */
    CompletionStage<?> carry(Command command);

    /** Called once, when all accounts are open. */
    default void opened() throws Exception {}

    /** Events in its journal. */
    long events() throws Exception;

    /** Replays all events into the read model, which is empty. */
    Rebuilt rebuild() throws Exception;

    /** What the read model says. */
    ReadModel readModel() throws Exception;

    /**
     * What it is and how it is set where that is not its default.
     *
     * @param durability when an answered command is on disk
     */
    record About(String name, String version, String settings, String durability) {}

    /** What was replayed, in how long, into what. */
    record Rebuilt(long events, double seconds, String into) {}

    /** Sums over the read model: rows, events that came into them, balances. */
    record ReadModel(long accounts, long events, long balance) {}
}
