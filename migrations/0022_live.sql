-- What the live stream reads, for many people at once.

-- The same as before, but a session plans it once: planning takes ten times as long as looking somebody up, and lists call it
-- once a page, this stream once an item. Such a plan may be as old as the session, from when the tables were empty: it goes by
-- indexes even so.
CREATE OR REPLACE FUNCTION auth.people(ids uuid[])
    RETURNS TABLE (id uuid, name text, avatar_url text, state text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20
    SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT u.id, u.name, u.avatar_url, u.state
    FROM auth.users AS u
    WHERE u.id = ANY (people.ids)
      AND (SELECT auth.caller()) IS NOT NULL
      AND (
          u.id = (SELECT auth.caller())
          OR EXISTS (
              SELECT FROM community.memberships AS m
              JOIN community.communities AS c ON c.id = m.community_id
              WHERE m.user_id = u.id
                AND (
                    m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
                    OR c.visibility_mode = 'public' AND c.access_type = 'public'
                )
          )
          OR EXISTS (
              SELECT FROM requests.matches AS m
              WHERE m.requester_id = u.id AND m.responder_id = (SELECT auth.caller())
                 OR m.responder_id = u.id AND m.requester_id = (SELECT auth.caller())
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
              WHERE j.user_id = u.id AND m.user_id = (SELECT auth.caller())
                AND m.status = 'active' AND m.role IN ('admin', 'moderator')
          )
      );
END
$$;

-- What the list of an inbox says beside an item, for one item: a stream reads few at a time, each as another person, and
-- to begin a query over all the ways in which one may see somebody or an ask takes longer than to look them up. So the
-- usual ones first.

-- The name of a person, as auth.people tells it: most share a community with whoever asks.
CREATE FUNCTION auth.name_shown(person uuid) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = ''
AS $$
BEGIN
    IF auth.caller() IS NOT NULL AND EXISTS (
        SELECT FROM community.memberships AS m
        WHERE m.user_id = person AND m.community_id = ANY (auth.caller_communities())
    ) THEN
        RETURN (SELECT u.name FROM auth.users AS u WHERE u.id = person);
    END IF;
    RETURN (SELECT p.name FROM auth.people(ARRAY[person]) AS p);
END
$$;

-- The title of a request that the caller takes part in.
CREATE FUNCTION requests.title_of_own(request uuid) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = ''
AS $$
BEGIN
    RETURN (
        SELECT r.title FROM requests.help_requests AS r
        WHERE r.id = request
          AND (
              r.requester_id = auth.caller()
              OR EXISTS (SELECT FROM requests.matches AS m WHERE m.request_id = request AND m.responder_id = auth.caller())
          )
    );
END
$$;

-- The title of a request, as row security shows it to the caller, whose rights this runs with.
CREATE FUNCTION requests.title_shown(request uuid) RETURNS text
    LANGUAGE plpgsql STABLE STRICT SET search_path = ''
AS $$
DECLARE
    own text := requests.title_of_own(request);
BEGIN
    IF own IS NOT NULL THEN
        RETURN own;
    END IF;
    RETURN (SELECT r.title FROM requests.help_requests AS r WHERE r.id = request);
END
$$;

REVOKE ALL ON FUNCTION auth.name_shown(uuid), requests.title_of_own(uuid), requests.title_shown(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.name_shown(uuid), requests.title_of_own(uuid), requests.title_shown(uuid) TO karmyq_query;

-- The live stream reads for many people at once, in one round trip. Row security decides for each of them as if they had
-- asked alone: this runs with the caller's rights, and says for each of them who asks.
CREATE FUNCTION notifications.raised_after(users uuid[], offsets bigint[], until timestamptz, most integer)
    RETURNS TABLE (
        reader          uuid,
        id              uuid,
        type            text,
        priority        text,
        subject_type    text,
        subject_id      uuid,
        actor_id        uuid,
        community_id    uuid,
        params          jsonb,
        action_url      text,
        read            boolean,
        count           integer,
        created_at      timestamptz,
        read_at         timestamptz,
        "position"      text,
        position_offset bigint,
        actor_name      text,
        request_title   text,
        community_name  text
    )
    LANGUAGE plpgsql SET search_path = '' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    FOR place IN 1 .. cardinality(users) LOOP
        PERFORM set_config('app.community_ids', '', true), set_config('app.user_id', users[place]::text, true);
        PERFORM set_config('app.community_ids', ARRAY(
            SELECT m.community_id FROM community.memberships AS m
            WHERE m.user_id = users[place] AND m.status = 'active'
        )::text, true);
        RETURN QUERY
        SELECT n.user_id, n.id, n.type, n.priority, n.subject_type, n.subject_id, n.actor_id, n.community_id, n.params,
               n.action_url, n.read, n.count, n.created_at, n.read_at, n.position, n.position_offset,
               auth.name_shown(n.actor_id),
               requests.title_shown(CASE
                   WHEN n.subject_type = 'request' THEN n.subject_id
                   WHEN n.params ->> 'requestId' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                       THEN (n.params ->> 'requestId')::uuid
               END),
               (SELECT c.name FROM community.communities AS c WHERE c.id = n.community_id)
        FROM notifications.notifications AS n
        WHERE n.user_id = users[place] AND n.position_offset > offsets[place] AND n.expires_at > until
        ORDER BY n.position_offset LIMIT most;
    END LOOP;
    -- Nothing else in this transaction reads as the last of them.
    PERFORM set_config('app.user_id', '', true), set_config('app.community_ids', '', true);
END
$$;

REVOKE ALL ON FUNCTION notifications.raised_after(uuid[], bigint[], timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notifications.raised_after(uuid[], bigint[], timestamptz, integer) TO karmyq_query;

-- The last record of each of these people that is parked. query-api may not read the keys of records.
CREATE FUNCTION notifications.parked(users uuid[], partitions integer[])
    RETURNS TABLE (user_id uuid, record_offset bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
AS $$
    SELECT u.user_id, max(p.record_offset)
    FROM unnest(users, partitions) AS u (user_id, partition)
    JOIN projection.active AS a ON a.projection = 'notifications'
    JOIN projection.parked AS p
        ON p.projection = a.projection AND p.version = a.version AND p.topic = 'notification-events'
        AND p.partition = u.partition AND p.record_key = convert_to(u.user_id::text, 'UTF8')
    GROUP BY u.user_id
$$;

REVOKE ALL ON FUNCTION notifications.parked(uuid[], integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notifications.parked(uuid[], integer[]) TO karmyq_query;
