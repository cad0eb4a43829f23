-- Rebuilds as recorded jobs, and the versions that are kept for going back.

-- What is left of a projection whose code is gone is found by its tables; and whoever has no code (query-api) can tell
-- whether the rows were made by the code that folds now.
ALTER TABLE projection.active
    ADD COLUMN tables text[] NOT NULL DEFAULT '{}',
    ADD COLUMN folded_by text;

UPDATE projection.active
SET tables = ARRAY(SELECT name[1] FROM regexp_matches(fingerprint, '([a-z_]+\.[a-z_]+) \(', 'g') AS name);

-- The version before the live one: detached tables with checkpoints and parked records of its own.
CREATE TABLE projection.kept (
    projection  text        NOT NULL PRIMARY KEY,
    version     integer     NOT NULL,
    fingerprint text        NOT NULL,
    tables      text[]      NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO projection.kept (projection, version, fingerprint, tables)
SELECT DISTINCT ON (c.projection) c.projection, c.version, 'unknown', a.tables
FROM projection.checkpoints AS c JOIN projection.active AS a USING (projection)
WHERE c.version < a.version
ORDER BY c.projection, c.version DESC;

-- Written once a second by whoever rebuilds, who holds an advisory lock as long as they live.
CREATE TABLE projection.rebuilds (
    id               bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection       text             NOT NULL,
    -- rebuild, rollback
    kind             text             NOT NULL,
    -- What it builds or brings back.
    version          integer          NOT NULL,
    tables           text[]           NOT NULL,
    phase            text             NOT NULL,
    -- [{topic, partition, next, goal}]
    partitions       jsonb            NOT NULL DEFAULT '[]',
    records          bigint           NOT NULL DEFAULT 0,
    rows_written     bigint           NOT NULL DEFAULT 0,
    rows_total       bigint           NOT NULL DEFAULT 0,
    per_second       double precision NOT NULL DEFAULT 0,
    seconds_left     double precision,
    -- What it waits for, when it does not get on.
    trouble          text,
    throttle         integer,
    started_by       text             NOT NULL,
    started_at       timestamptz      NOT NULL DEFAULT now(),
    updated_at       timestamptz      NOT NULL DEFAULT now(),
    cancel_wished_by text,
    ended_at         timestamptz,
    -- done, cancelled, failed, interrupted; none while it runs
    outcome          text,
    error            text
);

-- Two of one projection refuse each other.
CREATE UNIQUE INDEX one_rebuild_at_a_time ON projection.rebuilds (projection) WHERE outcome IS NULL;
CREATE INDEX rebuilds_latest ON projection.rebuilds (projection, id DESC);

-- The key of the advisory lock.
CREATE FUNCTION projection.rebuild_lock(projection text) RETURNS bigint
    LANGUAGE sql IMMUTABLE SET search_path = ''
RETURN hashtextextended('karmyq rebuild ' || projection, 0);

-- The latest job of each projection, in the form in which everybody shows it. A job that nobody holds the lock of is dead.
CREATE VIEW projection.latest_jobs AS
SELECT DISTINCT ON (r.projection) r.projection, jsonb_build_object(
    'projection', r.projection,
    'kind', r.kind,
    'version', r.version,
    'state', CASE
        WHEN r.outcome IS NOT NULL THEN r.outcome
        WHEN EXISTS (
            SELECT FROM pg_locks AS l
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
              AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
              AND l.classid::bigint << 32 | l.objid::bigint = projection.rebuild_lock(r.projection)
        ) THEN 'running'
        ELSE 'dead'
    END,
    'phase', r.phase,
    'partitions', r.partitions,
    'records', r.records,
    'rowsWritten', r.rows_written,
    'rowsTotal', r.rows_total,
    'perSecond', r.per_second,
    'secondsLeft', r.seconds_left,
    'trouble', r.trouble,
    'throttle', r.throttle,
    'startedBy', r.started_by,
    'startedAt', r.started_at,
    'updatedAt', r.updated_at,
    'cancelWishedBy', r.cancel_wished_by,
    'endedAt', r.ended_at,
    'error', r.error
) AS job
FROM projection.rebuilds AS r
ORDER BY r.projection, r.id DESC;

-- Ends a job whose process is gone and drops what it had begun; the version that it worked on, if there was one. With its
-- owner's rights, because the projectors call it at their start and own no table.
CREATE FUNCTION projection.clean_up(of text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
AS $$
DECLARE
    job  record;
    name text;
    half regclass;
BEGIN
    IF NOT pg_try_advisory_xact_lock(projection.rebuild_lock(of)) THEN
        RETURN NULL;
    END IF;
    -- Waits for a transaction of it that is about to commit, and after this none can.
    SELECT r.id, r.kind, r.version, r.tables INTO job
    FROM projection.rebuilds AS r WHERE r.projection = of AND r.outcome IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF job.kind = 'rebuild' THEN
        FOREACH name IN ARRAY job.tables LOOP
            half := to_regclass(format('%s_v%s', name, job.version));
            -- Swapped in, it would be a partition; the job would be done then.
            IF half IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = half) THEN
                EXECUTE format('DROP TABLE %s', half);
            END IF;
        END LOOP;
    END IF;
    UPDATE projection.rebuilds SET outcome = 'interrupted', ended_at = now() WHERE id = job.id;
    RETURN job.version;
END
$$;

REVOKE ALL ON FUNCTION projection.clean_up(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION projection.clean_up(text) TO karmyq_projector;
GRANT EXECUTE ON FUNCTION projection.rebuild_lock(text) TO karmyq_projector, karmyq_query;
GRANT SELECT ON projection.kept, projection.latest_jobs TO karmyq_projector, karmyq_query;
GRANT SELECT (projection, version, topic, partition) ON projection.parked TO karmyq_query;
