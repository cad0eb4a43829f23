package karmyq.peers;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * What to run, from the environment that {@code karmyq bench peers} sets.
 *
 * @param clients how many at a time, one load after the other
 * @param warmUp before anything counts, in each load
 * @param measured while it counts, in each load
 * @param accounts how many there are, all alike
 */
public record Plan(List<Integer> clients, Duration warmUp, Duration measured, int accounts) {
    public static Plan fromEnvironment() {
        var clients = Arrays.stream(variable("PEERS_CLIENTS").split(",")).map(Integer::valueOf).toList();
        var warmUp = Duration.ofSeconds(Long.parseLong(variable("PEERS_WARM_UP_SECONDS")));
        var measured = Duration.ofSeconds(Long.parseLong(variable("PEERS_SECONDS")));
        return new Plan(clients, warmUp, measured, Integer.parseInt(variable("PEERS_ACCOUNTS")));
    }

    /** A variable that there must be. */
    public static String variable(String name) {
        var value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }
}
