package karmyq.peers;

import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import karmyq.peers.Command.Action;
import org.HdrHistogram.Histogram;

/** Clients that send their next command when the one before is answered. */
final class Load {
    /** What every account begins with, in cents: more than the clients can take out. */
    private static final long OPENING = 100_000_000;
    /** Clients that open the accounts. */
    private static final int OPENERS = 64;
    /** A minute, in microseconds. */
    private static final long LONGEST = 60_000_000;

    private final Peer peer;
    private final Plan plan;
    private long accepted;
    private long balance;

    Load(Peer peer, Plan plan) {
        this.peer = peer;
        this.plan = plan;
    }

    /** What a client saw; counts all that was answered, also outside the measured time. */
    private final class Client {
        final Histogram latency = new Histogram(LONGEST, 3);
        final CompletableFuture<Void> done = new CompletableFuture<>();
        final SplittableRandom chance;
        final long from;
        final long until;
        long accepted;
        long balance;

        Client(int number, long from) {
            this.chance = new SplittableRandom(number);
            this.from = from;
            this.until = from + plan.measured().toNanos();
        }

        void next() {
            var action = chance.nextBoolean() ? Action.DEPOSIT : Action.WITHDRAW;
            var command = Command.of(chance.nextInt(plan.accounts()), action, 1 + chance.nextInt(100));
            long sent = System.nanoTime();
            peer.carry(command).whenComplete((ignored, failure) -> {
                if (failure == null) {
                    answered(command, sent);
                } else {
                    done.completeExceptionally(failure);
                }
            });
        }

        private void answered(Command command, long sent) {
            long now = System.nanoTime();
            accepted++;
            balance += command.action() == Action.WITHDRAW ? -command.amount() : command.amount();
            if (now >= until) {
                done.complete(null);
                return;
            }
            if (now >= from) {
                latency.recordValue(Math.min((now - sent) / 1_000, LONGEST));
            }
            next();
        }
    }

    /** Opens all accounts. */
    void open() {
        var openers = IntStream.range(0, OPENERS).mapToObj(this::open).toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(openers).join();
        accepted += plan.accounts();
        balance += plan.accounts() * OPENING;
    }

    private CompletableFuture<?> open(int account) {
        if (account >= plan.accounts()) {
            return CompletableFuture.completedFuture(null);
        }
        return peer.carry(Command.of(account, Action.OPEN, OPENING)).toCompletableFuture()
                .thenCompose(opened -> open(account + OPENERS));
    }

    /** Runs this many clients; what they saw as JSON. */
    String run(int number) {
        long from = System.nanoTime() + plan.warmUp().toNanos();
        var clients = IntStream.range(0, number).mapToObj(it -> new Client(it, from)).toList();
        clients.forEach(Client::next);
        var latency = new Histogram(LONGEST, 3);
        for (var client : clients) {
            client.done.join();
            latency.add(client.latency);
            accepted += client.accepted;
            balance += client.balance;
        }
        return Report.load(number, latency, plan.measured());
    }

    /** What a read model of everything acknowledged must say. */
    Peer.ReadModel expected() {
        return new Peer.ReadModel(plan.accounts(), accepted, balance);
    }
}
