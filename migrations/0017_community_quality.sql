-- Mean quality of the exchanges credited to a community, for its members: single ratings are readable by nobody. The
-- quality of one feedback is the mean of its given numbers, else its rating.

CREATE FUNCTION reputation.community_quality(community uuid, since timestamptz) RETURNS double precision
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
      AND e.community_id = ANY (auth.caller_communities());
END;

GRANT EXECUTE ON FUNCTION reputation.community_quality(uuid, timestamptz) TO karmyq_query;
