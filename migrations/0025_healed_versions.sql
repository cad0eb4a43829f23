-- What a version that is not live yet needs to become as well healed as the live one.

-- Since when other versions have a record parked. Found record by record, however many of a key wait.
CREATE INDEX parked_by_record ON projection.parked (projection, topic, partition, record_offset, parked_at);

-- As in 0019, and takes the checkpoints and dead letters of a half-built version away, which is folded batch by batch when
-- PostgreSQL refuses some of its rows.
CREATE OR REPLACE FUNCTION projection.clean_up(of text) RETURNS integer
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
        DELETE FROM projection.checkpoints AS c WHERE c.projection = of AND c.version = job.version;
        DELETE FROM projection.parked AS p WHERE p.projection = of AND p.version = job.version;
    END IF;
    UPDATE projection.rebuilds SET outcome = 'interrupted', ended_at = now() WHERE id = job.id;
    RETURN job.version;
END
$$;
