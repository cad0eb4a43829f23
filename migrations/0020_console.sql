-- The operators' console of query-api: what projectors saw when they looked around, and what operators ask of them.

-- What `karmyq projections status` would have told then, of each projection.
CREATE TABLE projection.whereabouts (
    projection text        NOT NULL PRIMARY KEY,
    seen_at    timestamptz NOT NULL DEFAULT now(),
    status     jsonb       NOT NULL
);

-- The same in a few figures, for an hour back.
CREATE TABLE projection.samples (
    projection  text             NOT NULL,
    seen_at     timestamptz      NOT NULL DEFAULT now(),
    state       text             NOT NULL,
    lag_events  bigint           NOT NULL,
    lag_seconds double precision NOT NULL,
    PRIMARY KEY (projection, seen_at)
);

-- Who looks around: of all processes one at a time.
CREATE TABLE projection.look_out (
    alone     boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (alone),
    looked_at timestamptz NOT NULL DEFAULT now()
);

-- What an operator asks for on the console. Projectors take it and do what the command line does: query-api has no right to
-- change a read model. Kept as the record of who did what.
CREATE TABLE projection.orders (
    id         uuid        NOT NULL PRIMARY KEY,
    -- rebuild, cancel, rollback, drop, verify; show, redrive, discard
    kind       text        NOT NULL,
    projection text        NOT NULL,
    -- {throttle} of a rebuild; {topic, key} and {reason, wholeKey} of dead letters
    details    jsonb       NOT NULL DEFAULT '{}',
    asked_by   text        NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    taken_by   text,
    taken_at   timestamptz,
    -- Repeated as long as somebody is at it.
    told_at    timestamptz,
    ended_at   timestamptz,
    -- done, failed
    outcome    text,
    -- What came of it, in the form of `karmyq … --json`.
    answer     jsonb,
    error      text
);

CREATE INDEX orders_waiting ON projection.orders (asked_at) WHERE taken_at IS NULL;
CREATE INDEX orders_latest ON projection.orders (asked_at DESC);

-- Keys that are held back, in the form in which everybody shows them. Never the bytes of their records.
CREATE VIEW projection.parked_keys AS
SELECT projection, topic, partition, record_key, count(*) AS records, min(record_offset) AS first_offset,
    (array_agg(kind ORDER BY record_offset))[1] AS kind,
    (array_agg(reason ORDER BY record_offset))[1] AS reason, min(parked_at) AS since
FROM projection.active JOIN projection.parked USING (projection, version)
GROUP BY projection, topic, partition, record_key;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    projection.whereabouts, projection.samples, projection.look_out, projection.orders TO karmyq_projector;
GRANT SELECT ON projection.parked_keys TO karmyq_projector;
-- For discarding on behalf of the console.
GRANT INSERT, UPDATE ON projection.discarded TO karmyq_projector;

GRANT SELECT ON projection.whereabouts, projection.samples, projection.orders, projection.parked_keys TO karmyq_query;
GRANT SELECT (projection, topic, partition, record_offset, record_key, kind, parked_reason, discarded_by, discarded_at, reason)
    ON projection.discarded TO karmyq_query;
-- To ask, and not to say what came of it.
GRANT INSERT (id, kind, projection, details, asked_by) ON projection.orders TO karmyq_query;
