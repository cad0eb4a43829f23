-- What the trust of people is computed from, per community that they are an active member of or had an exchange in
-- within 365 days. It must be the same for every reader, and it looks at communities that the reader may not see: the
-- breadth counts them, and a newcomer carries the best score of another one. Hence a function with its owner's rights;
-- it answers for the caller and for members of the caller's communities, and query-api shows no community that is not
-- shared.

CREATE FUNCTION reputation.trust_inputs(people uuid[], as_of timestamptz)
    RETURNS TABLE (
        user_id uuid, community_id uuid, is_member boolean, exchanges bigint, counterparties bigint, repeated bigint,
        rating double precision, depth_weight double precision, breadth_weight double precision,
        feedback_threshold double precision, min_interactions integer, carry_enabled boolean,
        carry_factor double precision, carry_cap integer
    )
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 50
BEGIN ATOMIC
    WITH met AS (
        SELECT DISTINCT p.id
        FROM unnest(trust_inputs.people) AS p (id)
        WHERE p.id = auth.caller()
           OR EXISTS (
               SELECT FROM community.memberships AS m
               WHERE m.user_id = p.id AND m.status = 'active' AND m.community_id = ANY (auth.caller_communities())
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
END;

GRANT EXECUTE ON FUNCTION reputation.trust_inputs(uuid[], timestamptz) TO karmyq_query;
