-- Projection `feed`: facts that cards are made of, from request- and community-events, and what people dismissed.

CREATE TABLE feed.activities (
    -- Of the event that is the activity.
    id           uuid        NOT NULL,
    community_id uuid        NOT NULL,
    user_id      uuid,
    type         text        NOT NULL,
    -- Ids, numbers and closed values only; texts are looked up when read.
    data         jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (id, community_id)
) PARTITION BY LIST (id);
CALL projection.make_read_table('feed.activities');

CREATE INDEX activities_by_community ON feed.activities (community_id, created_at DESC, id DESC);

CREATE POLICY reader ON feed.activities FOR SELECT TO karmyq_query
    USING (community_id = ANY ((SELECT auth.caller_communities())::uuid[]));

CREATE TABLE feed.dismissals (
    user_id   uuid        NOT NULL,
    item_type text        NOT NULL,
    item_id   uuid        NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (user_id, item_type, item_id)
) PARTITION BY LIST (user_id);
CALL projection.make_read_table('feed.dismissals');

CREATE POLICY reader ON feed.dismissals FOR SELECT TO karmyq_query
    USING (user_id = (SELECT auth.caller()));
