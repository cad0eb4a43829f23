-- What it takes to heal a parked key, and what workers that cannot go on say about it.

-- unreadable, unfoldable, panicked, refused, behind: where the record failed.
ALTER TABLE projection.parked ADD COLUMN kind text NOT NULL DEFAULT 'unreadable';
UPDATE projection.parked SET kind = 'behind' WHERE reason = 'an earlier record of this key is parked';
ALTER TABLE projection.parked ALTER COLUMN kind DROP DEFAULT;
CREATE INDEX parked_by_key ON projection.parked (projection, version, topic, partition, record_key, record_offset);

-- Records that an operator has taken out of a projection for good, byte for byte. Of all versions: a rebuild passes them
-- over, too.
CREATE TABLE projection.discarded (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection    text        NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    record_key    bytea       NOT NULL,
    record_value  bytea,
    header_names  text[]      NOT NULL,
    header_values bytea[]     NOT NULL,
    recorded_at   timestamptz NOT NULL,
    -- Why and since when it was parked.
    kind          text        NOT NULL,
    parked_reason text        NOT NULL,
    parked_at     timestamptz NOT NULL,
    -- Who took it out, when, and why.
    discarded_by  text        NOT NULL,
    discarded_at  timestamptz NOT NULL DEFAULT now(),
    reason        text        NOT NULL CHECK (reason <> ''),
    UNIQUE (projection, topic, partition, record_offset)
);

-- What keeps a worker from going on; gone once it goes on. Repeated as long as it tries: an old row is of a worker that
-- is no more.
CREATE TABLE projection.troubles (
    projection text        NOT NULL,
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    -- retrying: a fault that may pass; stopped: so many keys are parked that the code must be at fault; held: another
    -- partition of the projection is stopped.
    state      text        NOT NULL,
    reason     text        NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    told_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, topic, partition)
);

GRANT SELECT ON projection.discarded TO karmyq_projector;
-- For positions: what is parked is behind the checkpoint and yet not to be seen. Never the bytes.
GRANT SELECT (projection, version, topic, partition, record_offset) ON projection.parked TO karmyq_query;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.troubles TO karmyq_projector;
