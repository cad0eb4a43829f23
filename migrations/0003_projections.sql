-- The bookkeeping of the projections: what is live, how far it has come, what it had to set aside.

-- The live version of each projection; another version's rows are not what queries see.
CREATE TABLE projection.active (
    projection  text        NOT NULL PRIMARY KEY,
    version     integer     NOT NULL CHECK (version >= 1),
    -- Of the code that built the rows; a different one at start says that a rebuild is due.
    fingerprint text        NOT NULL,
    switched_at timestamptz NOT NULL DEFAULT now()
);

-- Changes in the transaction of the rows it speaks about, and only for the worker that holds `owner_epoch`.
CREATE TABLE projection.checkpoints (
    projection  text        NOT NULL,
    version     integer     NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    -- The first offset that is not folded yet.
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    -- Grows with every assignment of the partition to a worker.
    owner_epoch bigint      NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, version, topic, partition)
) WITH (fillfactor = 50); -- updated once a batch: room for in-page updates

-- Records that could not be folded, and the later ones of their keys, byte for byte and in order.
CREATE TABLE projection.parked (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection    text        NOT NULL,
    version       integer     NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    record_key    bytea       NOT NULL,
    record_value  bytea,
    header_names  text[]      NOT NULL,
    header_values bytea[]     NOT NULL,
    recorded_at   timestamptz NOT NULL,
    reason        text        NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (projection, version, topic, partition, record_offset)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projection TO karmyq_projector;
GRANT SELECT ON projection.active, projection.checkpoints TO karmyq_query;

-- Makes a partitioned table a read table: its one partition (a rebuild attaches another in its place), row security
-- that binds the owner, too, and the rights. What karmyq_query may see is the policy `reader` beside each table.
CREATE PROCEDURE projection.make_read_table(parent regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE TABLE %s PARTITION OF %s DEFAULT', parent::text || '_v1', parent);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', parent);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', parent);
    EXECUTE format('CREATE POLICY writer ON %s TO karmyq_owner, karmyq_projector USING (true) WITH CHECK (true)', parent);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO karmyq_projector', parent);
    EXECUTE format('GRANT SELECT ON %s TO karmyq_query', parent);
END
$$;
