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
-- change a read model. Kept for ninety days as the record of who did what; what was shown of records for an hour.
CREATE TABLE projection.orders (
    -- Drawn by the page with the form, so that a form that is sent twice is one order.
    id           uuid        NOT NULL PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN (
        'rebuild', 'rebuild_all', 'cancel', 'rollback', 'drop', 'verify', 'heal', 'show', 'redrive', 'redrive_all', 'discard')),
    -- Empty where it is about several: rebuild_all, and the cancel of one.
    projection   text        NOT NULL,
    -- {throttle} of a rebuild, with {outdated} of several; {version} of what is rolled back or dropped; {id} of rows to heal; of dead letters
    -- {topic, key}, and {firstOffset, reason, wholeKey} to discard
    details      jsonb       NOT NULL DEFAULT '{}',
    asked_by     text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    -- Nobody takes it afterwards: a rebuild that begins by itself an hour after somebody wanted it would be a surprise.
    lapses_at    timestamptz NOT NULL DEFAULT now() + interval '1 minute',
    taken_by     text,
    taken_at     timestamptz,
    -- Repeated as long as somebody is at it.
    told_at      timestamptz,
    -- Who wants whoever is at it to stop.
    cancelled_by text,
    ended_at     timestamptz,
    -- done, failed
    outcome      text,
    -- What came of it, in the form of `karmyq … --json`.
    answer       jsonb,
    error        text
);

CREATE INDEX orders_waiting ON projection.orders (asked_at) WHERE taken_at IS NULL AND ended_at IS NULL;
CREATE INDEX orders_latest ON projection.orders (asked_at DESC);

-- Keys that are held back, in the form in which everybody shows them. Never the bytes of their records.
CREATE VIEW projection.parked_keys AS
SELECT projection, topic, partition, record_key, count(*) AS records, min(record_offset) AS first_offset,
    (array_agg(kind ORDER BY record_offset))[1] AS kind,
    (array_agg(reason ORDER BY record_offset))[1] AS reason, min(parked_at) AS since
FROM projection.active JOIN projection.parked USING (projection, version)
GROUP BY projection, topic, partition, record_key;

GRANT SELECT, INSERT, UPDATE, DELETE ON projection.whereabouts, projection.samples TO karmyq_projector;
GRANT SELECT, INSERT, UPDATE ON projection.look_out TO karmyq_projector;
-- To take orders and to say what came of them, not to ask.
GRANT SELECT, UPDATE, DELETE ON projection.orders TO karmyq_projector;
GRANT SELECT ON projection.parked_keys TO karmyq_projector;
-- For discarding on behalf of the console; never the record itself afterwards.
GRANT INSERT, UPDATE (discarded_by, discarded_at, reason) ON projection.discarded TO karmyq_projector;

GRANT SELECT ON projection.whereabouts, projection.samples, projection.orders, projection.parked_keys TO karmyq_query;
GRANT SELECT (projection, topic, partition, record_offset, record_key, kind, parked_reason, discarded_by, discarded_at, reason)
    ON projection.discarded TO karmyq_query;
-- To ask, and not to say what came of it.
GRANT INSERT (id, kind, projection, details, asked_by) ON projection.orders TO karmyq_query;
