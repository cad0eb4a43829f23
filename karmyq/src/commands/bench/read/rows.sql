-- Read models of a large neighbourhood, as the projections would have filled them: 1 000 communities, 25 000 people with
-- four memberships each, and `bench.requests` requests of one year with all that they bring about. The test of query
-- plans and `karmyq bench read` both use it. Everything follows from numbers, so that each run has the same rows. Runs as
-- the owner of the tables, in an empty database.

-- Grows with the number, as the ids of real rows grow with time, and has the rest of it drawn.
CREATE FUNCTION pg_temp.id(kind text, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN (lpad(to_hex(number), 8, '0') || substr(md5(kind || number), 9))::uuid;

CREATE FUNCTION pg_temp.person(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN pg_temp.id('person', number % 25000);

-- The community of a person's membership; a membership has one of four turns.
CREATE FUNCTION pg_temp.community_of(person bigint, turn bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN pg_temp.id('community', (person % 25000 * 7 + turn % 4 * 251) % 1000);

CREATE FUNCTION pg_temp.one_of(choices text[], number bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN choices[1 + number % cardinality(choices)];

INSERT INTO auth.users (id, email, name, bio, email_verified, two_factor, state, created_at, updated_at, version)
SELECT pg_temp.person(n), format('person%s@example.org', n), format('Person %s', n), 'Lives around the corner', true, false,
       CASE WHEN n % 100 = 99 THEN 'deactivated' ELSE 'active' END, now() - interval '400 days', now() - interval '400 days', 2
FROM generate_series(0, 24999) AS n;

INSERT INTO auth.user_settings (user_id, show_my_karma_to_me, share_reputation, show_connection_path, show_who_invited_me,
    show_who_i_invited, timezone, updated_at, version)
SELECT pg_temp.person(n), false, n % 3 = 0, true, true, false, 'Europe/Berlin', now() - interval '400 days', 2
FROM generate_series(0, 24999) AS n;

INSERT INTO auth.user_skills (skill_id, user_id, skill, slug, created_at)
SELECT pg_temp.id('skill', n), pg_temp.person(n), initcap(slug), slug, now() - interval '1 day' * (1 + n / 25000)
FROM generate_series(0, 74999) AS n,
     pg_temp.one_of('{handyman,driving,gardening,cooking,tutoring,cleaning,baking,languages,pet_care}', n * 4 + n / 25000) AS slug;

INSERT INTO auth.sessions (session_id, user_id, created_at, last_used_at, expires_at, revoked_at, user_agent, ip_prefix)
SELECT pg_temp.id('session', n), pg_temp.person(n), now() - interval '20 days', now() - interval '1 day',
       now() + interval '10 days', CASE WHEN n % 5 = 0 THEN now() - interval '10 days' END, 'a browser', '192.0.2.0/24'
FROM generate_series(0, 74999) AS n;

-- One in a hundred lets outsiders respond; one in ten is not public.
INSERT INTO community.communities (id, name, description, location, category, type, access_type, max_members,
    current_members, creator_id, status, lat, lng, tags, visibility_mode, outsider_response_allowed, last_activity_at,
    created_at, updated_at, version)
SELECT pg_temp.id('community', n), format('Street %s', n), 'Neighbours who help each other', pg_temp.one_of('{Berlin,Köln,Wien}', n),
       'street', 'mutual_aid', CASE WHEN n % 2 = 0 THEN 'public' ELSE 'private' END, 150, 100, pg_temp.person(n * 143), 'active',
       CASE WHEN n % 2 = 0 THEN 48 + n / 250.0 END, CASE WHEN n % 2 = 0 THEN 7 + n / 200.0 END,
       ARRAY[pg_temp.one_of('{garden,bikes,tools,children,books}', n)],
       CASE WHEN n % 10 = 9 THEN 'members_only' ELSE 'public' END, n % 100 = 50,
       now() - interval '1 minute' * n, now() - interval '500 days' + interval '1 minute' * n, now(), 103
FROM generate_series(0, 999) AS n;

INSERT INTO community.settings (community_id, request_ttl_days, offer_ttl_days, message_ttl_days, notification_ttl_days,
    completed_request_window_days, message_window_days, expired_request_window_days, reputation_half_life_months,
    activity_types, leaderboard_enabled, updated_at, version)
SELECT id, 60, 60, 90, 30, 180, 180, 7, 6, '{complete_request}', true, now(), version FROM community.communities;

INSERT INTO community.configs (community_id, member_cap, visibility_mode, outsider_response_allowed, enabled_request_types,
    default_request_scope, request_approval_required, base_karma_pool_per_request, karma_split_helper,
    karma_split_requester, karma_decay_half_life_days, new_member_karma_lockout_days, trust_depth_weight,
    trust_breadth_weight, trust_feedback_threshold, min_interactions_for_trust, trust_carry_enabled, trust_carry_factor,
    trust_carry_cap, trust_decay_half_life_days, trust_path_max_hops, community_trust_bonding_weight,
    community_trust_bridging_weight, updated_at, version)
SELECT id, 150, visibility_mode, outsider_response_allowed, '[]', 'community', false, 100, 60, 40, 180, 0, 0.6, 0.4, 3, 1,
       true, 0.4, 59, 90, 3, 0.6, 0.4, now(), version
FROM community.communities;

-- The first thousand people are an admin each, the next a moderator.
INSERT INTO community.memberships (community_id, user_id, role, status, joined_at, version)
SELECT pg_temp.community_of(n, turn), pg_temp.person(n),
       CASE WHEN turn = 0 AND n < 1000 THEN 'admin' WHEN turn = 0 AND n < 2000 THEN 'moderator' ELSE 'member' END,
       'active', now() - interval '390 days' + interval '1 second' * (n * 4 + turn), 3 + n
FROM generate_series(0, 24999) AS n, generate_series(0, 3) AS turn;

INSERT INTO community.join_requests (community_id, user_id, status, message, created_at, decided_at, version)
SELECT pg_temp.community_of(n, turn), pg_temp.person(n + 500 + turn), CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'approved' END,
       'I live around the corner', now() - interval '1 minute' * n, CASE WHEN n % 10 > 0 THEN now() END, 50
FROM generate_series(0, 24999) AS n, generate_series(0, 1) AS turn
ON CONFLICT DO NOTHING;

-- What the other tables follow from. A request is one of a person in turn, in one of the person's communities, every
-- tenth in two. Of those of the last month half are open, of the older ones two in three were completed.
CREATE TEMPORARY TABLE asked AS
SELECT n, pg_temp.id('request', n) AS id, asker, pg_temp.person(asker) AS requester_id, turn,
       pg_temp.person(asker + 1000 * (1 + n % 24)) AS responder_id,
       ARRAY[pg_temp.community_of(asker, turn)]
           || CASE WHEN n % 10 = 0 THEN ARRAY[pg_temp.community_of(asker, turn + 1)] ELSE '{}' END AS community_ids,
       CASE WHEN age < interval '30 days' THEN pg_temp.one_of('{open,open,open,open,matched,completed,completed,cancelled}', n / 7)
            ELSE pg_temp.one_of('{completed,completed,completed,completed,expired,cancelled}', n / 7) END AS status,
       now() - age AS at, age > interval '180 days' AS forgotten
FROM (
    SELECT n, n * 7919 % 25000 AS asker, n / 25000 % 4 AS turn,
           interval '360 days' * ((current_setting('bench.requests')::bigint - n)::double precision / current_setting('bench.requests')::bigint) AS age
    FROM generate_series(0, current_setting('bench.requests')::bigint - 1) AS n
) AS drawn;
ANALYZE asked;

INSERT INTO requests.help_requests (id, requester_id, title, description, category, category_sealed, request_type, urgency,
    status, visibility_scope, visibility_max_degrees, expires_at, is_public, requester_visibility_consent, completed_at,
    text_forgotten_at, proposal_count, community_ids, pending_community_ids, created_at, updated_at, version)
SELECT id, requester_id, format('Carry sofa %s', n),
       'It has to get up two flights of stairs on Saturday morning, and it is heavier than it looks. There will be cake.',
       pg_temp.one_of('{moving,transportation,gardening,cooking,tutoring,errands,cleaning,pet_care}', n), false,
       pg_temp.one_of('{generic,generic,ride,borrow,service,event}', n / 3), pg_temp.one_of('{low,medium,high,urgent}', n),
       status, CASE WHEN n % 200 = 0 THEN 'platform' ELSE 'community' END, 3, at + interval '60 days', false, false,
       CASE WHEN status = 'completed' THEN at + interval '3 days' END,
       CASE WHEN forgotten THEN at + interval '180 days' END, 1, community_ids, '{}', at, at, 5
FROM asked;

INSERT INTO requests.request_communities (request_id, community_id, status, position, created_at)
SELECT id, community_ids[place], 'approved', place - 1, at
FROM asked, generate_series(1, cardinality(community_ids)) AS place;

INSERT INTO requests.matches (id, request_id, requester_id, responder_id, via, status, message, completed_at, created_at,
    updated_at, version)
SELECT pg_temp.id('match', n), id, requester_id, responder_id, 'proposal',
       CASE status WHEN 'open' THEN 'proposed' WHEN 'expired' THEN 'rejected' ELSE status END, 'I have a trolley, too',
       CASE WHEN status = 'completed' THEN at + interval '3 days' END, at + interval '1 hour', at + interval '1 hour', 4
FROM asked;

INSERT INTO requests.match_feedback (match_id, from_user_id, request_id, to_user_id, rating, helpfulness, comment,
    allow_featuring, created_at)
SELECT pg_temp.id('match', n), requester_id, id, responder_id, 1 + n % 5, 1 + n % 5, 'Kind and on time', n % 2 = 0,
       at + interval '4 days'
FROM asked WHERE status = 'completed';

INSERT INTO feed.activities (id, community_id, user_id, type, data, created_at)
SELECT pg_temp.id('asked', n), community, requester_id, 'request_created',
       jsonb_build_object('requestId', id, 'requestType', 'generic', 'urgency', 'medium'), at
FROM asked, unnest(community_ids) AS community
UNION ALL
SELECT pg_temp.id('helped', n), community, responder_id, 'match_completed',
       jsonb_build_object('matchId', pg_temp.id('match', n), 'requestId', id, 'requestType', 'generic',
                          'helperId', responder_id, 'requesterId', requester_id), at + interval '3 days'
FROM asked, unnest(community_ids) AS community WHERE status = 'completed'
UNION ALL
SELECT pg_temp.id('joined', n * 4 + turn), pg_temp.community_of(n, turn), pg_temp.person(n), 'user_joined_community',
       '{"role": "member", "via": "join"}', now() - interval '390 days' + interval '1 second' * (n * 4 + turn)
FROM generate_series(0, 24999) AS n, generate_series(0, 3) AS turn;

INSERT INTO reputation.karma_records (id, user_id, community_id, points, reason, match_id, request_id, created_at)
SELECT pg_temp.id(side.reason, n), CASE side.points WHEN 60 THEN responder_id ELSE requester_id END, community_ids[1],
       side.points, side.reason, pg_temp.id('match', n), id, at + interval '3 days'
FROM asked, (VALUES (60, 'helped_with_request'), (40, 'received_help')) AS side (points, reason)
WHERE status = 'completed';

INSERT INTO reputation.exchanges (match_id, community_id, user_id, counterparty_id, role, completed_at)
SELECT pg_temp.id('match', n), community_ids[1], responder_id, requester_id, 'helper', at + interval '3 days'
FROM asked WHERE status = 'completed'
UNION ALL
SELECT pg_temp.id('match', n), community_ids[1], requester_id, responder_id, 'requester', at + interval '3 days'
FROM asked WHERE status = 'completed';

INSERT INTO reputation.ratings (match_id, user_id, rating, helpfulness, given_at)
SELECT match_id, to_user_id, rating, helpfulness, created_at FROM requests.match_feedback;

INSERT INTO reputation.standings (user_id, community_id, total_karma, helps_given, helps_received, bonus_karma,
    last_activity_at, version)
SELECT user_id, community_id, sum(points), count(*) FILTER (WHERE points = 60), count(*) FILTER (WHERE points = 40), 0,
       max(created_at), count(*)
FROM reputation.karma_records GROUP BY user_id, community_id;

INSERT INTO reputation.badges (user_id, badge_type, match_id, earned_at)
SELECT pg_temp.person(n), badge, pg_temp.id('match', n), now() - interval '100 days'
FROM generate_series(0, 24999) AS n, unnest(ARRAY['first_help', 'first_request']) AS badge;

-- Two notices a request, of which those of the last month are neither read by all nor expired; and one person with a
-- full inbox.
INSERT INTO notifications.notifications (id, user_id, type, priority, subject_type, subject_id, actor_id, community_id,
    params, action_url, read, count, created_at, read_at, expires_at, position, position_offset, version)
SELECT pg_temp.id('notice', n * 2 + copy), CASE copy WHEN 0 THEN requester_id ELSE responder_id END,
       CASE copy WHEN 0 THEN 'match_created' ELSE 'match_accepted' END, 'high', 'match', pg_temp.id('match', n),
       CASE copy WHEN 0 THEN responder_id ELSE requester_id END, community_ids[1], jsonb_build_object('requestId', id),
       format('/requests/%s', id), n % 3 > 0, 1, at, CASE WHEN n % 3 > 0 THEN at END, at + interval '30 days',
       format('notification-events/0@%s', n * 2 + copy), n * 2 + copy, 1
FROM asked, generate_series(0, 1) AS copy
UNION ALL
SELECT pg_temp.id('full', n), pg_temp.person(0), 'new_request', 'normal', 'request', pg_temp.id('request', n),
       pg_temp.person(n), pg_temp.community_of(0, 0), jsonb_build_object('requestId', pg_temp.id('request', n)),
       '/requests', n % 2 = 0, 1, now() - interval '1 minute' * n, NULL, now() + interval '20 days',
       format('notification-events/0@%s', 1000000000 - n), 1000000000 - n, 1
FROM generate_series(1, 2000) AS n;

INSERT INTO notifications.deliveries (notification_id, channel, user_id, status, attempts, at)
SELECT id, 'in_app', user_id, 'pending', 0, created_at FROM notifications.notifications;

INSERT INTO notifications.preferences (user_id, type, in_app, version)
SELECT pg_temp.person(n), 'new_request', false, 2 FROM generate_series(0, 24999) AS n;

INSERT INTO notifications.global_preferences (user_id, push, timezone, version)
SELECT pg_temp.person(n), false, 'Europe/Berlin', 2 FROM generate_series(0, 24999) AS n;

INSERT INTO feed.dismissals (user_id, item_type, item_id, until)
SELECT pg_temp.person(n), 'suggested_community', pg_temp.id('community', n % 1000), now() + interval '30 days'
FROM generate_series(0, 99999) AS n
ON CONFLICT DO NOTHING;

DROP TABLE asked;
