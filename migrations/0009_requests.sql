-- Projection `requests`: help requests, their communities, matches and private feedback, from request-events.

CREATE TABLE requests.help_requests (
    id                           uuid        NOT NULL PRIMARY KEY,
    requester_id                 uuid        NOT NULL,
    title                        text        NOT NULL,
    description                  text        NOT NULL,
    category                     text        NOT NULL,
    -- Outside the closed list: sealed on the log, and forgotten with the text.
    category_sealed              boolean     NOT NULL,
    request_type                 text        NOT NULL,
    payload                      jsonb,
    requirements                 jsonb,
    urgency                      text        NOT NULL,
    status                       text        NOT NULL,
    visibility_scope             text        NOT NULL,
    visibility_max_degrees       integer     NOT NULL,
    preferred_start              timestamptz,
    preferred_end                timestamptz,
    scheduled_at                 timestamptz,
    expires_at                   timestamptz NOT NULL,
    is_public                    boolean     NOT NULL,
    requester_visibility_consent boolean     NOT NULL,
    boosted_until                timestamptz,
    completed_at                 timestamptz,
    text_forgotten_at            timestamptz,
    proposal_count               integer     NOT NULL,
    -- The approved and the pending ones of request_communities, in their order: the audience is decided on them.
    community_ids                uuid[]      NOT NULL,
    pending_community_ids        uuid[]      NOT NULL,
    created_at                   timestamptz NOT NULL,
    updated_at                   timestamptz NOT NULL,
    version                      bigint      NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('requests.help_requests');

CREATE INDEX help_requests_by_age ON requests.help_requests (status, created_at DESC, id DESC);
CREATE INDEX help_requests_by_requester ON requests.help_requests (requester_id, created_at DESC, id DESC);

-- One proposal of one person for one request.
CREATE TABLE requests.matches (
    id                  uuid        NOT NULL PRIMARY KEY,
    request_id          uuid        NOT NULL,
    requester_id        uuid        NOT NULL,
    responder_id        uuid        NOT NULL,
    offer_id            uuid,
    via                 text        NOT NULL,
    status              text        NOT NULL,
    reason              text,
    message             text,
    scheduled_at        timestamptz,
    travel_time_minutes integer,
    requester_done_at   timestamptz,
    responder_done_at   timestamptz,
    completed_at        timestamptz,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    version             bigint      NOT NULL
) PARTITION BY LIST (id);
CALL projection.make_read_table('requests.matches');

CREATE INDEX matches_by_requester ON requests.matches (requester_id, created_at DESC, id DESC);
CREATE INDEX matches_by_responder ON requests.matches (responder_id, created_at DESC, id DESC);
CREATE INDEX matches_by_request ON requests.matches (request_id, created_at, id);

CREATE POLICY reader ON requests.matches FOR SELECT TO karmyq_query
    USING (requester_id = (SELECT auth.caller()) OR responder_id = (SELECT auth.caller()));

-- The audience (spec: request.md 6.1). Requester and responders have the row in every status; everybody else only
-- while the request is to be seen, and past its due time it counts as expired before the timer has said so. Trust
-- network and sister communities widen it once their read models exist.
CREATE POLICY reader ON requests.help_requests FOR SELECT TO karmyq_query
    USING (
        requester_id = (SELECT auth.caller())
        OR EXISTS (
            SELECT FROM requests.matches AS m
            WHERE m.request_id = help_requests.id AND m.responder_id = (SELECT auth.caller())
        )
        OR (SELECT auth.caller()) IS NOT NULL
           AND status IN ('open', 'matched', 'completed')
           AND (status <> 'open' OR expires_at > now())
           AND text_forgotten_at IS NULL
           AND (
               visibility_scope = 'platform'
               OR community_ids && (SELECT auth.caller_communities())::uuid[]
                  AND EXISTS (
                      SELECT FROM community.memberships AS m
                      WHERE m.user_id = help_requests.requester_id AND m.status = 'active'
                        AND m.community_id = ANY (help_requests.community_ids)
                        AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
                  )
               OR EXISTS (
                   SELECT FROM community.communities AS c
                   WHERE c.id = ANY (help_requests.community_ids)
                     AND c.outsider_response_allowed AND c.visibility_mode = 'public'
               )
           )
           AND auth.is_active(requester_id)
        OR status = 'pending'
           AND pending_community_ids && (SELECT auth.caller_communities())::uuid[]
           AND EXISTS (
               SELECT FROM community.memberships AS m
               WHERE m.user_id = (SELECT auth.caller()) AND m.status = 'active' AND m.role IN ('admin', 'moderator')
                 AND m.community_id = ANY (help_requests.pending_community_ids)
                 AND m.community_id = ANY ((SELECT auth.caller_communities())::uuid[])
           )
    );

CREATE TABLE requests.request_communities (
    request_id   uuid        NOT NULL,
    community_id uuid        NOT NULL,
    status       text        NOT NULL,
    position     integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (request_id, community_id)
) PARTITION BY LIST (request_id);
CALL projection.make_read_table('requests.request_communities');

CREATE INDEX request_communities_by_community ON requests.request_communities (community_id, status, created_at DESC, request_id DESC);

CREATE POLICY reader ON requests.request_communities FOR SELECT TO karmyq_query
    USING (EXISTS (SELECT FROM requests.help_requests AS r WHERE r.id = request_communities.request_id));

CREATE TABLE requests.match_feedback (
    match_id        uuid             NOT NULL,
    from_user_id    uuid             NOT NULL,
    request_id      uuid             NOT NULL,
    to_user_id      uuid             NOT NULL,
    rating          double precision NOT NULL,
    helpfulness     integer,
    responsiveness  integer,
    clarity         integer,
    comment         text,
    allow_featuring boolean          NOT NULL,
    created_at      timestamptz      NOT NULL,
    PRIMARY KEY (match_id, from_user_id)
) PARTITION BY LIST (match_id);
CALL projection.make_read_table('requests.match_feedback');

CREATE INDEX match_feedback_by_author ON requests.match_feedback (from_user_id, created_at DESC);
CREATE INDEX match_feedback_by_request ON requests.match_feedback (request_id);

CREATE POLICY reader ON requests.match_feedback FOR SELECT TO karmyq_query
    USING (from_user_id = (SELECT auth.caller()));

-- What a participant may know of the other side's feedback: that it is there, and whether both allow featuring.
CREATE FUNCTION requests.counterpart_feedback(match uuid)
    RETURNS TABLE (theirs_given boolean, both_allow_featuring boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT COALESCE(bool_or(f.from_user_id <> auth.caller()), false),
           count(*) = 2 AND bool_and(f.allow_featuring)
    FROM requests.matches AS m
    LEFT JOIN requests.match_feedback AS f ON f.match_id = m.id
    WHERE m.id = counterpart_feedback.match AND auth.caller() IN (m.requester_id, m.responder_id)
    GROUP BY m.id;
END;

GRANT EXECUTE ON FUNCTION requests.counterpart_feedback(uuid) TO karmyq_query;
