package karmyq.peers;

import java.util.ArrayList;

/** The account workload of {@code bench/peers/README.md}, whole, with its checks. */
public final class Workload {
    private Workload() {}

    /** Runs it and prints the report as one line of JSON on standard output. */
    public static void run(Peer peer) throws Exception {
        var plan = Plan.fromEnvironment();
        var load = new Load(peer, plan);
        var about = peer.about();
        load.open();
        peer.opened();
        var loads = new ArrayList<String>();
        for (int clients : plan.clients()) {
            System.err.println(about.name() + ": " + clients + " clients");
            loads.add(load.run(clients));
        }
        var expected = load.expected();
        same("events in the journal", expected.events(), peer.events());
        System.err.println(about.name() + ": rebuilding from " + expected.events() + " events");
        var rebuilt = peer.rebuild();
        same("events replayed", expected.events(), rebuilt.events());
        same("sums of the read model", expected, peer.readModel());
        System.out.println(Report.whole(about, expected.events(), loads, rebuilt));
    }

    private static void same(String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new IllegalStateException(what + ": should be " + expected + " and are " + found);
        }
    }
}
