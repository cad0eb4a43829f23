-- Projection `reputation`: karma, standings, exchanges, ratings and badges, from reputation-events. Decay and trust
-- are computed on read from these facts and `now`; nothing here decays.

CREATE TABLE reputation.karma_records (
    -- Of the KarmaAwarded.
    id           uuid        NOT NULL PRIMARY KEY,
    user_id      uuid        NOT NULL,
    community_id uuid        NOT NULL,
    points       integer     NOT NULL,
    reason       text        NOT NULL,
    match_id     uuid        NOT NULL,
    request_id   uuid        NOT NULL,
    -- When it was earned.
    created_at   timestamptz NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('reputation.karma_records');

CREATE INDEX karma_records_by_user ON reputation.karma_records (user_id, created_at DESC, id DESC);
CREATE INDEX karma_records_by_community ON reputation.karma_records (community_id, user_id, created_at DESC);
-- A unique index of the parent would need its partition key `id`; on its one partition it says the same.
CREATE UNIQUE INDEX karma_records_v1_once ON reputation.karma_records_v1 (user_id, community_id, reason, match_id);

CREATE POLICY reader ON reputation.karma_records FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()) OR community_id = ANY ((SELECT auth.caller_communities())::uuid[]));

CREATE TABLE reputation.standings (
    user_id          uuid        NOT NULL,
    community_id     uuid        NOT NULL,
    total_karma      bigint      NOT NULL,
    helps_given      integer     NOT NULL,
    helps_received   integer     NOT NULL,
    bonus_karma      bigint      NOT NULL,
    last_activity_at timestamptz NOT NULL,
    version          bigint      NOT NULL,
    PRIMARY KEY (user_id, community_id)
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('reputation.standings');

CREATE INDEX standings_by_karma ON reputation.standings (community_id, total_karma DESC, user_id);

CREATE POLICY reader ON reputation.standings FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()) OR community_id = ANY ((SELECT auth.caller_communities())::uuid[]));

-- One row per credited community and side.
CREATE TABLE reputation.exchanges (
    match_id        uuid        NOT NULL,
    community_id    uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    counterparty_id uuid        NOT NULL,
    role            text        NOT NULL,
    completed_at    timestamptz NOT NULL,
    PRIMARY KEY (match_id, community_id, user_id)
) PARTITION BY LIST (match_id);
CALL projection.make_read_table('reputation.exchanges');

CREATE INDEX exchanges_by_user ON reputation.exchanges (user_id, community_id, completed_at DESC);
CREATE INDEX exchanges_by_community ON reputation.exchanges (community_id, completed_at DESC);

CREATE POLICY reader ON reputation.exchanges FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()) OR community_id = ANY ((SELECT auth.caller_communities())::uuid[]));

-- No policy for readers: single ratings are for nobody, see reputation.rating_averages.
CREATE TABLE reputation.ratings (
    match_id       uuid             NOT NULL,
    user_id        uuid             NOT NULL,
    rating         double precision NOT NULL,
    helpfulness    integer,
    responsiveness integer,
    clarity        integer,
    given_at       timestamptz      NOT NULL,
    PRIMARY KEY (match_id, user_id)
) PARTITION BY LIST (match_id);
CALL projection.make_read_table('reputation.ratings');

CREATE INDEX ratings_by_user ON reputation.ratings (user_id, given_at DESC);

CREATE TABLE reputation.badges (
    user_id    uuid        NOT NULL,
    badge_type text        NOT NULL,
    match_id   uuid        NOT NULL,
    earned_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, badge_type)
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('reputation.badges');

CREATE POLICY reader ON reputation.badges FOR SELECT TO karmyq_query
    USING ((SELECT auth.caller()) IS NOT NULL);

-- The ratings that people received in exchanges credited to a community, as the trust formula wants them: the mean
-- weighted by age (half-life of the community's karma, never below 0.1), and plain means of the three qualities.
-- Only for communities of the caller, and for the caller's own everywhere.
CREATE FUNCTION reputation.rating_averages(people uuid[], communities uuid[], as_of timestamptz)
    RETURNS TABLE (
        user_id uuid, community_id uuid, ratings bigint, weighted_rating double precision,
        helpfulness double precision, responsiveness double precision, clarity double precision
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT e.user_id, e.community_id, count(*), sum(r.rating * w.weight) / sum(w.weight),
           avg(r.helpfulness)::double precision, avg(r.responsiveness)::double precision, avg(r.clarity)::double precision
    FROM reputation.exchanges AS e
    JOIN reputation.ratings AS r ON r.match_id = e.match_id AND r.user_id = e.user_id
    LEFT JOIN community.configs AS c ON c.community_id = e.community_id
    CROSS JOIN LATERAL (
        SELECT greatest(0.1, power(
            0.5,
            greatest(0, extract(epoch FROM rating_averages.as_of - r.given_at)::double precision / 86400)
                / NULLIF(COALESCE(c.karma_decay_half_life_days, 180), 0)
        )) AS half_lives
    ) AS decay
    -- Half-life 0 means no decay.
    CROSS JOIN LATERAL (SELECT COALESCE(decay.half_lives, 1) AS weight) AS w
    WHERE e.user_id = ANY (rating_averages.people)
      AND e.community_id = ANY (rating_averages.communities)
      AND (e.user_id = auth.caller() OR e.community_id = ANY (auth.caller_communities()))
    GROUP BY e.user_id, e.community_id;
END;

GRANT EXECUTE ON FUNCTION reputation.rating_averages(uuid[], uuid[], timestamptz) TO karmyq_query;
