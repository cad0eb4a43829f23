package karmyq.peers.pekko;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import karmyq.peers.Command;
import karmyq.peers.Entry;
import karmyq.peers.Peer;
import karmyq.peers.Plan;
import karmyq.peers.Workload;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.jdbc.query.javadsl.JdbcReadJournal;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.stream.javadsl.Source;

/** Pekko persistence (typed) with its JDBC plugin: an actor per account, all of them in memory. */
public final class PekkoPersistence implements Peer {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    /** Accounts that are replayed side by side. */
    private static final int REPLAYED_AT_ONCE = 8;
    /** Rows that are written at a time. */
    private static final int BATCH = 1_000;

    private final Database database;
    private final ActorSystem<NotUsed> system;
    private final ActorRef<AccountBehavior.Carry>[] accounts;

    public static void main(String[] arguments) throws Exception {
        var database = new Database();
        database.createTables();
        try (var peer = new PekkoPersistence(database, Plan.fromEnvironment().accounts())) {
            Workload.run(peer);
        }
    }

    private PekkoPersistence(Database database, int number) {
        this.database = database;
        var spawned = new CompletableFuture<ActorRef<AccountBehavior.Carry>[]>();
        system = ActorSystem.create(guardian(number, spawned), "peers", settings(database));
        accounts = spawned.join();
    }

    private static Config settings(Database database) {
        var slick = "pekko-persistence-jdbc.shared-databases.slick.db.";
        return ConfigFactory.parseMap(Map.of(
                        slick + "url", database.url, slick + "user", database.user, slick + "password", database.password))
                .withFallback(ConfigFactory.load());
    }

    private static Behavior<NotUsed> guardian(int number, CompletableFuture<ActorRef<AccountBehavior.Carry>[]> spawned) {
        return Behaviors.setup(context -> {
            @SuppressWarnings("unchecked")
            ActorRef<AccountBehavior.Carry>[] all = IntStream.range(0, number)
                    .mapToObj(it -> context.spawn(new AccountBehavior(it), AccountBehavior.KIND + it))
                    .toArray(ActorRef[]::new);
            spawned.complete(all);
            return Behaviors.empty();
        });
    }

    @Override
    public About about() throws Exception {
        return new About("pekko-persistence-jdbc", "pekko 1.1.5, pekko-persistence-jdbc 1.1.1, pgjdbc 42.7.7",
                system.settings().config().getString("peers.settings"), database.durability());
    }

    @Override
    public CompletionStage<?> carry(Command command) {
        return AskPattern.<AccountBehavior.Carry, Done>askWithStatus(accounts[command.account()],
                replyTo -> new AccountBehavior.Carry(command, replyTo), PATIENCE, system.scheduler());
    }

    @Override
    public void opened() throws Exception {
        database.analyze();
    }

    @Override
    public long events() throws Exception {
        return database.events();
    }

    /** Every account's events through persistence-query, folded, and written in batches. */
    @Override
    public Rebuilt rebuild() throws Exception {
        var journal = PersistenceQuery.get(system).getReadJournalFor(JdbcReadJournal.class, JdbcReadJournal.Identifier());
        var events = new AtomicLong();
        long started = System.nanoTime();
        try (var connection = database.connect()) {
            journal.currentPersistenceIds()
                    .flatMapMerge(REPLAYED_AT_ONCE, id -> last(journal, id, events))
                    .grouped(BATCH)
                    .runForeach(lasts -> Database.write(connection, lasts), system)
                    .toCompletableFuture().join();
        }
        return new Rebuilt(events.get(), (System.nanoTime() - started) / 1e9, "PostgreSQL");
    }

    private static Source<Entry, NotUsed> last(JdbcReadJournal journal, String id, AtomicLong events) {
        return journal.currentEventsByPersistenceId(id, 0, Long.MAX_VALUE)
                .map(envelope -> {
                    events.incrementAndGet();
                    return ((AccountEvent) envelope.event()).entry();
                })
                .reduce((before, entry) -> entry);
    }

    @Override
    public ReadModel readModel() throws Exception {
        return database.readModel();
    }

    @Override
    public void close() {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
    }
}
