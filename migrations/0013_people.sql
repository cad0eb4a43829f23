-- Names and pictures of whoever the caller meets in a membership, a request, a match or a join request that the caller
-- sees; of the ids asked for, the others yield no row. A function and not a view, so that the conditions are looked up
-- for these few people and never computed for everybody. It reads with its owner's rights and says itself who is met.

CREATE FUNCTION auth.people(ids uuid[])
    RETURNS TABLE (id uuid, name text, avatar_url text, state text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 20
BEGIN ATOMIC
    SELECT u.id, u.name, u.avatar_url, u.state
    FROM auth.users AS u
    WHERE u.id = ANY (people.ids)
      AND auth.caller() IS NOT NULL
      AND (
          u.id = auth.caller()
          OR EXISTS (
              SELECT FROM community.memberships AS m
              JOIN community.communities AS c ON c.id = m.community_id
              WHERE m.user_id = u.id
                AND (
                    m.community_id = ANY (auth.caller_communities())
                    OR c.visibility_mode = 'public' AND c.access_type = 'public'
                )
          )
          OR EXISTS (
              SELECT FROM requests.matches AS m
              WHERE m.requester_id = u.id AND m.responder_id = auth.caller()
                 OR m.responder_id = u.id AND m.requester_id = auth.caller()
          )
          OR EXISTS (
              SELECT FROM requests.help_requests AS r
              WHERE r.requester_id = u.id AND r.status IN ('open', 'matched', 'completed')
                AND r.text_forgotten_at IS NULL
                AND (
                    r.visibility_scope = 'platform'
                    OR EXISTS (
                        SELECT FROM community.communities AS c
                        WHERE c.id = ANY (r.community_ids)
                          AND c.outsider_response_allowed AND c.visibility_mode = 'public'
                    )
                )
          )
          OR EXISTS (
              SELECT FROM community.join_requests AS j
              JOIN community.memberships AS m ON m.community_id = j.community_id
              WHERE j.user_id = u.id AND m.user_id = auth.caller()
                AND m.status = 'active' AND m.role IN ('admin', 'moderator')
          )
      );
END;

GRANT EXECUTE ON FUNCTION auth.people(uuid[]) TO karmyq_query;
