package karmyq.peers;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** The one form in which every rival reports; {@code bench/peers/README.md} describes it. */
final class Report {
    private Report() {}

    static String load(int clients, Histogram latency, Duration measured) {
        return String.format(Locale.ROOT,
                "{\"clients\":%d,\"commands_per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,"
                        + "\"max_ms\":%.3f,\"conflicts\":0}",
                clients, latency.getTotalCount() / (measured.toMillis() / 1_000.0), quantile(latency, 50),
                quantile(latency, 99), quantile(latency, 99.9), quantile(latency, 100));
    }

    static String whole(Peer.About about, long accepted, List<String> loads, Peer.Rebuilt rebuilt) {
        return String.format(Locale.ROOT,
                "{\"name\":%s,\"version\":%s,\"settings\":%s,\"durability\":%s,\"accepted\":%d,\"loads\":[%s],"
                        + "\"rebuild\":{\"events\":%d,\"events_per_second\":%.1f,\"into\":%s}}",
                text(about.name()), text(about.version()), text(about.settings()), text(about.durability()), accepted,
                String.join(",", loads), rebuilt.events(), rebuilt.events() / rebuilt.seconds(), text(rebuilt.into()));
    }

    private static double quantile(Histogram latency, double percent) {
        return latency.getValueAtPercentile(percent) / 1_000.0;
    }

    private static String text(String plain) {
        return '"' + plain.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
