-- Reads that cost what their answer needs, however much there is.

-- The asks that a community sees, by status. Overlaps of arrays are not leakproof, so under row security PostgreSQL would
-- look at every request; `requests.shown_to_caller` uses these indexes with its owner's rights. Without a pending list, which
-- every search would have to go through.
CREATE INDEX help_requests_open_in ON requests.help_requests USING gin (community_ids) WITH (fastupdate = off)
    WHERE status = 'open';
CREATE INDEX help_requests_matched_in ON requests.help_requests USING gin (community_ids) WITH (fastupdate = off)
    WHERE status = 'matched' AND text_forgotten_at IS NULL;
CREATE INDEX help_requests_completed_in ON requests.help_requests USING gin (community_ids) WITH (fastupdate = off)
    WHERE status = 'completed' AND text_forgotten_at IS NULL;
CREATE INDEX help_requests_pending_in ON requests.help_requests USING gin (pending_community_ids) WITH (fastupdate = off)
    WHERE status = 'pending';
CREATE INDEX help_requests_for_everybody ON requests.help_requests (status)
    WHERE visibility_scope = 'platform' AND text_forgotten_at IS NULL;
CREATE INDEX communities_open_to_outsiders ON community.communities (id)
    WHERE outsider_response_allowed AND visibility_mode = 'public';
-- Who shares a community with whom is asked of hundreds at once, and answered by these indexes alone.
CREATE INDEX memberships_active ON community.memberships (user_id, community_id) WHERE status = 'active';
CREATE INDEX memberships_active_in ON community.memberships (community_id, user_id) WHERE status = 'active';
-- What belongs to a community, or to a person, stands together with all that a ranking and trust need of it: the rows
-- themselves stand in the order of time, each on a page of its own.
DROP INDEX reputation.karma_records_by_community, reputation.exchanges_by_user, reputation.ratings_by_user;
CREATE INDEX karma_records_by_community ON reputation.karma_records (community_id, user_id) INCLUDE (points, created_at);
CREATE INDEX exchanges_by_user ON reputation.exchanges (user_id, community_id, completed_at DESC)
    INCLUDE (match_id, counterparty_id);
CREATE INDEX ratings_by_user ON reputation.ratings (user_id, match_id)
    INCLUDE (rating, helpfulness, responsiveness, clarity, given_at);
CREATE INDEX activities_by_person ON feed.activities (community_id, user_id, created_at)
    WHERE type IN ('request_created', 'offer_created');

-- Ids of accounts that are deactivated or erased. A view of its owner's, so that a policy looks one up in an index
-- instead of calling a function for each row.
CREATE INDEX users_inactive ON auth.users (id) WHERE state <> 'active';
CREATE VIEW auth.inactive_accounts AS SELECT id FROM auth.users WHERE state <> 'active';
GRANT SELECT ON auth.inactive_accounts TO karmyq_query;

-- Functions in PL/pgSQL, because a session plans each of their statements once: one in SQL is planned in every query that
-- calls it, which takes longer than to run it. Such a plan may be as old as the session, from when the tables were empty: it
-- goes by indexes even so.

-- The requests in a status that row security shows to the caller, and all expired ones that the caller takes part in; with
-- communities, only what is posted in those beside what the caller takes part in. It says again what the policy below
-- says, because a list has to decide it for thousands of rows to show twenty. Those it reads by their ids, and row security has
-- the last word on them.
CREATE FUNCTION requests.shown_to_caller(communities uuid[], wanted text) RETURNS SETOF requests.help_requests
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 200
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    caller uuid := auth.caller();
    own uuid[] := COALESCE(auth.caller_communities(), '{}');
    open_to_outsiders uuid[] := ARRAY(
        SELECT c.id FROM community.communities AS c
        WHERE c.outsider_response_allowed AND c.visibility_mode = 'public'
    );
    reach uuid[] := COALESCE(shown_to_caller.communities, own || open_to_outsiders);
    moderated uuid[] := ARRAY(
        SELECT m.community_id FROM community.memberships AS m
        WHERE m.user_id = caller AND m.status = 'active' AND m.role IN ('admin', 'moderator') AND m.community_id = ANY (own)
    );
    offered_for uuid[] := ARRAY(SELECT m.request_id FROM requests.matches AS m WHERE m.responder_id = caller);
BEGIN
    IF caller IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    -- A branch per index; all but one end before they begin.
    WITH posted AS (
        SELECT r.* FROM requests.help_requests AS r
        WHERE shown_to_caller.wanted = 'open' AND r.status = 'open' AND r.community_ids && reach AND r.expires_at > now()
        UNION ALL
        SELECT r.* FROM requests.help_requests AS r
        WHERE shown_to_caller.wanted = 'matched' AND r.status = 'matched' AND r.community_ids && reach
        UNION ALL
        SELECT r.* FROM requests.help_requests AS r
        WHERE shown_to_caller.wanted = 'completed' AND r.status = 'completed' AND r.community_ids && reach
        UNION ALL
        SELECT r.* FROM requests.help_requests AS r
        WHERE shown_to_caller.communities IS NULL AND r.visibility_scope = 'platform' AND NOT r.community_ids && reach
          AND r.status = shown_to_caller.wanted AND r.status IN ('open', 'matched', 'completed')
          AND (r.status <> 'open' OR r.expires_at > now())
    )
    SELECT p.* FROM posted AS p
    WHERE p.text_forgotten_at IS NULL AND p.requester_id <> caller AND p.id <> ALL (offered_for)
      AND (
          p.visibility_scope = 'platform'
          OR p.community_ids && open_to_outsiders
          OR p.community_ids && own
             AND EXISTS (
                 SELECT FROM community.memberships AS m
                 WHERE m.user_id = p.requester_id AND m.status = 'active'
                   AND m.community_id = ANY (p.community_ids) AND m.community_id = ANY (own)
             )
      )
      AND NOT EXISTS (SELECT FROM auth.inactive_accounts AS u WHERE u.id = p.requester_id);
    IF shown_to_caller.wanted = 'pending' THEN
        RETURN QUERY SELECT r.* FROM requests.help_requests AS r
        WHERE r.status = 'pending' AND r.pending_community_ids && moderated AND r.pending_community_ids && reach
          AND r.requester_id <> caller AND r.id <> ALL (offered_for);
    END IF;
    RETURN QUERY SELECT r.* FROM requests.help_requests AS r
    WHERE r.requester_id = caller AND shown_to_caller.wanted IN (r.status, 'expired');
    RETURN QUERY SELECT r.* FROM requests.help_requests AS r
    WHERE r.id = ANY (offered_for) AND r.requester_id <> caller AND shown_to_caller.wanted IN (r.status, 'expired');
END
$$;

REVOKE ALL ON FUNCTION requests.shown_to_caller(uuid[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION requests.shown_to_caller(uuid[], text) TO karmyq_query;

-- Active communities that the caller is not in, by the active members that they share with the caller's own, then the
-- liveliest. Members of a community are shared as far as row security shows them: where it is open to everybody.
CREATE FUNCTION community.nearest(most integer) RETURNS TABLE (id uuid, shared_members bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 5
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    caller uuid := auth.caller();
    own uuid[] := COALESCE(auth.caller_communities(), '{}');
BEGIN
    IF caller IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH neighbours AS (
        SELECT DISTINCT m.user_id FROM community.memberships AS m
        WHERE m.community_id = ANY (own) AND m.status = 'active' AND m.user_id <> caller
    ), counted AS MATERIALIZED (
        SELECT m.community_id, count(*) AS members
        FROM neighbours AS n JOIN community.memberships AS m ON m.user_id = n.user_id
        WHERE m.status = 'active' AND m.community_id <> ALL (own)
        GROUP BY m.community_id
    ), shared AS (
        SELECT c.id, s.members, c.last_activity_at
        FROM counted AS s
        -- One by one: there are few, which nobody can know who plans it once.
        CROSS JOIN LATERAL (
            SELECT c.* FROM community.communities AS c WHERE c.id = s.community_id OFFSET 0
        ) AS c
        WHERE c.visibility_mode = 'public' AND c.access_type = 'public' AND c.status = 'active'
    ), liveliest AS (
        SELECT c.id, 0::bigint AS members, c.last_activity_at
        FROM community.communities AS c
        WHERE c.status = 'active' AND c.id <> ALL (own) AND c.id NOT IN (SELECT s.id FROM shared AS s)
        ORDER BY c.last_activity_at DESC, c.id DESC LIMIT most
    )
    SELECT c.id, c.members FROM (TABLE shared UNION ALL TABLE liveliest) AS c
    ORDER BY c.members DESC, c.last_activity_at DESC, c.id DESC LIMIT most;
END
$$;

REVOKE ALL ON FUNCTION community.nearest(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION community.nearest(integer) TO karmyq_query;

-- The same audience as before (request.md 6.1), said so that what costs most is looked at last and nothing calls a
-- function for each row.
ALTER POLICY reader ON requests.help_requests
    USING (
        requester_id = (SELECT auth.caller())
        OR (SELECT auth.caller()) IS NOT NULL
           AND status IN ('open', 'matched', 'completed')
           AND (status <> 'open' OR expires_at > now())
           AND text_forgotten_at IS NULL
           AND (
               visibility_scope = 'platform'
               OR community_ids && ARRAY(
                   SELECT c.id FROM community.communities AS c
                   WHERE c.outsider_response_allowed AND c.visibility_mode = 'public'
               )
               OR community_ids && (SELECT auth.caller_communities())::uuid[]
                  AND EXISTS (
                      SELECT FROM community.memberships AS m
                      WHERE m.user_id = help_requests.requester_id AND m.status = 'active'
                        AND m.community_id = ANY (help_requests.community_ids)
                        AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
                  )
           )
           AND NOT EXISTS (SELECT FROM auth.inactive_accounts AS u WHERE u.id = help_requests.requester_id)
        OR EXISTS (
            SELECT FROM requests.matches AS m
            WHERE m.request_id = help_requests.id AND m.responder_id = (SELECT auth.caller())
        )
        OR status = 'pending'
           AND pending_community_ids && (SELECT auth.caller_communities())::uuid[]
           AND EXISTS (
               SELECT FROM community.memberships AS m
               WHERE m.user_id = (SELECT auth.caller()) AND m.status = 'active' AND m.role IN ('admin', 'moderator')
                 AND m.community_id = ANY (help_requests.pending_community_ids)
                 AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
           )
    );

-- As before. A value and not EXISTS, which PostgreSQL would rather answer from a table of all public communities.
ALTER POLICY reader ON community.memberships
    USING (
        community_id = ANY ((SELECT auth.caller_communities())::uuid[])
        OR user_id = (SELECT auth.caller())
        OR (
            SELECT c.visibility_mode = 'public' AND c.access_type = 'public'
            FROM community.communities AS c WHERE c.id = memberships.community_id
        )
    );

-- The functions of earlier files as they were, except that each looks up once who calls, and not for every row.

CREATE OR REPLACE FUNCTION requests.counterpart_feedback(match uuid)
    RETURNS TABLE (theirs_given boolean, both_allow_featuring boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT COALESCE(bool_or(f.from_user_id <> (SELECT auth.caller())), false),
           count(*) = 2 AND bool_and(f.allow_featuring)
    FROM requests.matches AS m
    LEFT JOIN requests.match_feedback AS f ON f.match_id = m.id
    WHERE m.id = counterpart_feedback.match AND (SELECT auth.caller()) IN (m.requester_id, m.responder_id)
    GROUP BY m.id;
END;

CREATE OR REPLACE FUNCTION reputation.rating_averages(people uuid[], communities uuid[], as_of timestamptz)
    RETURNS TABLE (
        user_id uuid, community_id uuid, ratings bigint, weighted_rating double precision,
        helpfulness double precision, responsiveness double precision, clarity double precision
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
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
      AND (e.user_id = (SELECT auth.caller()) OR e.community_id = ANY ((SELECT auth.caller_communities())::uuid[]))
    GROUP BY e.user_id, e.community_id;
END
$$;

CREATE OR REPLACE FUNCTION reputation.trust_inputs(people uuid[], as_of timestamptz)
    RETURNS TABLE (
        user_id uuid, community_id uuid, is_member boolean, exchanges bigint, counterparties bigint, repeated bigint,
        rating double precision, depth_weight double precision, breadth_weight double precision,
        feedback_threshold double precision, min_interactions integer, carry_enabled boolean,
        carry_factor double precision, carry_cap integer
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH met AS (
        SELECT DISTINCT p.id
        FROM unnest(trust_inputs.people) AS p (id)
        WHERE p.id = (SELECT auth.caller())
           OR EXISTS (
               SELECT FROM community.memberships AS m
               WHERE m.user_id = p.id AND m.status = 'active' AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
           )
    ), counterparts AS (
        SELECT e.user_id, e.community_id, e.counterparty_id, count(*) AS times
        FROM met JOIN reputation.exchanges AS e ON e.user_id = met.id
        WHERE e.completed_at > trust_inputs.as_of - interval '365 days'
        GROUP BY e.user_id, e.community_id, e.counterparty_id
    ), facts AS (
        SELECT c.user_id, c.community_id, sum(c.times)::bigint AS exchanges, count(*) AS counterparties,
               count(*) FILTER (WHERE c.times >= 2) AS repeated
        FROM counterparts AS c
        GROUP BY c.user_id, c.community_id
    ), memberships AS (
        SELECT m.user_id, m.community_id
        FROM met JOIN community.memberships AS m ON m.user_id = met.id
        WHERE m.status = 'active'
    )
    SELECT COALESCE(m.user_id, f.user_id), COALESCE(m.community_id, f.community_id), m.user_id IS NOT NULL,
           COALESCE(f.exchanges, 0), COALESCE(f.counterparties, 0), COALESCE(f.repeated, 0), r.rating,
           COALESCE(c.trust_depth_weight, 0.6), COALESCE(c.trust_breadth_weight, 0.4),
           COALESCE(c.trust_feedback_threshold, 3), COALESCE(c.min_interactions_for_trust, 1),
           COALESCE(c.trust_carry_enabled, true), COALESCE(c.trust_carry_factor, 0.4), COALESCE(c.trust_carry_cap, 59)
    FROM memberships AS m
    FULL JOIN facts AS f ON f.user_id = m.user_id AND f.community_id = m.community_id
    LEFT JOIN community.configs AS c ON c.community_id = COALESCE(m.community_id, f.community_id)
    LEFT JOIN LATERAL (
        -- Ratings of any age, weighted by it: the half-life of the community's karma, never below 0.1; 0 is no decay.
        SELECT sum(g.rating * w.weight) / sum(w.weight) AS rating
        FROM reputation.exchanges AS e
        JOIN reputation.ratings AS g ON g.match_id = e.match_id AND g.user_id = e.user_id
        CROSS JOIN LATERAL (
            SELECT greatest(0.1, COALESCE(power(
                0.5,
                greatest(0, extract(epoch FROM trust_inputs.as_of - g.given_at)::double precision / 86400)
                    / NULLIF(COALESCE(c.karma_decay_half_life_days, 180), 0)
            ), 1)) AS weight
        ) AS w
        WHERE e.user_id = COALESCE(m.user_id, f.user_id) AND e.community_id = COALESCE(m.community_id, f.community_id)
    ) AS r ON true;
END
$$;

CREATE OR REPLACE FUNCTION reputation.community_quality(community uuid, since timestamptz) RETURNS double precision
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT avg(COALESCE(q.mean, r.rating))
    FROM reputation.exchanges AS e
    JOIN reputation.ratings AS r ON r.match_id = e.match_id AND r.user_id = e.user_id
    CROSS JOIN LATERAL (
        SELECT avg(number)::double precision AS mean
        FROM unnest(ARRAY[r.helpfulness, r.responsiveness, r.clarity]) AS number
    ) AS q
    WHERE e.community_id = community_quality.community
      AND e.completed_at > community_quality.since
      AND e.community_id = ANY ((SELECT auth.caller_communities())::uuid[]);
END;

-- What the places of a community's active members are decided by, with all their awards, in one look at an index. For
-- members of the community.
CREATE FUNCTION reputation.contenders(community uuid)
    RETURNS TABLE (
        user_id uuid, shares_reputation boolean, helps_given integer, points integer[], earned_at timestamptz[]
    )
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH awards AS MATERIALIZED (
        SELECT k.user_id, array_agg(k.points) AS points, array_agg(k.created_at) AS earned_at
        FROM reputation.karma_records AS k
        WHERE k.community_id = contenders.community
        GROUP BY k.user_id
    )
    SELECT m.user_id, COALESCE(u.share_reputation, false), COALESCE(s.helps_given, 0), COALESCE(a.points, '{}'),
           COALESCE(a.earned_at, '{}')
    FROM community.memberships AS m
    LEFT JOIN auth.user_settings AS u ON u.user_id = m.user_id
    LEFT JOIN reputation.standings AS s ON s.user_id = m.user_id AND s.community_id = m.community_id
    LEFT JOIN awards AS a ON a.user_id = m.user_id
    WHERE m.community_id = contenders.community AND m.status = 'active'
      AND contenders.community = ANY (auth.caller_communities());
END
$$;

REVOKE ALL ON FUNCTION reputation.contenders(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reputation.contenders(uuid) TO karmyq_query;
