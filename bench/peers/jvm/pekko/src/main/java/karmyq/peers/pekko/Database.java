package karmyq.peers.pekko;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import karmyq.peers.Account;
import karmyq.peers.Entry;
import karmyq.peers.Peer.ReadModel;
import karmyq.peers.Plan;

/** The database of this rival, which is empty at first: its journal, and a table as read model. */
final class Database {
    private static final String READ_MODEL =
            "CREATE TABLE account_row (account integer PRIMARY KEY, balance bigint NOT NULL, version bigint NOT NULL)";

    final String url;
    final String user;
    final String password;

    /** One of a {@code postgres://user:password@host:port/database} in {@code PEERS_DATABASE_URL}. */
    Database() {
        var uri = URI.create(Plan.variable("PEERS_DATABASE_URL"));
        var credentials = uri.getUserInfo().split(":", 2);
        // Rows of a batch go in one statement: https://jdbc.postgresql.org/documentation/use/
        url = "jdbc:postgresql://" + uri.getHost() + ':' + uri.getPort() + uri.getPath() + "?reWriteBatchedInserts=true";
        user = credentials[0];
        password = credentials[1];
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(url, user, password);
    }

    /** Creates the plugin's own tables, as its jar brings them, and the read model. */
    void createTables() throws SQLException, IOException {
        try (var connection = connect();
                var statement = connection.createStatement();
                var schema = Database.class.getResourceAsStream("/schema/postgres/postgres-create-schema.sql")) {
            // One after the other: some create indexes concurrently, which no transaction may.
            for (var sql : new String(schema.readAllBytes(), StandardCharsets.UTF_8).split(";")) {
                if (!sql.isBlank()) {
                    statement.execute(sql);
                }
            }
            statement.execute(READ_MODEL);
        }
    }

    /** Tells the planner about the accounts, as autovacuum would have done in a database that lives longer. */
    void analyze() throws SQLException {
        try (var connection = connect(); var statement = connection.createStatement()) {
            statement.execute("VACUUM ANALYZE");
        }
    }

    String durability() throws SQLException {
        return one("SELECT format('PostgreSQL: fsync=%s, synchronous_commit=%s', current_setting('fsync'), "
                + "current_setting('synchronous_commit'))");
    }

    long events() throws SQLException {
        return Long.parseLong(one("SELECT count(*) FROM event_journal"));
    }

    ReadModel readModel() throws SQLException {
        var sums = one("SELECT concat_ws(' ', count(*), sum(version), sum(balance)) FROM account_row").split(" ");
        return new ReadModel(Long.parseLong(sums[0]), Long.parseLong(sums[1]), Long.parseLong(sums[2]));
    }

    /** Writes the last entries of as many accounts. */
    static void write(Connection connection, List<Entry> lasts) {
        try (var insert = connection.prepareStatement("INSERT INTO account_row VALUES (?, ?, ?)")) {
            for (var last : lasts) {
                var state = Account.after(last);
                insert.setInt(1, last.account());
                insert.setLong(2, state.balance());
                insert.setLong(3, state.version());
                insert.addBatch();
            }
            insert.executeBatch();
        } catch (SQLException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private String one(String query) throws SQLException {
        try (var connection = connect();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
